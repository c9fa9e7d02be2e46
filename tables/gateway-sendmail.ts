/** proofpoint_gateway_sendmail_logs: the mail log of a Protection Server, one row per line. */
import { text } from './column.ts';
import {
  deriveTransfer,
  lineKeys,
  recipientsField,
  recordKinds,
  relayEvent,
  senderField,
  transferColumns,
  transferDisposition,
  transferDispositionFrom,
  transferFields,
} from './mail-transfer.ts';
import { scanEquates } from './text/equates.ts';
import { assign } from './text/plan.ts';
import { eventTimeFrom, textTable } from './text/text-table.ts';

const fields = {
  mail_from: senderField('from'),
  rcpt_to: recipientsField('to'),
  ...transferFields(lineKeys),
};

const derived = {
  qid: text({
    description: 'Queue id; joins to filter logs, PoD and TAP messages. Not in all lines.',
    source: 'before the equates',
    ocsf: 'message_trace_uid',
    example: 'w3HMZPVT056101',
  }),
  ...transferColumns,
  message: text({
    description: 'Text of a line that is no list of equates.',
    source: 'other lines',
    ocsf: 'message',
  }),
};

export const gatewaySendmail = textTable({
  name: 'proofpoint_gateway_sendmail_logs',
  description: 'Lines of the Protection Server mail log: receipt, delivery attempts, TLS, authentication, rejections.',
  recordKinds,
  eventTimeFrom,
  kept: ['bodytype', 'reply', 'quarantine', 'discard', 'STARTTLS', 'bits', 'AUTH', 'mech', 'ruleset'],
  dispositionFrom: `${transferDispositionFrom}; one that discards is \`dropped\`, one that quarantines is \`quarantined\``,
  ocsf: relayEvent,
  naturalKey: ['qid', 'rcpt_to'],
  fields,
  derived,
  read(line, from, plan, row, extra) {
    const { qid, kind, keys, values, message } = scanEquates(line, from);
    assign(row, extra, plan, keys, values);
    row.qid = qid;
    row.record_kind = kind;
    row.message = message;
    const transfer = deriveTransfer(row, row.mail_from);
    row.sender_domain = transfer.sender_domain;
    row.relay_host = transfer.relay_host;
    row.relay_ip = transfer.relay_ip;
    row.stat_class = transfer.stat_class;
    return keys.length > 0 || message?.includes('=') === true;
  },
  disposition(row, extra) {
    if (row.record_kind === 'ruleset' && row.reject === null) {
      if (extra.has('discard')) return 'dropped';
      if (extra.has('quarantine')) return 'quarantined';
    }
    return transferDisposition(row);
  },
});
