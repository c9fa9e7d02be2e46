/** proofpoint_tap_messages_delivered: `messagesDelivered` of the TAP SIEM API. */
import { tapMessageTable } from './tap-message.ts';

export const tapMessagesDelivered = tapMessageTable(
  'proofpoint_tap_messages_delivered',
  'Messages with a known threat that TAP saw delivered, one row per event and verdict.',
);
