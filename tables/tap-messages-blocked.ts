/** proofpoint_tap_messages_blocked: `messagesBlocked` of the TAP SIEM API. */
import { tapMessageTable } from './tap-message.ts';

export const tapMessagesBlocked = tapMessageTable({
  name: 'proofpoint_tap_messages_blocked',
  description: 'Messages with a known threat that TAP blocked, one row per event and verdict.',
  recordKinds: { messagesBlocked: 'A message that was kept from one recipient, as TAP saw it when it was read.' },
  dispositionFrom: '`quarantined` with a quarantineFolder, else `blocked`',
  severityId: 3,
  disposition: (message) => (message.quarantine_folder === null ? 'blocked' : 'quarantined'),
});
