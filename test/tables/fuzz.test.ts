import { describe, expect, it } from 'vitest';
import { fuzz } from '../../scripts/fuzz/run.ts';
import { tables } from '../../tables/registry.ts';

/** One table of each grammar; `npm run fuzz` takes all of them, and more records. */
const grammars = [
  tables.proofpoint_tap_messages_delivered,
  tables.proofpoint_tap_clicks_permitted,
  tables.proofpoint_on_demand_message,
  tables.proofpoint_on_demand_maillog,
  tables.proofpoint_gateway_filter_logs,
  tables.proofpoint_gateway_sendmail_logs,
];
const records = 20_000;

describe.each(grammars)('$name', (table) => {
  it('makes rows that lose nothing of records that are almost right', () => {
    const { rows, rejects, wrong } = fuzz(table, { records, seed: 'test' });
    expect(wrong).toEqual([]);
    expect(rows + rejects).toBe(records);
    // most stay records: those that are none prove little
    expect(rows).toBeGreaterThan(records * 0.7);
  });
});
