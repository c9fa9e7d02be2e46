/** The public samples against what was read off them by hand. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { tableNames, type TableName } from '../../tables/table.ts';
import { type Expectation, expectationsOf, inWordsOf, told } from './expectations.ts';
import { hasSamples, rowOf, samplesPath } from './parsing.ts';

const arrays: Readonly<Record<string, TableName>> = {
  messagesDelivered: 'proofpoint_tap_messages_delivered',
  messagesBlocked: 'proofpoint_tap_messages_blocked',
  clicksPermitted: 'proofpoint_tap_clicks_permitted',
  clicksBlocked: 'proofpoint_tap_clicks_blocked',
};

function sampleOf({ file, kind, index }: Expectation): { table: TableName; record: string | object } {
  const text = readFileSync(`${samplesPath}/${file}`, 'utf8');
  const table = arrays[kind] ?? tableNames.find((name) => name === kind);
  if (table === undefined) throw new Error(`no table or array ${kind}`);
  if (file.endsWith('.log')) return { table, record: text.split('\n')[index] ?? '' };
  const json = JSON.parse(text) as Record<string, object[]> | object[];
  const records = Array.isArray(json) ? json : (json[kind] ?? [json]);
  return { table, record: records[index] ?? {} };
}

describe.skipIf(!hasSamples)('the sample', () => {
  const all = ['tap.txt', 'gateway.txt', 'pod.txt'].flatMap((name) => (hasSamples ? expectationsOf(name) : []));

  it.each(all)('$file $kind $index is the row that was read off it', (expectation) => {
    const { columns, isPartial } = expectation;
    const { table, record } = sampleOf(expectation);
    const row = told(rowOf(table, record));
    if (isPartial) for (const name of row.keys()) if (!columns.has(name)) row.delete(name);
    const found = Array.from(row, ([name, value]) => [name, inWordsOf(columns.get(name), value)]);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(columns));
  });

  it('of each kind is there: every record of TAP, gateway and maillog, three PoD messages of 60 columns or more', () => {
    const count = (beginning: string) => all.filter(({ file }) => file.startsWith(beginning)).length;
    expect([count('tap/'), count('seed/'), count('gateway/filter'), count('gateway/sendmail')]).toEqual([16, 3, 6, 19]);
    expect(count('pod/ProofpointPOD_maillog')).toBe(20);
    const messages = all.filter(({ isPartial }) => isPartial);
    expect(messages.map(({ columns }) => columns.size > 60)).toEqual([true, true, true]);
  });
});
