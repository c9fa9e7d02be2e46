/** proofpoint_tap_clicks_blocked: `clicksBlocked` of the TAP SIEM API. */
import { tapClickTable } from './tap-click.ts';

export const tapClicksBlocked = tapClickTable(
  'proofpoint_tap_clicks_blocked',
  'Clicks on rewritten URLs with a known threat that TAP blocked, one row per event and verdict.',
);
