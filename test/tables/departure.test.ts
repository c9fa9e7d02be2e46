import { describe, expect, it } from 'vitest';
import { tables } from '../../tables/registry.ts';

const click = tables.proofpoint_tap_clicks_permitted;
const message = tables.proofpoint_tap_messages_blocked;
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
    ['the bytes of a line that is no UTF-8', filter, ['raw_base64'], 'eA==', undefined],
  ] as const)('%s', (_, table, path, value, departure) => expect(table.departure(path, value)).toBe(departure));
});
