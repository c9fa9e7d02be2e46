/** proofpoint_tap_clicks_permitted: `clicksPermitted` of the TAP SIEM API. */
import { tapClickTable } from './tap-click.ts';

export const tapClicksPermitted = tapClickTable(
  'proofpoint_tap_clicks_permitted',
  'Clicks on rewritten URLs with a known threat that TAP permitted, one row per event and verdict.',
);
