/** What sendmail says about a transfer, shared by the gateway's own log and the maillog of Proofpoint on Demand. */
import { domainOf, unbracket, unliteral } from './address.ts';
import { int32, int64, text } from './column.ts';
import type { Disposition } from './disposition.ts';
import { field, textList } from './field.ts';
import type { RecordKind } from './text/equates.ts';
import { parseClockSeconds } from './time.ts';

/** TLS has other names in `STARTTLS=` lines than in from and to lines. */
const otherKeys: ReadonlyMap<string, readonly string[]> = new Map([
  ['tls_verify', ['tls_verify', 'verify']],
  ['tls_version', ['tls_version', 'version']],
]);

/** Where a line of sendmail has the equate of that name. */
export function lineKeys(equate: string): string | readonly string[] {
  return otherKeys.get(equate) ?? equate;
}

/** The fields that both tables have. `pathsOf` says where the source has the equate of that name. */
export function transferFields(pathsOf: (equate: string) => string | readonly string[]) {
  return {
    size: field(int64, pathsOf('size'), { description: 'Size of the message in bytes.', ocsf: 'email.size' }),
    class: field(int32, pathsOf('class'), { description: 'Precedence; may be negative.', example: '-60' }),
    nrcpts: field(int32, pathsOf('nrcpts'), { description: 'Number of recipients.' }),
    msgid: field(
      text,
      pathsOf('msgid'),
      { description: 'Message-ID header without `<>`.', ocsf: 'email.message_uid', observable: 'message_id' },
      unbracket,
    ),
    proto: field(text, pathsOf('proto'), {
      description: 'Protocol of receipt.',
      ocsf: 'protocol_name',
      example: 'ESMTP',
    }),
    daemon: field(text, pathsOf('daemon'), { description: 'Daemon that received.', example: 'MTA' }),
    auth: field(text, pathsOf('auth'), { description: 'Authentication of the client; `NONE` without.' }),
    ctladdr: field(
      text,
      pathsOf('ctladdr'),
      { description: 'Address in whose name sendmail delivered, without user and group ids.', observable: 'email' },
      withoutIds,
    ),
    mailer: field(text, pathsOf('mailer'), { description: 'Mailer that delivered.', example: 'esmtp' }),
    pri: field(int64, pathsOf('pri'), { description: 'Priority in the queue.' }),
    relay: field(text, pathsOf('relay'), {
      description: 'Peer as it stands.',
      example: 'mx.example.com. [192.0.2.1] (may be forged)',
    }),
    delay_s: field(
      int64,
      pathsOf('delay'),
      { description: 'Time since the message was accepted, seconds.', example: '147061' },
      seconds,
    ),
    xdelay_s: field(
      int64,
      pathsOf('xdelay'),
      { description: 'Time of this delivery attempt, seconds.', ocsf: 'duration' },
      seconds,
    ),
    dsn: field(text, pathsOf('dsn'), {
      description: 'Enhanced status code.',
      ocsf: 'status_code',
      example: '2.0.0',
    }),
    stat: field(text, pathsOf('stat'), {
      description: 'Outcome in the words of sendmail and the peer.',
      ocsf: 'status_detail',
      example: 'Sent (Ok: queued)',
    }),
    tls_verify: field(text, pathsOf('tls_verify'), {
      description: 'Verification of the peer: `OK`, `NO`, `FAIL`, `NONE` (no TLS).',
    }),
    tls_version: field(
      text,
      pathsOf('tls_version'),
      { description: 'TLS version; null without TLS.', example: 'TLSv1.2' },
      withoutNone,
    ),
    tls_cipher: field(text, pathsOf('cipher'), { description: 'TLS cipher; null without TLS.' }, withoutNone),
    authid: field(text, pathsOf('authid'), {
      description: 'User that a client authenticated as.',
      ocsf: 'actor.user.name',
      observable: 'any',
    }),
    arg1: field(
      text,
      pathsOf('arg1'),
      {
        description: 'What a ruleset judged: address without `<>`, or name of a host.',
        example: 'spam@malicious.example',
        observable: 'any',
      },
      unbracket,
    ),
    arg2: field(
      text,
      pathsOf('arg2'),
      {
        description: 'The other thing that a ruleset of two judged, such as the address of the host.',
        observable: 'any',
      },
      unbracket,
    ),
    reject: field(text, pathsOf('reject'), {
      description: 'Answer with which a ruleset rejected.',
      ocsf: 'status_detail',
      example: '550 5.7.1 Relaying denied',
    }),
  };
}

