/** proofpoint_tap_messages_blocked: `messagesBlocked` of the TAP SIEM API. */
import { tapMessageTable } from './tap-message.ts';

export const tapMessagesBlocked = tapMessageTable(
  'proofpoint_tap_messages_blocked',
  'Messages with a known threat that TAP blocked, one row per event and verdict.',
);
