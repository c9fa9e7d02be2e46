/** TAP events of one account, seeded by account and hour: any interval can be told without telling what comes before it. */
import { fateOf, mailOf, mailStartMicros, recipientCountOf, threatMailNumber } from '../mail.ts';
import { type Random, seeded } from '../random.ts';
import { hourMs, hourOf } from '../world.ts';
import { clickRecord, messageRecord, type TapRecord } from './record.ts';

export const tapArrays = ['messagesDelivered', 'messagesBlocked', 'clicksPermitted', 'clicksBlocked'] as const;

/** Key of the response that holds the event. */
export type TapArray = (typeof tapArrays)[number];

export interface TapEvent {
  /** The API selects by this time, milliseconds. */
  readonly createdAtMs: number;
  /** Not in any answer before this time, milliseconds; at most `lateMaxMs` after creation. */
  readonly indexedAtMs: number;
  readonly array: TapArray;
  /** Told on first use: an event that is only counted costs next to nothing. */
  readonly record: TapRecord;
}

export interface TapStream {
  readonly seed: string;
  /** Mails of this tenant's logs (see logs/generate.ts, same seed) are those the events are about. */
  readonly tenant: string;
  readonly eventsPerHour: number;
  /** `natural`: quiet nights, empty hours and bursts around the rate. `steady`: the rate in every hour. */
  readonly rhythm?: 'natural' | 'steady';
  /** Share of events that are indexed late. */
  readonly lateShare?: number;
  /** How late at most, milliseconds; the vendor's half hour unless said otherwise. */
  readonly lateMaxMs?: number;
  /** The live API says `cluster`, the documentation `clusterId`. */
  readonly clusterKey?: 'cluster' | 'clusterId';
}

const vendorLateMaxMs = 30 * 60_000;

/** Events created in [fromMs, toMs), in order of creation. */
export function tapEvents(stream: TapStream, fromMs: number, toMs: number): TapEvent[] {
  const events: TapEvent[] = [];
  for (let hour = hourOf(fromMs); hour < toMs; hour += hourMs) {
    const created = hourEvents(stream, hour).filter(({ createdAtMs }) => createdAtMs >= fromMs && createdAtMs < toMs);
    events.push(...created.sort((one, other) => one.createdAtMs - other.createdAtMs));
  }
  return events;
}

function hourEvents(stream: TapStream, hour: number): TapEvent[] {
  const random = seeded(stream.seed, stream.tenant, 'tap', hour);
  const { count, burstMs } = rhythmOf(stream, hour, random);
  const events: TapEvent[] = [];
  let messages = 0;
  while (events.length < count) {
    const bursting = burstMs !== undefined && random.chance(0.7);
    const drawnMs = hour + (bursting ? burstMs + random.int(0, 119_999) : random.int(0, hourMs - 1));
    if (random.chance(0.4)) {
      const array = random.chance(0.3) ? 'clicksPermitted' : 'clicksBlocked';
      const mail = mailBefore(drawnMs, clickedMail(hour, messages, random));
      events.push(tell({ stream, random, array, mail, createdAtMs: drawnMs }));
      continue;
    }
    const late = random.chance(0.2);
    const mail = late
      ? lateMail(hour, random)
      : mailBefore(bursting ? drawnMs : hour + hourMs, { hour, number: threatMailNumber(messages) });
    const createdAtMs = late || bursting ? drawnMs : recognisedMs(mail, random);
    messages += 1;
    const array = fateOf(mail.number) === 'missed' ? 'messagesDelivered' : 'messagesBlocked';
    // One event per recipient: same GUID, another id (https://github.com/elastic/integrations/issues/9966).
    const recipients = Math.min(recipientCountOf(mail.number), count - events.length);
    for (let recipient = 0; recipient < recipients; recipient += 1) {
      events.push(tell({ stream, random, array, mail, createdAtMs, recipient }));
    }
  }
  return events;
}

/** How many events an hour has, and where in it a burst of two minutes begins. */
function rhythmOf(stream: TapStream, hour: number, random: Random): { count: number; burstMs: number | undefined } {
  if (stream.rhythm === 'steady') return { count: stream.eventsPerHour, burstMs: undefined };
  const hourOfDay = new Date(hour).getUTCHours();
  const weight = hourOfDay >= 7 && hourOfDay < 19 ? 1.5 : 0.4;
  const mood = random.next();
  if (mood < 0.06) return { count: 0, burstMs: undefined };
  const burst = mood > 0.94;
  const count = Math.round(stream.eventsPerHour * weight * (burst ? 3 : 0.7 + random.next() * 0.6));
  return { count, burstMs: burst ? random.int(0, hourMs - 120_000) : undefined };
}

interface MailRef {
  readonly hour: number;
  readonly number: number;
}

/** A mail of days before, whose verdict comes now. */
const lateMail = (hour: number, random: Random): MailRef => ({
  hour: hour - random.int(2, 96) * hourMs,
  number: threatMailNumber(random.int(0, 20)),
});

/** People click mails of this hour, or of up to ten days before. */
const clickedMail = (hour: number, messages: number, random: Random): MailRef => ({
  hour: hour - (random.chance(0.5) ? 0 : random.int(1, 240)) * hourMs,
  number: threatMailNumber(random.int(0, Math.max(messages, 6))),
});

/** The mail, or its namesake of the hour before where it was not sent yet. */
function mailBefore(timeMs: number, mail: MailRef): MailRef {
  return mailStartMicros(mail.hour, mail.number) < timeMs * 1000 ? mail : { ...mail, hour: mail.hour - hourMs };
}

/** At once for a threat known before; within 90 seconds, and the hour, for a new one. */
function recognisedMs({ hour, number }: MailRef, random: Random): number {
  const sentMs = Math.floor(mailStartMicros(hour, number) / 1000);
  return random.chance(0.5) ? sentMs : Math.min(sentMs + random.int(1, 90_000), hour + hourMs - 1);
}

interface Telling {
  readonly stream: TapStream;
  readonly createdAtMs: number;
  readonly random: Random;
  readonly array: TapArray;
  readonly mail: MailRef;
  readonly recipient?: number;
}

function tell({ stream, createdAtMs, random, array, mail: ref, recipient }: Telling): TapEvent {
  const { seed, tenant, lateShare = 0.1, lateMaxMs = vendorLateMaxMs, clusterKey = 'cluster' } = stream;
  const late = random.chance(lateShare);
  const indexedAtMs = createdAtMs + (late ? random.int(60_000, lateMaxMs) : random.int(0, 40_000));
  const draw = random.hex(8);
  let record: TapRecord | undefined;
  const tellRecord = () => {
    const of = {
      mail: mailOf({ seed, tenant, ...ref }),
      createdAtMs,
      random: seeded(seed, tenant, 'record', createdAtMs, draw),
      clusterKey,
    };
    if (recipient === undefined || array === 'clicksPermitted' || array === 'clicksBlocked') return clickRecord(of);
    return messageRecord({ ...of, recipient, array });
  };
  return {
    createdAtMs,
    indexedAtMs,
    array,
    get record() {
      record ??= tellRecord();
      return record;
    },
  };
}