export const senderField = (path: string) =>
  field(
    text,
    path,
    {
      description: 'Envelope sender without `<>`; null for the null sender.',
      ocsf: 'from | email.from',
      observable: 'email',
    },
    unbracket,
  );

export const recipientsField = (path: string | readonly string[]) =>
  field(
    textList,
    path,
    { description: 'Recipients without `<>`.', ocsf: 'to | email.to', observable: 'email' },
    recipient,
  );

/** Where recipients fill several lines, the last of each but the last line's is `[more]`. */
function recipient(item: string): string {
  return item === '[more]' ? '' : unbracket(item);
}

export const transferColumns = {
  sender_domain: text({
    description: 'Domain of the envelope sender, lower case.',
    source: 'derived: from',
    observable: 'domain',
  }),
  relay_host: text({
    description: 'Name of the peer, lower case, without the final dot.',
    source: 'derived: relay',
    ocsf: 'src_endpoint.hostname (record_kind=from) | dst_endpoint.hostname (record_kind=to)',
    observable: 'domain',
  }),
  relay_ip: text({
    description: 'Address of the peer.',
    source: 'derived: relay',
    ocsf: 'src_endpoint.ip (record_kind=from) | dst_endpoint.ip (record_kind=to)',
    observable: 'ip',
  }),
  stat_class: text({
    description: '`sent`, `queued`, `deferred` or `bounced`.',
    source: 'derived: stat, dsn',
    ocsf: 'status_id',
  }),
  record_kind: text({
    description: 'What the line is about: `from`, `to`, `starttls`, `auth`, `ruleset` or `other`.',
    source: 'derived: first key',
    ocsf: 'metadata.event_code',
  }),
};

export const recordKinds: Readonly<Record<RecordKind, string>> = {
  from: 'A message was received.',
  to: 'An attempt to deliver a message, to one or more recipients of one mailer.',
  starttls: 'TLS with a peer.',
  auth: 'Authentication of a client.',
  ruleset: 'A ruleset or a filter (milter) spoke, mostly to reject.',
  other: 'Anything else; its text is in `message` (gateway) or `data` (PoD).',
};

/** MTA Relay */
export const relayEvent = { classUid: 4009, activityId: 5, severityId: 1 } as const;

export const transferDispositionFrom =
  'stat_class: `sent` is `delivered`, `queued` and `deferred` are `delayed`, `bounced` is `rejected`; a ruleset or filter that rejects is `rejected`, or `delayed` where its answer begins with 4';

interface Outcome {
  readonly reject: string | null;
  readonly stat_class: string | null;
}

export function transferDisposition({ reject, stat_class: outcome }: Outcome): Disposition | null {
  if (reject !== null) return reject.startsWith('4') ? 'delayed' : 'rejected';
  switch (outcome) {
    case 'sent':
      return 'delivered';
    case 'queued':
    case 'deferred':
      return 'delayed';
    case 'bounced':
      return 'rejected';
    default:
      return null;
  }
}

interface Transfer {
  readonly relay: string | null;
  readonly stat: string | null;
  readonly dsn: string | null;
}

