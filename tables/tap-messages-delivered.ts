/** proofpoint_tap_messages_delivered: `messagesDelivered` of the TAP SIEM API. */
import { tapMessageTable } from './tap-message.ts';

export const tapMessagesDelivered = tapMessageTable({
  name: 'proofpoint_tap_messages_delivered',
  description: 'Messages with a known threat that TAP saw delivered, one row per event and verdict.',
  recordKinds: { messagesDelivered: 'A message that reached one recipient, as TAP saw it when it was read.' },
  dispositionFrom: 'always `delivered`',
  severityId: 4,
  disposition: () => 'delivered',
});
