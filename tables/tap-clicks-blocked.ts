/** proofpoint_tap_clicks_blocked: `clicksBlocked` of the TAP SIEM API. */
import { tapClickTable } from './tap-click.ts';

export const tapClicksBlocked = tapClickTable({
  name: 'proofpoint_tap_clicks_blocked',
  description: 'Clicks on rewritten URLs with a known threat that TAP blocked, one row per event and verdict.',
  recordKinds: { clicksBlocked: 'A click that was stopped.' },
  severityId: 3,
  disposition: 'blocked',
});