/** The derived columns but `record_kind`. */
export function deriveTransfer({ relay, stat, dsn }: Transfer, sender: string | null) {
  const peer = relay === null ? undefined : readRelay(relay);
  return {
    sender_domain: domainOf(sender),
    relay_host: peer?.relay_host ?? null,
    relay_ip: peer?.relay_ip ?? null,
    stat_class: stat === null ? null : statClass(stat, dsn),
  };
}

/** `host. [ip]`, `host [ip] (may be forged)`, `[ip] [ip]`, `[host] [ip]`, `[ip]`, `host.`, `user@host`. */
export function readRelay(relay: string): { relay_host: string | null; relay_ip: string | null } {
  const blank = relay.indexOf(' ');
  const name = blank < 0 ? relay : relay.slice(0, blank);
  const peer = name.slice(name.lastIndexOf('@') + 1).toLowerCase();
  const literal = peer.startsWith('[');
  const host = literal ? unliteral(peer) : peer;
  return {
    relay_host:
      literal && (host === peer || isAddress(host)) ? null : (host.endsWith('.') ? host.slice(0, -1) : host) || null,
    relay_ip: bracketedAddress(relay),
  };
}

/** The first address in brackets: a name may stand in some before it, where its MX records are not to be used. */
function bracketedAddress(relay: string): string | null {
  let open = relay.indexOf('[');
  while (open >= 0) {
    const close = relay.indexOf(']', open);
    if (close < 0) return null;
    const address = unliteral(relay.slice(open, close + 1));
    if (isAddress(address)) return address;
    open = relay.indexOf('[', close);
  }
  return null;
}

/** Digits and dots alone, or any colon: enough to tell an address, even one that was made unreadable, from a name. */
function isAddress(peer: string): boolean {
  let at = 0;
  while (at < peer.length && isDigitOrDot(peer.charCodeAt(at))) at++;
  return (at === peer.length && at > 0) || peer.includes(':', at);
}

function isDigitOrDot(code: number): boolean {
  return (code >= 48 && code <= 57) || code === 46;
}

type StatClass = 'sent' | 'queued' | 'deferred' | 'bounced';

/**
 * By sendmail's own first word, else by the class of the enhanced status code (https://www.rfc-editor.org/rfc/rfc3463). Remote servers write into `stat`,
 * and not into that code: nothing is sent against it.
 */
export function statClass(stat: string, dsn: string | null): StatClass | null {
  const head = stat.slice(0, 8).toLowerCase();
  const isFailed = dsn?.startsWith('5.') === true || dsn?.startsWith('4.') === true;
  if (head.startsWith('sent') && !isFailed) return 'sent';
  if (head.startsWith('queued')) return 'queued';
  if (head.startsWith('deferred')) return 'deferred';
  if (dsn?.startsWith('5.') === true) return 'bounced';
  if (dsn?.startsWith('4.') === true) return 'deferred';
  return dsn?.startsWith('2.') === true ? 'sent' : null;
}

/** `[D+]HH:MM:SS` as a number of seconds; anything else as it is, which then fits no number. */
function seconds(delay: string): string {
  // what nearly all delays are
  if (delay === '00:00:00') return '0';
  const plus = delay.indexOf('+');
  const days = plus < 0 ? '0' : delay.slice(0, plus);
  const clock = delay.length - plus - 1 === 8 ? parseClockSeconds(delay, plus + 1) : undefined;
  return clock === undefined || !/^\d{1,5}$/.test(days) ? delay : String(Number(days) * 86_400 + clock);
}

/** `<address> (8/0)`, `address (8/0)` and `user (8/0)` without user and group ids and `<>`: sendmail, 4th edition, §14.6.5. */
function withoutIds(value: string): string {
  const ids = value.endsWith(')') ? value.lastIndexOf(' (') : -1;
  return unbracket(ids >= 0 && /^\d+\/\d+$/.test(value.slice(ids + 2, -1)) ? value.slice(0, ids) : value);
}

function withoutNone(value: string): string {
  return value === 'NONE' ? '' : value;
}
