import { describe, expect, it } from 'vitest';
import { createDriftWatch } from '../../lake/drift-watch.ts';
import { generateLogs } from '../../simulator/logs/generate.ts';
import { tables } from '../../tables/registry.ts';
import { rowOf } from './parsing.ts';

const click = tables.proofpoint_tap_clicks_permitted;
const message = tables.proofpoint_tap_messages_blocked;
const pod = tables.proofpoint_on_demand_message;
const filter = tables.proofpoint_gateway_filter_logs;

describe('what a value in extra says about the schema', () => {
  it.each([
    ['a key of no column', click, ['newField'], 1, 'unknown_field'],
    ['a key of no column within a list of records', message, ['messageParts', 'entropy'], 7.9, 'unknown_field'],
    ['an object for a text', click, ['url'], { a: 1 }, 'type_change'],
    ['several values for one', click, ['url'], ['a', 'b'], 'type_change'],
    ['a text for a list of records', message, ['messageParts'], 'none', 'type_change'],
    ['an object for a text within a list of records', message, ['messageParts', 'md5'], { a: 1 }, 'type_change'],
    ['a second value that would fit', click, ['threatId'], 'abc', undefined],
    ['a key of no column in a line', filter, ['newkey'], 'x', 'unknown_field'],
    ['words for a number in a line', filter, ['score'], 'high', 'type_change'],
    ['a repeated number in a line', filter, ['score'], '5\n6', undefined],
    ['a number repeated as words', filter, ['score'], '5\nhigh', 'type_change'],
    ['a time that cannot be read', filter, ['log_time'], '31/31', 'type_change'],
    ['a known key that has no column', filter, ['suborg'], 'x', undefined],
    ['the priority before a line', filter, ['syslog_priority'], '22', undefined],
    ['a known field of a list of records that has no column', pod, ['msgParts', 'dataBase64'], 'x', undefined],
    ['its name as one key', pod, ['msgParts.dataBase64'], 'x', 'unknown_field'],
    ['the bytes of a line that is no UTF-8', filter, ['raw_base64'], 'eA==', undefined],
  ] as const)('%s', (_, table, path, value, departure) => expect(table.departure(path, value)).toBe(departure));
});

it.each([
  'proofpoint_on_demand_message',
  'proofpoint_on_demand_maillog',
  'proofpoint_gateway_filter_logs',
  'proofpoint_gateway_sendmail_logs',
] as const)('what the vendor is known to write is no drift: %s', (table) => {
  const fromMs = Date.parse('2026-01-31T00:00:00Z');
  const { objects } = generateLogs({
    seed: 'drift',
    tenant: 'acme',
    table,
    fromMs,
    toMs: fromMs + 3_600_000,
    count: 500,
  });
  const watch = createDriftWatch();
  let kept = 0;
  for (const record of objects.flatMap(({ records }) => records)) {
    const row = rowOf(table, record);
    kept += row.extra.size;
    watch.note(table, row);
  }
  expect(watch.sightings()).toEqual([]);
  expect(kept).toBeGreaterThan(0);
});
