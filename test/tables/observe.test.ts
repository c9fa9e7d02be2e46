import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parserVersion } from '../../tables/envelope.ts';
import { columnsOf, tables } from '../../tables/registry.ts';
import { tableNames } from '../../tables/table.ts';
import { fixture, parse, rowOf } from './parsing.ts';

const observablesOf = (row: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(row).filter(([name, value]) => name.startsWith('obs_') && value !== null));

describe('observables', () => {
  it('of a TAP message come from addresses, parts and threats', () => {
    const [record = ''] = fixture('proofpoint_tap_messages_delivered');
    expect(observablesOf(rowOf('proofpoint_tap_messages_delivered', record))).toEqual({
      obs_ip: ['198.51.100.24'],
      obs_domain: ['northwind.example', 'harbor.example', 'pay.northwind-portal.example'],
      obs_url: ['http://pay.northwind-portal.example/4471'],
      obs_email: [
        'b1946ac92492d2347c6235b4d2611184@northwind.example',
        'lena.park@harbor.example',
        'billing@northwind.example',
      ],
      obs_hash: [
        '0f343b0931126a20f133d67c2b018a3b',
        '5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef',
        '9e107d9d372bb6826bd81d3542a419d6',
        'd7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592',
      ],
    });
  });

  it.each([
    ['a1'.repeat(32), { obs_hash: ['a1'.repeat(32)] }],
    ['http://192.0.2.9/x', { obs_url: ['http://192.0.2.9/x'], obs_ip: ['192.0.2.9'] }],
    ['Evil.example/Path', { obs_url: ['Evil.example/Path'], obs_domain: ['evil.example'] }],
    ['evil.example', { obs_domain: ['evil.example'] }],
    ['CEO@evil.example', { obs_email: ['ceo@evil.example'], obs_domain: ['evil.example'] }],
    ['evil.example:8080', { obs_url: ['evil.example:8080'], obs_domain: ['evil.example'] }],
    ['evil.example?x=1', { obs_url: ['evil.example?x=1'], obs_domain: ['evil.example'] }],
    [
      'evil.example/r?u=http://good.example',
      { obs_url: ['evil.example/r?u=http://good.example'], obs_domain: ['evil.example'] },
    ],
    [
      'evil.example/#user@victim.example',
      { obs_url: ['evil.example/#user@victim.example'], obs_domain: ['evil.example'] },
    ],
    [
      'evil.example/path?email=user@victim.example',
      { obs_url: ['evil.example/path?email=user@victim.example'], obs_domain: ['evil.example'] },
    ],
    ['bank.example@evil.example/login', { obs_url: ['bank.example@evil.example/login'], obs_domain: ['evil.example'] }],
    ['SRS0=a/b=c@evil.example', { obs_email: ['srs0=a/b=c@evil.example'], obs_domain: ['evil.example'] }],
    ['what?@evil.example', { obs_email: ['what?@evil.example'], obs_domain: ['evil.example'] }],
    ['"Re: x/y" <CEO@evil.example>', { obs_email: ['ceo@evil.example'], obs_domain: ['evil.example'] }],
    ['mailto:ceo%40evil.example', { obs_email: ['ceo@evil.example'], obs_domain: ['evil.example'] }],
    ['cid:image001.png@01D9.example', {}],
    ['2001:DB8::1', { obs_ip: ['2001:db8::1'] }],
    ['[::ffff:192.0.2.9]', { obs_ip: ['192.0.2.9'] }],
    ['no indicator', {}],
    ['12/25', {}],
    ['1.2/3', {}],
    ['Re: a.b', {}],
  ])('of a threat with the artifact %s are seen by its form', (threat, found) => {
    const record = { threatsInfoMap: [{ threat }] };
    expect(observablesOf(rowOf('proofpoint_tap_messages_blocked', record))).toEqual(found);
  });

  it.each([
    [
      'lena.park_harbor.example#EXT#@tenant.example',
      ['lena.park_harbor.example#ext#@tenant.example'],
      'tenant.example',
    ],
    ['john.doe/dept@c.example', ['john.doe/dept@c.example'], 'c.example'],
    ['a.b?c@d.example', ['a.b?c@d.example'], 'd.example'],
    ['mail.example', null, 'mail.example'],
  ])('of a value of the filter log, %s, are an address where there is an @', (value, emails, domain) => {
    const line = `2026-01-31T00:00:00Z gw filter[1]: rprt mod=session cmd=x value=${value}`;
    expect(rowOf('proofpoint_gateway_filter_logs', line)).toMatchObject({
      obs_email: emails,
      obs_domain: [domain],
      obs_url: null,
    });
  });

  it('of a PoD message include the URLs of its parts, of which mailto: is an address', () => {
    const urls = [{ url: 'http://A.example/x' }, { url: 'mailto:b@c.example?subject=d' }, { url: 'tel:+4912345' }];
    expect(observablesOf(rowOf('proofpoint_on_demand_message', { msgParts: [{ urls }] }))).toEqual({
      obs_url: ['http://A.example/x'],
      obs_domain: ['a.example', 'c.example'],
      obs_email: ['b@c.example'],
    });
  });

  it.each([
    ['http:/evil.example/x', ['evil.example']],
    [String.raw`http:\\evil.example\x`, ['evil.example']],
    ['HTTP://ev%69l.example/', ['evil.example']],
    ['http://例え。example/x', ['xn--r8jz45g.example']],
    ['http://ev\nil.example/', ['evil.example']],
    ['http://intranet/x', null],
  ])('of the URL %j are what a browser makes of it', (url, domains) =>
    expect(rowOf('proofpoint_on_demand_message', { msgParts: [{ urls: [{ url }] }] })).toMatchObject({
      obs_url: [url],
      obs_domain: domains,
    }),
  );

  it.each(['http://3221225985/x', 'http://0xC0.0.0x201/x', 'http://[::ffff:192.0.2.1]/'])(
    'of the URL %s are an address',
    (url) =>
      expect(observablesOf(rowOf('proofpoint_tap_clicks_permitted', { url }))).toEqual({
        obs_url: [url],
        obs_ip: ['192.0.2.1'],
      }),
  );

  it('of a URL have no blanks around it', () =>
    expect(rowOf('proofpoint_tap_clicks_permitted', { url: 'http://evil.example\t ' })).toMatchObject({
      obs_url: ['http://evil.example'],
      obs_domain: ['evil.example'],
    }));

  it.each([
    ['MAILTO:B@c.example?subject=d', ['b@c.example'], ['c.example']],
    ['mailto:b%40c.example,d@c.example', ['b@c.example', 'd@c.example'], ['c.example']],
    ['cid:image001.png@01D9.example', null, null],
  ])('of %s are no URL', (url, emails, domains) =>
    expect(rowOf('proofpoint_on_demand_message', { msgParts: [{ urls: [{ url }] }] })).toMatchObject({
      obs_url: null,
      obs_email: emails,
      obs_domain: domains,
    }),
  );

  it.each([
    ['https://urldefense.com/v3/__https://evil.example/x__;!!abc!def$', 'https://evil.example/x'],
    ['https://urldefense.proofpoint.com/v2/url?u=http-3A__evil.example_x&d=e', 'http://evil.example/x'],
    ['https://urldefense.proofpoint.com/v1/url?u=http://evil.example/x&k=e', 'http://evil.example/x'],
  ])('of the rewritten URL %s are both URLs, and the domain from before', (threat, original) =>
    expect(observablesOf(rowOf('proofpoint_tap_messages_blocked', { threatsInfoMap: [{ threat }] }))).toEqual({
      obs_url: [threat, original],
      obs_domain: ['evil.example'],
    }),
  );

  it('never have the host of URL Defense for a domain', () => {
    const url = 'https://urldefense.com/v3/__https://evil.example/x';
    const row = rowOf('proofpoint_tap_clicks_permitted', { url, domain: 'URLDefense.com' });
    expect(row['url_domain']).toBe('URLDefense.com');
    expect(observablesOf(row)).toEqual({ obs_url: [url] });
  });

  it('of addresses have one form', () =>
    expect(
      observablesOf(
        rowOf('proofpoint_tap_messages_delivered', {
          recipient: ['A@BÜCHER.example', 'a@xn--bcher-kva.example', 'A@B.example.', 'a@b.example (Desk)'],
          headerFrom: String.raw`"x \" y, z" <c@b.example>, <d@b.example>`,
        }),
      ),
    ).toEqual({
      obs_email: ['a@xn--bcher-kva.example', 'a@b.example', 'c@b.example', 'd@b.example'],
      obs_domain: ['xn--bcher-kva.example', 'b.example'],
    }));

  it('of a PoD message include its hashed addresses', () => {
    const hashed = (character: string, domain = 'b.example') => `${character.repeat(32)}@${domain}`;
    const record = {
      envelope: { fromHashed: hashed('1', 'A.example'), rcptsHashed: [hashed('2')] },
      msg: {
        normalizedHeader: {
          fromHashed: [hashed('3')],
          toHashed: [`${hashed('4')}>, <Lena.Park`],
          ccHashed: [hashed('5')],
          'reply-toHashed': [hashed('6')],
          'return-pathHashed': [hashed('7')],
        },
        parsedAddresses: {
          fromHashed: [hashed('8')],
          toHashed: [hashed('9')],
          ccHashed: [hashed('a')],
          'reply-toHashed': [hashed('b')],
        },
      },
      filter: { verified: { rcptsHashed: [hashed('c')] } },
    };
    const row = rowOf('proofpoint_on_demand_message', record);
    expect(row['obs_email']).toEqual([hashed('1', 'a.example'), ...Array.from('23456789abc', (each) => hashed(each))]);
    expect(row['obs_domain']).toEqual(['a.example', 'b.example']);
  });

  it('of a filter line include an address in place of a name', () =>
    expect(
      observablesOf(rowOf('proofpoint_gateway_filter_logs', 'rprt helo=[192.0.2.7] host=MX.example ip=2001:DB8::0:1')),
    ).toEqual({
      obs_ip: ['192.0.2.7', '2001:db8::1'],
      obs_domain: ['mx.example'],
    }));

  it('of a sendmail line include sender, recipients and relay', () =>
    expect(
      observablesOf(
        rowOf(
          'proofpoint_gateway_sendmail_logs',
          'to=<A@b.example>,<c@b.example>, relay=mx.d.example. [192.0.2.8], stat=Sent',
        ),
      ),
    ).toEqual({
      obs_ip: ['192.0.2.8'],
      obs_domain: ['b.example', 'mx.d.example'],
      obs_email: ['a@b.example', 'c@b.example'],
    }));

  it('stand once each, also where there are many', () => {
    const recipient = Array.from({ length: 40 }, (_, number) => `U${number % 20}@b.example`);
    const row = rowOf('proofpoint_tap_messages_delivered', { recipient });
    expect(row['obs_email']).toEqual(Array.from({ length: 20 }, (_, number) => `u${number}@b.example`));
    expect(row['obs_domain']).toEqual(['b.example']);
  });

  it('are lower case and distinct, whatever the addresses', () =>
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.emailAddress(), fc.string(), fc.constant('A@b.example'))), (recipient) => {
        const row = rowOf('proofpoint_tap_messages_delivered', { recipient });
        for (const name of ['obs_email', 'obs_domain', 'obs_ip']) {
          const found = (row[name] ?? []) as string[];
          expect(new Set(found).size).toBe(found.length);
          expect(found.map((value) => value.toLowerCase())).toEqual(found);
        }
      }),
    ));
});

describe.each(tableNames)('%s', (name) => {
  it('has class, activity and disposition in every row', () => {
    const { ocsf } = tables[name];
    for (const record of fixture(name)) {
      const { row } = parse(name, record);
      expect(row).toMatchObject({
        class_uid: ocsf.classUid,
        activity_id: ocsf.activityId,
        parser_version: parserVersion,
      });
      expect(row?.['disposition_id']).toBeTypeOf('number');
    }
  });

  it('has columns that indicators are searched in', () =>
    expect(columnsOf(tables[name]).filter(({ meta }) => meta.observable !== undefined).length).toBeGreaterThan(3));
});
