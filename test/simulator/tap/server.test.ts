import { afterEach, describe, expect, it } from 'vitest';
import { virtualClock } from '../../../simulator/clock.ts';
import { tapArrays } from '../../../simulator/tap/events.ts';
import type { FaultKind } from '../../../simulator/tap/faults.ts';
import { startTapSimulator, type TapSimulator, type TapSimulatorOptions } from '../../../simulator/tap/server.ts';

const hourMs = 3_600_000;
const startMs = Date.parse('2026-11-17T00:00:00Z');
const nowMs = startMs + 24 * hourMs;
const acme = { principal: 'acme', secret: 'open', startMs, eventsPerHour: 60, rhythm: 'steady' } as const;

type Body = Record<string, Record<string, unknown>[]> & { queryEndTime?: string };

const open: TapSimulator[] = [];
afterEach(async () => {
  for (const simulator of open.splice(0)) await simulator.close();
});

async function start(options: Partial<TapSimulatorOptions> = {}) {
  const clock = virtualClock(nowMs);
  const simulator = await startTapSimulator({ seed: 'server', clock, accounts: [acme], ...options });
  open.push(simulator);
  const get = (path: string, init: { signal?: AbortSignal; credential?: string } = {}) =>
    fetch(simulator.url + path, {
      signal: init.signal ?? null,
      headers: { authorization: `Basic ${Buffer.from(init.credential ?? 'acme:open').toString('base64')}` },
    });
  return { simulator, clock, get, account: simulator.account('acme') };
}

const iso = (timeMs: number) => new Date(timeMs).toISOString().replace('.000Z', 'Z');
const window = (fromMs: number, toMs: number) => `interval=${iso(fromMs)}/${iso(toMs)}`;
const lastHour = window(nowMs - hourMs, nowMs);
const all = (query: string) => `/v2/siem/all?format=json&${query}`;
/** By default the vendor leaves false positives out. */
const everyStatus = '&threatStatus=active&threatStatus=cleared&threatStatus=falsePositive';
/** Records in a form that does not depend on the order of keys, parts or events. */
const canonical = (records: readonly object[]) =>
  records
    .map((record) => {
      const { messageParts, ...rest } = record as { messageParts?: object[] | null };
      const parts = messageParts?.map((part) => JSON.stringify(part)).sort();
      return JSON.stringify(Object.entries({ ...rest, parts }).sort(([one], [other]) => (one < other ? -1 : 1)));
    })
    .sort();
const recordsIn = (body: Body) =>
  canonical(Object.values(body).flatMap((value) => (Array.isArray(value) ? value : [])));

