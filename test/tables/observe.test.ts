import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
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
    ['no indicator', {}],
  ])('of a threat with the artifact %s are seen by its form', (threat, found) => {
    const record = { threatsInfoMap: [{ threat }] };
    expect(observablesOf(rowOf('proofpoint_tap_messages_blocked', record))).toEqual(found);
  });

  it('of a PoD message include the URLs of its parts, of which mailto: is an address', () => {
    const urls = [{ url: 'http://A.example/x' }, { url: 'mailto:b@c.example?subject=d' }, { url: 'tel:+4912345' }];
    expect(observablesOf(rowOf('proofpoint_on_demand_message', { msgParts: [{ urls }] }))).toEqual({
      obs_url: ['http://A.example/x'],
      obs_domain: ['a.example', 'c.example'],
      obs_email: ['b@c.example'],
    });
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
      expect(row).toMatchObject({ class_uid: ocsf.classUid, activity_id: ocsf.activityId, parser_version: 1 });
      expect(row?.['disposition_id']).toBeTypeOf('number');
    }
  });

  it('has columns that indicators are searched in', () =>
    expect(columnsOf(tables[name]).filter(({ meta }) => meta.observable !== undefined).length).toBeGreaterThan(3));
});
