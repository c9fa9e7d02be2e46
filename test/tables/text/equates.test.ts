import { describe, expect, it } from 'vitest';
import { scanEquates } from '../../../tables/text/equates.ts';

function scan(line: string) {
  const { keys, values, ...rest } = scanEquates(line, 0);
  return { ...rest, pairs: Object.fromEntries(keys.map((key, index) => [key, values[index]])) };
}

describe('scanEquates', () => {
  it('reads a queue id and a from line', () =>
    expect(
      scan('45ABSW12341234: from=<a@b.example>, size=1557, class=-60, msgid=<1.2@c>, relay=h [127.0.0.1]'),
    ).toEqual({
      qid: '45ABSW12341234',
      kind: 'from',
      message: null,
      pairs: { from: '<a@b.example>', size: '1557', class: '-60', msgid: '<1.2@c>', relay: 'h [127.0.0.1]' },
    }));

  it('reads a to line without queue id', () =>
    expect(scan('to=<a@b>, delay=1+16:51:01, dsn=4.0.0, stat=Deferred: Connection refused by c.')).toEqual({
      qid: null,
      kind: 'to',
      message: null,
      pairs: { to: '<a@b>', delay: '1+16:51:01', dsn: '4.0.0', stat: 'Deferred: Connection refused by c.' },
    }));

  it('takes everything after stat= for stat', () =>
    expect(scan('to=a, stat=Sent (<x> [InternalId=1, Hostname=h] 2 bytes, relay=evil, dsn=5.0.0)').pairs).toEqual({
      to: 'a',
      stat: 'Sent (<x> [InternalId=1, Hostname=h] 2 bytes, relay=evil, dsn=5.0.0)',
    }));

  it('splits only before keys that sendmail writes', () =>
    expect(scan('from=a, b=c, size=1, sizes=2, msgid=x, y').pairs).toEqual({
      from: 'a, b=c',
      size: '1, sizes=2',
      msgid: 'x, y',
    }));

  it('is not led astray by an address that holds an equate', () =>
    expect(scan('from=<"a, relay=evil"@b>, size=1').pairs).toEqual({ from: '<"a, relay=evil"@b>', size: '1' }));

  it('is not led astray by an address of a list that holds one', () =>
    expect(scan('to=<a@b>,<"c, relay=evil"@d>,<e@f>, pri=1').pairs).toEqual({
      to: '<a@b>,<"c, relay=evil"@d>,<e@f>',
      pri: '1',
    }));

  it('is not led astray by quotes that hold the end of an address', () => {
    expect(scan('to=<"x>, stat=Sent (ok)"@b>, dsn=5.1.1, stat=User unknown').pairs).toEqual({
      to: '<"x>, stat=Sent (ok)"@b>',
      dsn: '5.1.1',
      stat: 'User unknown',
    });
    expect(scan('from=<"a\\">, size=9, "@b>, size=1').pairs).toEqual({ from: '<"a\\">, size=9, "@b>', size: '1' });
  });

  it.each([
    ['unquoted', `<${'x'.repeat(199)}`],
    ['quoted', `<"${'x, size=2'.repeat(22)}`.slice(0, 200)],
  ])('takes a sender that was cut for no longer than it is: %s', (_, sender) =>
    expect(scan(`from=${sender}, size=1, msgid=<"1"@c.example>, relay=h [192.0.2.1]`).pairs).toMatchObject({
      msgid: '<"1"@c.example>',
      relay: 'h [192.0.2.1]',
    }),
  );

  it.each([
    ['msgid=x, relay=evil [8.8.8.8], proto=ESMTP, relay=h [192.0.2.1]', 'x, relay=evil [8.8.8.8]'],
    ['msgid=<x>, relay=evil [8.8.8.8], proto=ESMTP, relay=h [192.0.2.1]', '<x>, relay=evil [8.8.8.8]'],
    ['msgid=x, size=9, proto=ESMTP, relay=h [192.0.2.1]', 'x, size=9'],
    ['msgid=<x>, proto=ESMTP, relay=h [192.0.2.1]', '<x>'],
  ])('leaves to the Message-ID what its sender wrote into it: %s', (rest, msgid) =>
    expect(scan(`from=<a@b>, size=1, ${rest}`).pairs).toEqual({
      from: '<a@b>',
      size: '1',
      msgid,
      proto: 'ESMTP',
      relay: 'h [192.0.2.1]',
    }),
  );

  it('takes for stat what stands behind the answer of a remote server', () =>
    expect(scan('to=<a@b>, dsn=5.1.1, reply=550 no, stat=Sent (x), stat=User unknown').pairs).toEqual({
      to: '<a@b>',
      dsn: '5.1.1',
      reply: '550 no, stat=Sent (x)',
      stat: 'User unknown',
    }));

  it.each([
    ['Milter: to=<a@b>, reject=550 5.7.1 no', null, { to: '<a@b>', reject: '550 5.7.1 no' }],
    ['Milter: data, reject=451 later', 'Milter: data', { reject: '451 later' }],
    [
      'ruleset=check_rcpt, relay=h [192.0.2.1], discard',
      null,
      { ruleset: 'check_rcpt', relay: 'h [192.0.2.1]', discard: 'true' },
    ],
  ])('reads what a filter or ruleset decided: %s', (line, message, pairs) =>
    expect(scan(line)).toEqual({ qid: null, kind: 'ruleset', message, pairs }),
  );

  it('keeps lists of recipients whole', () =>
    expect(scan('to=<a@b>,<c@d>, ctladdr=<e@f> (8/0), mailer=*file*').pairs).toEqual({
      to: '<a@b>,<c@d>',
      ctladdr: '<e@f> (8/0)',
      mailer: '*file*',
    }));

  it.each([
    ['STARTTLS=client, relay=h., version=TLSv1.3, verify=OK, cipher=C, bits=256/256', 'starttls', 'bits', '256/256'],
    ['AUTH=server, relay=h [1.2.3.4], authid=u, mech=PLAIN, bits=0', 'auth', 'authid', 'u'],
    [
      'ruleset=check_rcpt, arg1=<a@b>, reject=550 5.7.1 <a@b>... no, bits=0',
      'ruleset',
      'reject',
      '550 5.7.1 <a@b>... no, bits=0',
    ],
  ])('reads %s', (line, kind, key, value) => {
    const { kind: found, pairs } = scan(line);
    expect([found, pairs[key]]).toEqual([kind, value]);
  });

  it.each([
    ['Milter (pps): timeout before data read', null, 'Milter (pps): timeout before data read'],
    ['SYSERR(root): hash map "access": missing', null, 'SYSERR(root): hash map "access": missing'],
    ['w3HMZPVT056101: timeout waiting for input', 'w3HMZPVT056101', 'timeout waiting for input'],
    ['NOQUEUE: connect from h [1.2.3.4]', null, 'connect from h [1.2.3.4]'],
    ['size=1, to=a', null, 'size=1, to=a'],
    ['', null, null],
  ])('keeps the text of another line: %s', (line, qid, message) =>
    expect(scan(line)).toEqual({ qid, kind: 'other', message, pairs: {} }),
  );
});
