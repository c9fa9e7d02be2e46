/** PoD's `maillog` records of one mail: sendmail's line in `data`, and a reading of it in `sm` that loses what the real service loses. */
import type { Mail } from '../mail.ts';
import { seeded } from '../random.ts';
import { isoMicros, type LogLine } from './line.ts';
import { type Delivery, deliveriesOf, equatesText } from './sendmail.ts';

/** Records as JSON text: one for each `from=` and `to=` line. */
export function podMaillogs(mail: Mail): LogLine[] {
  // The schema before 2020: no customerId, numbers as numbers, TLS inside `sm`.
  const old = mail.number % 20 === 3;
  return deliveriesOf(mail).map((delivery, index) => ({
    timeMicros: delivery.timeMicros,
    text: JSON.stringify(record(mail, delivery, index, old)),
  }));
}

function record(mail: Mail, delivery: Delivery, index: number, old: boolean): Record<string, unknown> {
  const { timeMicros, program, qid, equates } = delivery;
  const { host, offsetMinutes, clusterId } = mail.gateway;
  const agent = { agent: host, cid: clusterId };
  const { size, to, tls_verify, tls_version, cipher, ...rest } = equates;
  const sm: Record<string, unknown> = { qid };
  for (const [key, value] of Object.entries(rest)) sm[key] = field(key, value, old);
  if (to !== undefined) sm['to'] = [cut(to)];
  if (size !== undefined) sm['sizeBytes'] = field('sizeBytes', size, old);
  if (old) sm['tls'] = { verify: tls_verify };
  return {
    id: Buffer.from(seeded(mail.guid, 'maillog', index).hex(32), 'hex')
      .toString('base64')
      .slice(0, 22),
    ts: isoMicros(timeMicros, offsetMinutes, mail.number % 3 === 0),
    data: `${isoMicros(timeMicros, offsetMinutes)} ${host} ${program}: ${qid}: ${equatesText(equates)}`,
    pps: agent,
    sm,
    ...(old ? {} : { tls: { verify: tls_verify, version: tls_version, cipher } }),
    metadata: old
      ? { origin: { data: agent } }
      : { customerId: `customer-${clusterId}`, origin: { data: agent, schemaVersion: '20200420' } },
  };
}

const numbers = new Set(['class', 'nrcpts', 'pri', 'sizeBytes']);

function field(key: string, value: string, old: boolean): string | number {
  if (old && numbers.has(key)) return Number(value);
  // `host. [ip]` loses its dot.
  return key === 'relay' ? cut(value).replace('. [', ' [') : cut(value);
}

/** The service ends a value at the first `=` or `, `; samples in https://github.com/Azure/Azure-Sentinel, Sample Data/Custom. */
function cut(value: string): string {
  const ends = [value.indexOf('='), value.indexOf(', ')].filter((end) => end >= 0);
  return value.slice(0, Math.min(value.length, ...ends));
}
