import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lake, openLake } from '../../lake/lake.ts';
import type { Receipt } from '../../lake/ledger.ts';
import { readObjectRecords } from '../../sources/s3/read.ts';
import { readTapBody, type TapRecord } from '../../sources/tap/body.ts';
import { tables } from '../../tables/registry.ts';
import { type TableName, tableNames } from '../../tables/table.ts';
import { readConfig } from '../../workers/config.ts';
import { objectHeader, queryLake, sqliteLake } from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { hasSamples, samplesPath } from '../tables/parsing.ts';

/** Public samples of the vendor's records, where they lie beside the checkout, through the real readers into a real lake. */
describe.skipIf(!hasSamples)('the public samples', () => {
  const settings = sqliteLake(temporaryDirectory('corpus'));
  const receipts: Receipt[] = [];
  let lake: Lake;
  beforeAll(async () => {
    lake = await openLake(settings);
  });
  afterAll(() => lake.close());

  async function load(name: string, open: () => AsyncIterable<readonly TapRecord[]>): Promise<void> {
    const header = objectHeader(name);
    const receipt = await lake.load(header, tableNames, async (stage) => {
      const origin = { tenantId: 'acme', batchId: header.batchId, uri: header.uri, ingestedAt: stage.ingestedAt };
      for await (const group of open()) {
        for (const { table, record } of group) {
          const { row, reject } = tables[table].parse(record, {
            ...origin,
            fallbackTime: 1e15,
            fallbackTimeSource: 'object',
          });
          if (row !== undefined) stage.addRow(table, row);
          else stage.addDeadLetter({ table, record, reject });
        }
      }
    });
    receipts.push(receipt);
  }

  async function* ofTable(path: string, table: TableName): AsyncGenerator<TapRecord[]> {
    const chunks = createReadStream(`${samplesPath}/${path}`);
    const format = tables[table].identity === 'line' ? 'text' : 'json';
    const { objectLimits: limits } = readConfig({});
    for await (const records of readObjectRecords({ chunks, format, limits }))
      yield records.map((record) => ({ table, record }));
  }

  it('load whole: rows and dead letters are the records, and only the invalid click is a dead letter', async () => {
    for (const file of readdirSync(`${samplesPath}/tap`).filter(
      (each) => each.endsWith('.json') && !each.includes('error'),
    )) {
      await load(file, () => readTapBody(createReadStream(`${samplesPath}/tap/${file}`)));
    }
    const seed = {
      messagesBlocked: 'messages_blocked',
      messagesDelivered: 'messages_delivered',
      clicksPermitted: 'clicks_permitted',
      clicksBlocked: 'clicks_blocked.invalid',
    };
    for (const [list, file] of Object.entries(seed)) {
      const body = `{"${list}":[${readFileSync(`${samplesPath}/seed/${file}.json`, 'utf8')}]}`;
      await load(file, () => readTapBody(Readable.from([Buffer.from(body)])));
    }
    await load('message', () => ofTable('pod/ProofpointPOD_message_CL.json', 'proofpoint_on_demand_message'));
    await load('maillog', () => ofTable('pod/ProofpointPOD_maillog_CL.json', 'proofpoint_on_demand_maillog'));
    await load('filter', () => ofTable('gateway/filter.log', 'proofpoint_gateway_filter_logs'));
    await load('sendmail', () => ofTable('gateway/sendmail.log', 'proofpoint_gateway_sendmail_logs'));

    const counts = receipts.flatMap((receipt) => receipt.tables);
    const sum = (part: 'records' | 'rows' | 'deadLetters') => counts.reduce((total, count) => total + count[part], 0);
    expect(sum('records')).toBeGreaterThan(70);
    expect(sum('rows') + sum('deadLetters')).toBe(sum('records'));
    expect(await queryLake(settings, 'SELECT table_name, code FROM dead_letters')).toEqual([
      { table_name: 'proofpoint_tap_clicks_blocked', code: 'invalid_json' },
    ]);
    for (const table of tableNames) {
      const [held] = await queryLake(settings, `SELECT count(*)::INTEGER AS n FROM ${table}`);
      expect(held?.['n']).toBeGreaterThan(0);
    }
  });
});