describe('answers', () => {
  it.each([
    ['/v2/siem/clicks/blocked', ['clicksBlocked']],
    ['/v2/siem/clicks/permitted', ['clicksPermitted']],
    ['/v2/siem/messages/blocked', ['messagesBlocked']],
    ['/v2/siem/messages/delivered', ['messagesDelivered']],
    ['/v2/siem/issues', ['clicksPermitted', 'messagesDelivered']],
    ['/v2/siem/all', ['clicksBlocked', 'clicksPermitted', 'messagesBlocked', 'messagesDelivered']],
  ])('%s gives its arrays and the end of the window', async (path, arrays) => {
    const { get } = await start();
    const response = await get(`${path}?format=JSON&${window(nowMs - 2 * hourMs, nowMs - hourMs)}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('application/json');
    const { queryEndTime, ...rest } = (await response.json()) as Body;
    expect(queryEndTime).toBe(iso(nowMs - hourMs));
    expect(Object.keys(rest).sort()).toEqual(arrays);
    expect(arrays.some((array) => (rest[array]?.length ?? 0) > 0)).toBe(true);
  });

  it('gives over all windows exactly the truth, once everything is indexed', async () => {
    const { get, account, clock } = await start({ accounts: [{ ...acme, startMs: nowMs - 6 * hourMs, endMs: nowMs }] });
    clock.advance(hourMs);
    const seen: string[] = [];
    for (let fromMs = nowMs - 6 * hourMs; fromMs < nowMs; fromMs += hourMs / 2) {
      seen.push(
        ...recordsIn((await (await get(all(window(fromMs, fromMs + hourMs / 2) + everyStatus))).json()) as Body),
      );
    }
    const truth = canonical(account.truth().map(({ record }) => record));
    expect(truth.length).toBeGreaterThan(300);
    expect(seen.sort()).toEqual(truth);
  });

  it('shows an event only when it is indexed', async () => {
    const { get, account, clock } = await start({
      accounts: [{ ...acme, startMs: nowMs - hourMs, eventsPerHour: 300, lateShare: 0.5 }],
    });
    const path = all(lastHour + everyStatus);
    const inWindow = account.truth();
    const before = recordsIn((await (await get(path)).json()) as Body);
    expect(before.length).toBe(inWindow.filter(({ indexedAtMs }) => indexedAtMs <= nowMs).length);
    expect(before.length).toBeLessThan(inWindow.length);
    clock.advance(31 * 60_000);
    expect(recordsIn((await (await get(path)).json()) as Body).length).toBe(inWindow.length);
  });

  it('takes every form of interval, percent-encoded or not', async () => {
    const { get, account } = await start();
    const [fromMs, toMs] = [nowMs - 90 * 60_000, nowMs - 60 * 60_000];
    for (const form of [
      `${iso(fromMs)}/${iso(toMs)}`,
      `PT30M/${iso(toMs)}`,
      `${iso(fromMs)}/PT30M`,
      `${iso(fromMs)}/PT0H30M0S`,
    ]) {
      for (const text of [form, encodeURIComponent(form)]) {
        expect((await get(all(`interval=${text}`))).status).toBe(200);
        expect(account.requests.at(-1)).toMatchObject({ fromMs, toMs, status: 200, pool: 'shared' });
      }
    }
    const offset = '2026-11-17T23:30:00+01:00/PT30M';
    expect((await get(all(`interval=${encodeURIComponent(offset)}`))).status).toBe(200);
    expect(account.requests.at(-1)).toMatchObject({ fromMs: Date.parse('2026-11-17T22:30:00Z') });
  });

  it('reads sinceSeconds and sinceTime up to the nearest minute, never beyond now', async () => {
    const { get, account, clock } = await start();
    clock.moveTo(nowMs + 20_000);
    await get(all('sinceSeconds=3600'));
    expect(account.requests.at(-1)).toMatchObject({ fromMs: nowMs - hourMs, toMs: nowMs });
    clock.moveTo(nowMs + 40_000);
    await get(all(`sinceTime=${iso(nowMs - 60_000)}`));
    expect(account.requests.at(-1)).toMatchObject({ fromMs: nowMs - 60_000, toMs: nowMs + 40_000 });
  });

  it('cuts an interval that ends in the future at now', async () => {
    const { get } = await start();
    const body = (await (await get(all(window(nowMs - 60_000, nowMs + 60_000)))).json()) as Body;
    expect(body.queryEndTime).toBe(iso(nowMs));
  });

  it('has another order of keys, parts and events in each answer, and the same events', async () => {
    const { get } = await start();
    const [first, second] = [await (await get(all(lastHour))).text(), await (await get(all(lastHour))).text()];
    expect(first).not.toBe(second);
    expect(recordsIn(JSON.parse(first) as Body)).toEqual(recordsIn(JSON.parse(second) as Body));
  });

  it('filters by threat type and status, repeated parameters adding up', async () => {
    const { get } = await start({ accounts: [{ ...acme, eventsPerHour: 1000 }] });
    const size = async (query: string) =>
      recordsIn((await (await get(all(`${lastHour}${query}`))).json()) as Body).length;
    const [url, attachment, both, every] = [
      await size('&threatType=url'),
      await size('&threatType=attachment'),
      await size('&threatType=url&threatType=attachment'),
      await size(''),
    ];
    expect(Math.min(url, attachment)).toBeGreaterThan(0);
    expect(both).toBe(url + attachment);
    expect(both).toBeLessThan(every);
    const falsePositives = await size('&threatStatus=falsePositive');
    expect(falsePositives).toBeGreaterThan(0);
    expect(await size('&threatStatus=active&threatStatus=cleared')).toBe(every);
    expect(await size('&threatStatus=active&threatStatus=cleared&threatStatus=falsePositive')).toBe(
      every + falsePositives,
    );
  });

  it('answers JSON with empty arrays and syslog with 204 where nothing happened', async () => {
    const { get } = await start({ accounts: [{ ...acme, endMs: startMs }] });
    expect(await (await get(`/v2/siem/issues?format=json&${lastHour}`)).json()).toEqual({
      queryEndTime: iso(nowMs),
      clicksPermitted: [],
      messagesDelivered: [],
    });
    const syslog = await get(`/v2/siem/issues?format=syslog&${lastHour}`);
    expect([syslog.status, await syslog.text()]).toEqual([204, '']);
  });

  it('gives syslog lines where no format is asked for', async () => {
    const { get } = await start();
    const lines = (await (await get(`/v2/siem/all?${window(nowMs - 2 * hourMs, nowMs - hourMs)}`)).text())
      .trim()
      .split('\n');
    expect(lines.length).toBeGreaterThan(30);
    for (const line of lines) {
      expect(line).toMatch(/^<38>1 \S+Z - ProofpointTAP - (MSGDLV|MSGBLK|CLKPER|CLKBLK) \[tap(msg|clk)@21139 .*\]$/);
    }
  });

  it('compresses for clients that accept it, where told to', async () => {
    const { get } = await start({ gzip: true });
    const response = await get(all(lastHour));
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(await response.json()).toHaveProperty('queryEndTime');
  });

  it('tells the time of its clock, with the skew it is given', async () => {
    const { get } = await start({ dateSkewMs: 90_000 });
    const response = await get(all(lastHour));
    expect(Date.parse(response.headers.get('date') ?? '')).toBe(nowMs + 90_000);
  });
});

describe('refusals', () => {
  it('answers 401 to a wrong or missing credential, and takes a new one at once', async () => {
    const { get, account, simulator } = await start();
    expect((await get(all(lastHour), { credential: 'acme:wrong' })).status).toBe(401);
    expect((await get(all(lastHour), { credential: 'nobody:open' })).status).toBe(401);
    expect((await fetch(simulator.url + all(lastHour))).status).toBe(401);
    account.setSecret('acme-2', 'new');
    expect((await get(all(lastHour))).status).toBe(401);
    expect((await get(all(lastHour), { credential: 'acme-2:new' })).status).toBe(200);
    expect(account.requests.map(({ status }) => status)).toEqual([401, 200]);
  });

  it('answers 403 where the account is not entitled and 404 on other paths', async () => {
    const { get } = await start({ accounts: [{ ...acme, entitled: false }] });
    expect((await get(all(lastHour))).status).toBe(403);
    expect((await get('/v2/siem/unknown')).status).toBe(404);
    expect((await get('/')).status).toBe(404);
  });

  it.each([
    ['format=json', /Exactly one/],
    [`${lastHour}&sinceSeconds=60`, /Exactly one/],
    ['interval=yesterday', /interval is not valid/],
    ['sinceSeconds=soon', /sinceSeconds is not valid/],
    [`${lastHour}&threatType=worm`, /threatType is not valid/],
    [`${lastHour}&threatStatus=old`, /threatStatus is not valid/],
    [window(nowMs - 29_000, nowMs), /^The requested interval is too short\./],
    [window(nowMs, nowMs - hourMs), /^The requested interval is too short\./],
    [window(nowMs - hourMs - 1000, nowMs), /^The requested interval is too long\./],
    [
      window(nowMs - 7 * 24 * hourMs - 1000, nowMs - 7 * 24 * hourMs + 60_000),
      /^The requested start time is too far into the past\. Requests for information up to 7\.00d are accepted$/,
    ],
  ])('answers 400 in plain words to %s', async (query, words) => {
    const { get } = await start();
    const response = await get(`/v2/siem/all?${query}`);
    expect(response.status).toBe(400);
    expect(await response.text()).toMatch(words);
  });

  it('takes 30 seconds, an hour, and seven days back exactly', async () => {
    const { get } = await start();
    const horizonMs = nowMs - 7 * 24 * hourMs;
    for (const query of [window(nowMs - 30_000, nowMs), lastHour, window(horizonMs, horizonMs + hourMs)]) {
      expect((await get(all(query))).status).toBe(200);
    }
  });

  it('throttles each pool by itself over rolling 24 hours, without Retry-After', async () => {
    const { get, clock, account } = await start({ accounts: [{ ...acme, requestsPerDay: 3 }] });
    const shared = async () => (await get(all('sinceSeconds=30'))).status;
    const permitted = async () => (await get('/v2/siem/clicks/permitted?format=json&sinceSeconds=30')).status;
    expect([await shared(), await shared()]).toEqual([200, 200]);
    clock.advance(hourMs);
    // A refused request counts as well, one without entitlement or credential does not.
    expect((await get('/v2/siem/issues?sinceSeconds=1')).status).toBe(400);
    expect((await get(all('sinceSeconds=30'), { credential: 'acme:wrong' })).status).toBe(401);
    const refused = await get('/v2/siem/messages/blocked?sinceSeconds=30');
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, null]);
    expect([await permitted(), await permitted(), await permitted(), await permitted()]).toEqual([200, 200, 200, 429]);
    clock.advance(23 * hourMs - 1);
    expect(await shared()).toBe(429);
    clock.advance(1);
    expect([await shared(), await shared(), await shared()]).toEqual([200, 200, 429]);
    expect(account.requests.filter(({ status }) => status === 429)).toHaveLength(4);
  });

  it('says how long to wait where told to', async () => {
    const { get, clock } = await start({ accounts: [{ ...acme, requestsPerDay: 1 }], retryAfter: true });
    await get(all(lastHour));
    clock.advance(hourMs);
    expect((await get(all(lastHour))).headers.get('retry-after')).toBe(String(23 * 3600));
  });
});

describe('faults', () => {
  const faulty = async (fault: FaultKind) => {
    const started = await start({ slowMs: 60 });
    started.account.setFaults({ script: [fault] });
    return started;
  };

  it.each([
    ['throttled', 429, /Too Many/],
    ['server_error', 500, /Internal/],
    ['bad_gateway', 502, /<html>/],
    ['wrong_type', 200, /<html>/],
  ] as const)('%s answers %i', async (fault, status, words) => {
    const { get, account } = await faulty(fault);
    const response = await get(all(lastHour));
    expect(response.status).toBe(status);
    expect(await response.text()).toMatch(words);
    expect(account.requests.at(-1)).toMatchObject({ fault, status });
  });

  it('hang never answers', async () => {
    const { get } = await faulty('hang');
    await expect(get(all(lastHour), { signal: AbortSignal.timeout(50) })).rejects.toThrow(/timeout/i);
  });

  it.each(['reset', 'cut'] as const)('%s breaks the transfer in the middle of a 200', async (fault) => {
    const { get } = await faulty(fault);
    const response = await get(all(lastHour));
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow(/terminated/);
  });

  it('truncated ends the transfer well and the JSON not', async () => {
    const { get } = await faulty('truncated');
    const body = await (await get(all(lastHour))).text();
    expect(body.length).toBeGreaterThan(1000);
    expect(() => JSON.parse(body)).toThrow(SyntaxError);
  });

  it('slow pauses and then ends well', async () => {
    const { get } = await faulty('slow');
    const beganMs = performance.now();
    expect(await (await get(all(lastHour))).json()).toHaveProperty('messagesBlocked');
    expect(performance.now() - beganMs).toBeGreaterThan(50);
  });

  it('colon_key and no_query_end_time spoil the body in their ways only', async () => {
    const { get, account } = await start();
    account.setFaults({ script: ['colon_key', 'no_query_end_time'] });
    const colon = (await (await get(all(lastHour))).json()) as Body;
    expect(Object.keys(colon)).toContain('messagesDelivered:');
    expect(Object.keys(colon)).not.toContain('messagesDelivered');
    const noEnd = (await (await get(all(lastHour))).json()) as Body;
    expect(Object.keys(noEnd).sort()).toEqual([
      'clicksBlocked',
      'clicksPermitted',
      'messagesBlocked',
      'messagesDelivered',
    ]);
  });

  it('follow the script first and the rates after it, the same for the same seed', async () => {
    const statuses = async () => {
      const { get } = await start({ faults: { script: ['none', 'server_error'], rates: { bad_gateway: 0.5 } } });
      const seen: number[] = [];
      for (let request = 0; request < 20; request += 1) seen.push((await get(all(lastHour))).status);
      return seen;
    };
    const seen = await statuses();
    expect(seen.slice(0, 2)).toEqual([200, 500]);
    expect(new Set(seen.slice(2))).toEqual(new Set([200, 502]));
    expect(await statuses()).toEqual(seen);
  });
});

it('serves a window of ten thousand events', async () => {
  const only = { startMs: nowMs - 2 * hourMs, endMs: nowMs - hourMs };
  const { get, account } = await start({ accounts: [{ ...acme, ...only, eventsPerHour: 10_000 }] });
  const body = (await (await get(all(window(nowMs - 2 * hourMs, nowMs - hourMs) + everyStatus))).json()) as Body;
  const counts = Object.fromEntries(tapArrays.map((array) => [array, body[array]?.length]));
  const truth = account.truth();
  expect(truth.length).toBeGreaterThan(9000);
  expect(counts).toEqual(
    Object.fromEntries(tapArrays.map((key) => [key, truth.filter(({ array }) => array === key).length])),
  );
});
