import { describe, expect, it } from 'vitest';
import { chooseTable } from '../../tables/choice.ts';
import { origin } from './parsing.ts';

const choice = chooseTable('proofpoint_on_demand');
const choose = (record: object) =>
  choice.parse({ bytes: Buffer.from(JSON.stringify(record)), offset: 0, line: 1 }, origin);

describe('the tables of Proofpoint on Demand', () => {
  it.each([
    ['with parts', { guid: 'g', msgParts: [] }],
    ['of its connection', { guid: 'g', ts: '2026-03-11T10:15:08Z', connection: { ip: '192.0.2.1' } }],
    ['of its headers', { guid: 'g', msg: { normalizedHeader: { subject: ['s'] } } }],
  ])('take a message %s', (_, record) =>
    expect(choose(record)).toMatchObject({ table: 'proofpoint_on_demand_message', row: { guid: 'g' } }),
  );

  it.each([
    ['that the service read', { sm: { qid: 'Q12345' } }],
    ['of sendmail', { data: '2026-03-11T10:15:08+01:00 h sendmail[1]: timeout waiting for input' }],
    [
      'of a program of another name',
      { data: '2026-03-11T10:15:08+01:00 h sm-mta[1]: 4B7G01aC020011: to=<a@b>, stat=Sent' },
    ],
    ['without a header', { data: 'STARTTLS=server, relay=h, verify=NO' }],
  ])('take a line %s', (_, record) =>
    expect(choose(record)).toMatchObject({ table: 'proofpoint_on_demand_maillog', row: { class_uid: 4009 } }),
  );

  it.each([[{ guid: 'g' }], [{ data: 'who=you, to=me' }], [{ data: 7 }]])('take no %j', (record) =>
    expect(choose(record)).toMatchObject({
      table: 'proofpoint_on_demand_message',
      reject: { code: 'unknown_record', reason: expect.stringContaining('connection') },
    }),
  );
});
