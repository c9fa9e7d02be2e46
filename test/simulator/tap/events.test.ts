import { assert, integer, property, tuple } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type TapEvent, tapEvents, type TapStream } from '../../../simulator/tap/events.ts';
import { cpuByJson } from '../../support/cpu.ts';

const startMs = Date.parse('2026-11-20T00:00:00Z');
const hourMs = 3_600_000;
const stream: TapStream = { seed: 'events', tenant: 'acme', eventsPerHour: 120 };
const day = tapEvents(stream, startMs, startMs + 24 * hourMs);

const plain = ({ createdAtMs, indexedAtMs, array, record }: TapEvent) => ({ createdAtMs, indexedAtMs, array, record });
const messages = day.filter(({ array }) => array.startsWith('messages'));
const some = (key: string) => day.filter(({ record }) => key in record).length;

describe('tapEvents', () => {
  it('tells the same events for the same seed and others for another', () => {
    const again = tapEvents({ ...stream }, startMs, startMs + 24 * hourMs);
    expect(JSON.stringify(again.map(plain))).toBe(JSON.stringify(day.map(plain)));
    const other = tapEvents({ ...stream, seed: 'other' }, startMs, startMs + 24 * hourMs);
    expect(JSON.stringify(other.map(plain))).not.toBe(JSON.stringify(day.map(plain)));
  });

  it('tells of any sub-interval exactly what the whole tells of it', () => {
    const span = tuple(integer({ min: 0, max: 24 * hourMs }), integer({ min: 0, max: 3 * hourMs }));
    assert(
      property(span, ([offsetMs, lengthMs]) => {
        const fromMs = startMs + offsetMs;
        const toMs = Math.min(fromMs + lengthMs, startMs + 24 * hourMs);
        const expected = day.filter(({ createdAtMs }) => createdAtMs >= fromMs && createdAtMs < toMs);
        expect(tapEvents(stream, fromMs, toMs).map(plain)).toEqual(expected.map(plain));
      }),
      { numRuns: 30 },
    );
  });

  it('never tells the same record twice', () => {
    expect(new Set(day.map(({ record }) => JSON.stringify(record))).size).toBe(day.length);
  });

  it('gives a message one event for each recipient, with the GUID shared and the id its own', () => {
    const byGuid = new Map<string, TapEvent[]>();
    for (const event of messages) {
      const key = `${String(event.record['GUID'])}@${event.createdAtMs}`;
      byGuid.set(key, [...(byGuid.get(key) ?? []), event]);
    }
    const shared = [...byGuid.values()].filter((group) => group.length > 1);
    expect(shared.length).toBeGreaterThan(50);
    for (const group of shared) {
      expect(new Set(group.map(({ record }) => String(record['recipient']))).size).toBe(group.length);
      const ids = group.flatMap(({ record }) => record['id'] ?? []);
      expect(new Set(ids).size).toBe(ids.length);
    }
  });

  it('creates an event at the later of its own time and the recognition of the threat, or at its eventTime', () => {
    for (const { createdAtMs, record } of day) {
      const { threatsInfoMap, threatTime, messageTime, clickTime, eventTime } = record as Record<string, string> & {
        threatsInfoMap?: { threatTime: string }[];
      };
      const recognised = Date.parse(threatsInfoMap?.[0]?.threatTime ?? threatTime ?? '');
      const happened = Date.parse(messageTime ?? clickTime ?? '');
      expect(eventTime === undefined ? Math.max(recognised, happened) : Date.parse(eventTime)).toBe(createdAtMs);
      expect(happened).toBeLessThanOrEqual(createdAtMs);
      expect(recognised).toBeLessThanOrEqual(createdAtMs);
    }
  });

  it('holds verdicts that come days late, and events that are indexed late but within 30 minutes', () => {
    const lateVerdicts = messages.filter(
      ({ createdAtMs, record }) => createdAtMs - Date.parse(String(record['messageTime'])) > 24 * hourMs,
    );
    expect(lateVerdicts.length).toBeGreaterThan(20);
    const lags = day.map(({ createdAtMs, indexedAtMs }) => indexedAtMs - createdAtMs);
    expect(Math.min(...lags)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...lags)).toBeLessThanOrEqual(30 * 60_000);
    const lateShare = lags.filter((lagMs) => lagMs > 60_000).length / lags.length;
    expect(lateShare).toBeGreaterThan(0.05);
    expect(lateShare).toBeLessThan(0.15);
  });

  it('has quiet and busy hours by nature, and none where it is steady', () => {
    const perHour = (events: readonly TapEvent[]) =>
      Array.from(
        { length: 24 },
        (_, hour) => events.filter(({ createdAtMs }) => Math.floor((createdAtMs - startMs) / hourMs) === hour).length,
      );
    const natural = perHour(day);
    expect(Math.min(...natural)).toBeLessThan(60);
    expect(Math.max(...natural)).toBeGreaterThan(150);
    const steady = tapEvents({ ...stream, rhythm: 'steady' }, startMs, startMs + 24 * hourMs);
    expect(new Set(perHour(steady))).toEqual(new Set([120]));
  });

  it('takes the liberties of real records', () => {
    expect(messages.filter(({ record }) => record['subject'] === null).length).toBeGreaterThan(0);
    expect(some('eventTime')).toBeLessThan(day.length);
    expect(some('id')).toBeLessThan(day.length);
    expect(some('clusterId')).toBe(0);
    expect(some('cluster')).toBe(messages.length);
    const infos = messages.flatMap(({ record }) => record['threatsInfoMap'] as Record<string, unknown>[]);
    expect(infos.some((info) => 'threatId' in info)).toBe(true);
    expect(infos.some((info) => 'threatID' in info)).toBe(true);
    expect(infos.some((info) => !('threatStatus' in info))).toBe(true);
    const partCounts = new Set(messages.map(({ record }) => (record['messageParts'] as unknown[] | null)?.length));
    expect(partCounts.has(1)).toBe(true);
    expect(partCounts.has(4)).toBe(true);
    const documented = tapEvents(
      { ...stream, clusterKey: 'clusterId', rhythm: 'steady' },
      startMs,
      startMs + hourMs,
    ).find(({ array }) => array.startsWith('messages'));
    expect(documented?.record).toHaveProperty('clusterId', 'acme_hosted');
  });

  it('tells a record in the time of five kilobytes of JSON, read and written', () => {
    let told = 0;
    const time = cpuByJson((turn) => {
      const seed = `speed ${turn}`;
      const events = tapEvents(
        { ...stream, seed, eventsPerHour: 1000, rhythm: 'steady' },
        startMs,
        startMs + 4 * hourMs,
      );
      told = events.filter(({ record }) => 'GUID' in record).length;
    });
    expect(told).toBe(4000);
    expect(time / told).toBeLessThan(5);
  });
});
