import { describe, expect, it } from 'vitest';
import { predicate } from '../../hunt/predicate.ts';
import { parseQuery } from '../../hunt/query.ts';
import { tables } from '../../tables/registry.ts';

const messages = tables.proofpoint_tap_messages_delivered.row.shape;

/** The SQL of one term. */
function sql(query: string, columns: Parameters<typeof predicate>[0] = messages): string | undefined {
  const [term] = parseQuery(query);
  if (term === undefined) throw new Error('no term');
  return predicate(columns, term);
}

describe('predicate', () => {
  it('compares text in lower case, with a star for anything', () => {
    expect(sql('subject=Invoice')).toBe(`lower("subject") = lower('Invoice')`);
    expect(sql('subject=*a%b_c\\d*')).toBe(String.raw`lower("subject") LIKE lower('%a\%b\_c\\d%') ESCAPE '\'`);
    expect(sql(String.raw`subject=\*\\*`)).toBe(String.raw`lower("subject") LIKE lower('*\\%') ESCAPE '\'`);
    expect(sql('subject>m*')).toBe(`lower("subject") > lower('m*')`);
  });

  it('compares a key of extra with a number as a number, and with text as text', () => {
    expect(sql('extra.x>80')).toBe(`TRY_CAST("extra"['x'] AS DOUBLE) > 80`);
    expect(sql('extra.x>=b')).toBe(`lower("extra"['x']) >= lower('b')`);
    expect(sql('extra.x=80')).toBe(`lower("extra"['x']) = lower('80')`);
  });

  it('looks for every form of an indicator, and for a Message-ID without its brackets', () => {
    expect(sql('sender_ip=192[.]0[.]2[.]1')).toBe(
      `(lower("sender_ip") = lower('192[.]0[.]2[.]1') OR lower("sender_ip") = lower('192.0.2.1'))`,
    );
    expect(sql('obs_domain=Evil[.]example')).toBe(
      `len(list_filter("obs_domain", lambda e0: coalesce(lower(e0) = lower('evil.example'), false))) > 0`,
    );
    for (const cut of ['<A@b.example>', '<A@b.example', 'A@b.example>'])
      expect(sql(`message_id=${cut}`)).toBe(`lower(trim("message_id", '<>')) = lower('A@b.example')`);
  });

  it('takes a network for what it is where the address is that of the listener, too', () =>
    expect(sql('lip=10.0.0.0/8', tables.proofpoint_gateway_filter_logs.row.shape)).not.toContain('10.0.0.0/8'));

  it('negates the whole of what = means', () => {
    expect(sql('subject!=a*')).toBe(String.raw`NOT coalesce(lower("subject") LIKE lower('a%') ESCAPE '\', false)`);
    expect(sql('spam_score!=3')).toBe('NOT coalesce("spam_score" = 3, false)');
  });

  it('looks at every element of a list, however deep', () => {
    expect(sql('envelope_rcpts=a')).toBe(
      `len(list_filter("envelope_rcpts", lambda e0: coalesce(lower(e0) = lower('a'), false))) > 0`,
    );
    expect(sql('threats.actors.name=ta505')).toBe(
      'len(list_filter("threats", lambda e0: coalesce(len(list_filter(e0."actors", ' +
        `lambda e1: coalesce(lower(e1."name") = lower('ta505'), false))) > 0, false))) > 0`,
    );
  });

  it('takes names of fields in either case, keys of extra as they are', () => {
    expect(sql('Parts.SHA256=a')).toBe(sql('parts.sha256=a'));
    expect(sql('extra.a.B=c')).toBe(`lower("extra"['a.B']) = lower('c')`);
  });

  it('knows no field that the table does not have', () => {
    for (const query of [
      'nope=1',
      'parts=1',
      'parts.nope=1',
      'subject.x=1',
      'spam_score.x=1',
      'extra=1',
      'constructor=1',
      'parts.constructor=1',
    ])
      expect(sql(query)).toBeUndefined();
  });

  it('takes numbers, times and yes or no as their columns have them', () => {
    expect(sql('spam_score>=80')).toBe('"spam_score" >= 80');
    expect(sql('impostor_score<-1.5')).toBe('"impostor_score" < -1.5');
    expect(sql('has_campaign=TRUE')).toBe('"has_campaign" = true');
    expect(sql('message_time>="2026-01-31 05:00"')).toBe('"message_time" >= make_timestamp(1769835600000000)');
    expect(sql('spam_score=*')).toBe('"spam_score" IS NOT NULL');
  });

  it.each([
    ['spam_score=high', 'spam_score is a number, and "high" is not'],
    ['spam_score=1e3', 'spam_score is a number'],
    ['spam_score=""', 'spam_score is a number'],
    ['sender_ip=192.0.2.0/33', 'sender_ip is an address or a network such as 192.0.2.0/24 or 2001:db8::/32'],
    ['obs_ip!=192.0.2.*/24', 'obs_ip is an address or a network such as'],
    ['obs_ip=evil.example', 'obs_ip is an address or a network, such as'],
    ['spam_score>*', 'spam_score is a number'],
    ['has_campaign=yes', 'has_campaign is true or false, and "yes" is not'],
    ['message_time>yesterday', 'message_time is a time such as 2026-01-31T05:00:00Z, and "yesterday" is not'],
    ['threats.time>1', 'threats.time is a time'],
  ])('refuses %s', (query, message) => {
    expect(() => sql(query)).toThrow(
      expect.objectContaining({ code: 'lake.query', message: expect.stringContaining(message) }),
    );
  });

  it('looks for text in the raw record, as JSON may have written it', () => {
    expect(sql('invoice')).toBe(`contains(lower(raw), lower('invoice'))`);
    expect(sql(String.raw`"a\"b"`)).toBe(
      String.raw`(contains(lower(raw), lower('a"b')) OR contains(lower(raw), lower('a\"b')))`,
    );
    expect(sql('Ü')).toBe(
      String.raw`(contains(lower(raw), lower('Ü')) OR contains(lower(raw), lower('\u00dc')) OR contains(lower(raw), lower('\u00fc')))`,
    );
  });

  it('takes a star of free text for anything, unless it is quoted or has a backslash', () => {
    expect(sql('*@evil.example*')).toBe(`contains(lower(raw), lower('@evil.example'))`);
    expect(sql('in_v*ce')).toBe(String.raw`lower(raw) LIKE lower('%in\_v%ce%') ESCAPE '\'`);
    expect(sql('"a*b"')).toBe(`contains(lower(raw), lower('a*b'))`);
    expect(sql(String.raw`a\*b`)).toBe(`contains(lower(raw), lower('a*b'))`);
    expect(sql('*')).toBe(`contains(lower(raw), lower(''))`);
  });

  it('looks for text as writers of JSON that escape more have it, and for what was made harmless', () => {
    expect(sql('a/b<c')).toBe(
      `(${['a/b<c', String.raw`a\/b<c`, String.raw`a/b\u003cc`, String.raw`a\/b\u003cc`]
        .map((form) => `contains(lower(raw), lower('${form}'))`)
        .join(' OR ')})`,
    );
    expect(sql('evil[.]example')).toBe(
      `(contains(lower(raw), lower('evil[.]example')) OR contains(lower(raw), lower('evil.example')))`,
    );
  });

  it('leaves nothing of a value outside its quotes', () => {
    expect(sql(`"' OR 1=1 --"`)).toBe(`contains(lower(raw), lower(''' OR 1=1 --'))`);
    expect(sql(`subject="x' OR '1'='1"`)).toBe(`lower("subject") = lower('x'' OR ''1''=''1')`);
    expect(sql(`extra.a="' ESCAPE '\\' OR true"`)).toContain(`= lower(''' ESCAPE`);
    expect(sql(`sender_ip="x' OR '1'='1"`)).toBe(`lower("sender_ip") = lower('x'' OR ''1''=''1')`);
  });
});
