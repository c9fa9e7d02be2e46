import { describe, expect, it } from 'vitest';
import { formsOf, meaningOf, refang } from '../../hunt/indicator.ts';
import { tables } from '../../tables/registry.ts';

describe('refang', () => {
  it.each([
    ['hxxp://evil[.]example/a', 'http://evil.example/a'],
    ['hXXps[:]//evil(.)example', 'https://evil.example'],
    ['hxxps[://]evil[dot]example', 'https://evil.example'],
    ['lee[@]evil[.]example', 'lee@evil.example'],
    ['lee(at)evil.example', 'lee@evil.example'],
    ['192[.]0[.]2[.]1', '192.0.2.1'],
    ['2001[:]db8::1', '2001:db8::1'],
    ['http://[2001:db8::1]/', 'http://[2001:db8::1]/'],
    ['hxxp', 'hxxp'],
    ['a.b (c) [d]', 'a.b (c) [d]'],
  ])('%s', (given, expected) => expect(refang(given)).toBe(expected));
});

describe('meaningOf', () => {
  const meaning = (table: keyof typeof tables, path: string) =>
    meaningOf(tables[table].row.shape, path.split('.'))?.kind;

  it('is what the schema says of a column or a field within, or what search knows of its name', () => {
    const delivered = 'proofpoint_tap_messages_delivered';
    expect(meaning(delivered, 'sender_ip')).toBe('ip');
    expect(meaning(delivered, 'obs_ip')).toBe('ip');
    expect(meaning(delivered, 'parts.sha256')).toBe('hash');
    expect(meaning(delivered, 'message_id')).toBe('message_id');
    expect(meaning('proofpoint_gateway_filter_logs', 'hdr_mid')).toBe('message_id');
    expect(meaning('proofpoint_gateway_sendmail_logs', 'msgid')).toBe('message_id');
    for (const path of ['spam_score', 'nope', 'constructor', 'parts.nope', 'extra.sender_ip'])
      expect(meaning(delivered, path)).toBeUndefined();
  });
});

describe('formsOf', () => {
  const forms = (kind: Parameters<typeof formsOf>[2]['kind'], value: string, isCanonical = false) =>
    formsOf('field', value, { kind, isCanonical });

  it('is the one form of a column that has only one', () => {
    expect(forms('ip', '2001:DB8:0:0::1', true)).toEqual(['2001:db8::1']);
    expect(forms('ip', '192[.]0[.]2[.]1', true)).toEqual(['192.0.2.1']);
    expect(forms('domain', 'BÜCHER[.]example.', true)).toEqual(['xn--bcher-kva.example']);
    expect(forms('domain', '*.BÜCHER.example', true)).toEqual(['*.xn--bcher-kva.example']);
    expect(forms('email', '<Lee@Evil[.]example>', true)).toEqual(['lee@evil.example']);
    expect(forms('hash', 'A'.repeat(32), true)).toEqual(['a'.repeat(32)]);
    expect(forms('domain', '*evil*', true)).toEqual(['*evil*']);
  });

  it('is every form of a column that holds what was sent, each once', () => {
    expect(forms('url', 'hxxp://evil[.]example', true)).toEqual(['hxxp://evil[.]example', 'http://evil.example']);
    expect(forms('ip', '2001:DB8:0:0::1')).toEqual(['2001:DB8:0:0::1', '2001:db8::1']);
    expect(forms('email', 'Lee@Evil.example')).toEqual(['Lee@Evil.example']);
    expect(forms('message_id', '<a@b.example>')).toEqual(['a@b.example']);
    expect(forms('subject', 'a[.]b')).toEqual(['a[.]b']);
  });

  it.each([
    ['ip', 'evil.example', 'field is an address or a network'],
    ['domain', '192.0.2.1', 'field is the name of a host'],
    ['domain', 'http://evil.example/', 'and "http://evil.example/" is not'],
    ['email', 'evil.example', 'field is an e-mail address'],
    ['hash', 'abc', 'field is an MD5, SHA-1'],
  ] as const)('refuses what a column of %s cannot hold: %s', (kind, value, message) => {
    expect(() => forms(kind, value, true)).toThrow(
      expect.objectContaining({ code: 'lake.query', message: expect.stringContaining(message) }),
    );
    expect(forms(kind, value)).toEqual([value]);
  });
});
