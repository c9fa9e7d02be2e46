/** The body of a SIEM API answer, in pieces, so that a window of many thousand events never stands in memory as text. */
import type { Random } from '../random.ts';
import { isoSeconds } from '../world.ts';
import type { TapArray, TapEvent } from './events.ts';
import type { TapQuery } from './query.ts';
import type { TapRecord } from './record.ts';

const pieceLength = 64 * 1024;

/** Defects of the service that clients have met, in an otherwise good body. */
interface BodyDefects {
  /** The key `"messagesDelivered:"`, quoted in https://github.com/elastic/integrations/issues/9965 */
  readonly colonKey: boolean;
  readonly noQueryEndTime: boolean;
}

/** Neither order of events, of keys nor of message parts is promised: each answer has its own. */
export function* jsonBody(of: {
  events: readonly TapEvent[];
  arrays: readonly TapArray[];
  toMs: number;
  random: Random;
  defects: BodyDefects;
}): Generator<string> {
  const { random, defects } = of;
  let piece = defects.noQueryEndTime ? '{' : `{"queryEndTime":"${isoSeconds(of.toMs)}"`;
  for (const array of random.shuffle(of.arrays)) {
    const key = array === 'messagesDelivered' && defects.colonKey ? 'messagesDelivered:' : array;
    piece += `${piece === '{' ? '' : ','}"${key}":[`;
    let separator = '';
    for (const event of random.shuffle(of.events.filter((candidate) => candidate.array === array))) {
      piece += separator + JSON.stringify(shuffledRecord(event.record, random));
      separator = ',';
      if (piece.length < pieceLength) continue;
      yield piece;
      piece = '';
    }
    piece += ']';
  }
  yield `${piece}}`;
}

const syslogNames = {
  messagesDelivered: { type: 'MSGDLV', id: 'tapmsg@21139' },
  messagesBlocked: { type: 'MSGBLK', id: 'tapmsg@21139' },
  clicksPermitted: { type: 'CLKPER', id: 'tapclk@21139' },
  clicksBlocked: { type: 'CLKBLK', id: 'tapclk@21139' },
} as const;

/** RFC 5424 lines with the record as structured data. */
export function* syslogBody(events: readonly TapEvent[]): Generator<string> {
  for (const { array, createdAtMs, record } of events) {
    const { type, id } = syslogNames[array];
    const data = Object.entries(record).map(([key, value]) => `${key}="${syslogValue(value)}"`);
    yield `<38>1 ${isoSeconds(createdAtMs)} - ProofpointTAP - ${type} [${id} ${data.join(' ')}]\n`;
  }
}

function syslogValue(value: unknown): string {
  const flat = Array.isArray(value) && value.every((item) => typeof item === 'string');
  const text = flat ? value.join(',') : typeof value === 'string' ? value : JSON.stringify(value);
  return text.replaceAll(/["\\\]]/g, '\\$&');
}

/** Whether the filters of the query let the event through. A threat without a status counts as active. */
export function wanted(
  { record }: TapEvent,
  { threatTypes, threatStatuses }: Pick<TapQuery, 'threatTypes' | 'threatStatuses'>,
): boolean {
  const threats = (record['threatsInfoMap'] ?? [{ ...record, threatType: 'url' }]) as readonly {
    threatType: string;
    threatStatus?: string;
  }[];
  const types = threatTypes.map((type) => type.toLowerCase());
  return threats.some(
    ({ threatType, threatStatus = 'active' }) =>
      threatStatuses.includes(threatStatus) && (types.length === 0 || types.includes(threatType.toLowerCase())),
  );
}

function shuffledRecord(record: TapRecord, random: Random): TapRecord {
  const shuffled = Object.fromEntries(random.shuffle(Object.entries(record)));
  const parts = record['messageParts'];
  return Array.isArray(parts) ? { ...shuffled, messageParts: random.shuffle(parts) } : shuffled;
}
