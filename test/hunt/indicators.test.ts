/** Indicators as analysts paste them, against rows as vendors write them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { search } from '../../hunt/search.ts';
import { type LakeReader, openLakeReader } from '../../lake/reader.ts';
import { filterTable } from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { fillLake } from './filled-lake.ts';

const delivered = 'proofpoint_tap_messages_delivered';
const day = Date.parse('2026-01-31T00:00:00Z');
const minute = (number: number) => new Date(day + number * 60_000).toISOString();

const messages = [
  {
    GUID: 'm0',
    messageTime: minute(0),
    messageID: '<One@mail.example>',
    sender: 'Lee@MX.Evil.example',
    senderIP: '2001:DB8:0::1',
    messageParts: [{ filename: 'a.pdf', sha256: 'AB'.repeat(32) }],
    points: '90',
  },
  {
    GUID: 'm1',
    messageTime: minute(1),
    messageID: '<two@mail.example>',
    sender: 'ann@bücher.example',
    senderIP: '192.0.2.77',
    threatsInfoMap: [{ threat: 'http://Evil.example/login', threatType: 'URL' }],
    points: '9',
  },
  {
    GUID: 'm2',
    messageTime: minute(2),
    senderIP: '198.51.100.7',
    subject: 'saw hxxp://evil[.]example/',
    points: 'n/a',
  },
];
/** As PHP and Go write it. */
const escaped = [
  String.raw`{"GUID":"php","messageTime":"2026-01-31T00:03:00Z","subject":"https:\/\/evil.test\/a?b=1"}`,
  String.raw`{"GUID":"go","messageTime":"2026-01-31T00:04:00Z","subject":"https://evil.test/a?b=2\u0026c=\u003cd\u003e"}`,
];
const line = `2026-01-31T00:05:00.000000+00:00 mx1 filter_instance1[77]: rprt s=line mod=session cmd=headers hdr_mid=<three@mail.example>`;

let lake: LakeReader;
beforeAll(async () => {
  const settings = await fillLake(temporaryDirectory('indicators'), [
    { tenantId: 'acme', table: delivered, records: [...messages, ...escaped] },
    { tenantId: 'acme', table: filterTable, records: [line] },
  ]);
  lake = await openLakeReader(settings);
});
afterAll(() => lake.close());

/** Which records were found, oldest first. */
async function found(query: string): Promise<string> {
  const request = { query, fromMs: day, toMs: day + 86_400_000, timeColumn: 'event_time', limit: 100 } as const;
  const { hits } = await search(lake, request);
  return hits
    .map(({ row }) => String(row['guid'] ?? row['sid']))
    .toReversed()
    .join(' ');
}

describe('an indicator', () => {
  it.each([
    ['sender_ip=192.0.2.0/24', 'm1'],
    ['sender_ip!=192.0.2.0/24', 'm0 m2 php go'],
    ['sender_ip=192.0.2[.]77', 'm1'],
    ['sender_ip=2001:db8::/32', 'm0'],
    ['obs_ip=192.0.2.64/26', 'm1'],
    ['obs_ip=198.51.100[.]0/24', 'm2'],
    ['obs_ip=2001:db8::/64', 'm0'],
    ['obs_ip!=2001:db8::/64', 'm1 m2 php go line'],
    ['obs_ip=2001:DB8:0:0::1', 'm0'],
    ['obs_domain=BÜCHER.example.', 'm1'],
    ['obs_domain=evil[.]example', 'm1'],
    ['obs_domain=*.evil.example', 'm0'],
    ['obs_email=<lee@mx.evil[.]example>', 'm0'],
    ['envelope_from=lee[@]mx.evil.example', 'm0'],
    ['obs_url=hxxp://evil[.]example/login', 'm1'],
    ['threats.artifact=hxxp://evil[.]example/login', 'm1'],
    [`parts.sha256=${'ab'.repeat(32)}`, 'm0'],
    [`obs_hash=${'Ab'.repeat(32)}`, 'm0'],
    ['message_id=<one@mail.example>', 'm0'],
    ['message_id=one@mail.example', 'm0'],
    ['message_id=<*@mail.example>', 'm0 m1'],
    ['hdr_mid=<three@mail.example>', 'line'],
    ['hdr_mid=three@mail.example', 'line'],
    ['extra.points>80', 'm0'],
    ['extra.points<=9', 'm1'],
    ['extra.points>=m', 'm2'],
  ])('%s finds %j', async (query, expected) => {
    expect(await found(query)).toBe(expected);
  });
});

describe('free text', () => {
  it.each([
    ['hxxp://evil[.]example', 'm1 m2'],
    ['"hxxp://evil[.]example/login"', 'm1'],
    ['*@mx.evil.example', 'm0'],
    ['mx.evil*192.0.2.77', ''],
    ['bücher*192.0.2.77', 'm1'],
    ['https://evil.test/a?b=1', 'php'],
    ['"https://evil.test/a?b=2&c=<d>"', 'go'],
    ['evil.test/a?b=*', 'php go'],
    ['"evil.test/a?b=*"', ''],
  ])('%s finds %j', async (query, expected) => {
    expect(await found(query)).toBe(expected);
  });
});
