/** proofpoint_tap_clicks_permitted: `clicksPermitted` of the TAP SIEM API. */
import { tapClickTable } from './tap-click.ts';

export const tapClicksPermitted = tapClickTable({
  name: 'proofpoint_tap_clicks_permitted',
  description: 'Clicks on rewritten URLs with a known threat that TAP permitted, one row per event and verdict.',
  recordKinds: {
    clicksPermitted:
      'A click that reached the URL, because the threat was recognised later or the policy let it through.',
  },
  severityId: 4,
  disposition: 'allowed',
});
