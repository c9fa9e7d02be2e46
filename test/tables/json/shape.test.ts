import { describe, expect, it } from 'vitest';
import { int32, text } from '../../../tables/column.ts';
import { field, jsonField, recordsField, textList } from '../../../tables/field.ts';
import { mapObject, shapeOf } from '../../../tables/json/shape.ts';

const meta = { description: 'd' };
const shape = shapeOf({
  id: field(text, 'threatID', meta),
  cluster: field(text, ['cluster', 'pps.cid'], meta),
  from: field(textList, ['decoded.from', 'header.from'], meta),
  size: field(int32, 'size', meta),
  to: field(textList, 'to', meta),
  odd: jsonField('odd', meta),
  parts: recordsField('parts', { name: field(text, 'name', meta), tags: field(textList, 'tags', meta) }, meta),
});

function map(json: string) {
  const extra = new Map<string, string>();
  const row = mapObject(JSON.parse(json) as Record<string, unknown>, shape, '', extra);
  return { row, extra: Object.fromEntries(extra) };
}

describe('mapObject', () => {
  it('puts values where their paths say, and gives every row every column', () =>
    expect(map('{"threatID":"t","pps":{"cid":"c"},"parts":[{"name":"n"}],"odd":{"b":1,"a":[2]}}')).toStrictEqual({
      row: {
        id: 't',
        cluster: 'c',
        from: null,
        size: null,
        to: null,
        odd: '{"a":[2],"b":1}',
        parts: [{ name: 'n', tags: null }],
      },
      extra: {},
    }));

  it.each(['threatId', 'threat_id', 'THREATID', 'threat_ID'])('knows a field by its spelling %s', (key) =>
    expect(map(`{"${key}":"t"}`).row['id']).toBe('t'),
  );

  it('prefers the documented spelling and keeps the other in extra, whatever their order', () => {
    for (const json of ['{"threatId":"b","threatID":"a"}', '{"threatID":"a","threatId":"b"}'])
      expect(map(json)).toMatchObject({ row: { id: 'a' }, extra: { threatId: 'b' } });
    for (const json of ['{"threat_id":"b","threatId":"a"}', '{"threatId":"a","threat_id":"b"}'])
      expect(map(json)).toMatchObject({ row: { id: 'a' }, extra: { threat_id: 'b' } });
  });

  it('takes as long as the record is, however many spellings of a field hold much', () => {
    const spellings = (count: number) => Array.from({ length: count }, (_, index) => `to${'_'.repeat(index)}`);
    const list = JSON.stringify(Array.from({ length: 20_000 }, (_, index) => `r${index}@a.example`));
    const small = spellings(2000).map((key, index) => `"${key}":${index === 0 ? list : `["${index}"]`}`);
    const startMs = performance.now();
    expect(Object.keys(map(`{${small.join(',')}}`).extra)).toHaveLength(1999);
    // some 50 ms; where the list is written again for each spelling, 2 s and more
    expect(performance.now() - startMs).toBeLessThan(1000);
  });

  it('prefers the earlier path, and says equal values once', () => {
    expect(map('{"pps":{"cid":"late"},"cluster":"early"}')).toMatchObject({
      row: { cluster: 'early' },
      extra: { 'pps.cid': 'late' },
    });
    expect(map('{"pps":{"cid":"same"},"cluster":"same"}').extra).toEqual({});
    expect(map('{"pps":{"cid":"only"},"cluster":null}').row['cluster']).toBe('only');
    expect(map('{"pps":{"cid":"only"},"cluster":""}').row['cluster']).toBe('only');
  });

  it.each([
    '{"decoded":{"from":[]},"header":{"from":["a"]}}',
    '{"header":{"from":["a"]},"decoded":{"from":[]}}',
    '{"decoded":{"from":["",null]},"header":{"from":["a"]}}',
    '{"decoded":{"from":["a"]},"header":{"from":[]}}',
    '{"decoded":{"from":["a"]},"header":{"from":["a"]}}',
  ])('takes a list with items before an empty one: %s', (json) => {
    const { row, extra } = map(json);
    expect(row['from']).toEqual(['a']);
    expect(extra).toEqual({});
  });

  it('keeps an empty list where there is no other', () =>
    expect(map('{"decoded":{"from":[]},"header":{"from":[]}}').row['from']).toEqual([]));

  it('keeps a value that does not fit under its path and leaves the column null', () =>
    expect(map('{"size":"big","to":[{"a":1}],"pps":"none","parts":[{"name":{"x":1}},"p",null,[]]}')).toEqual({
      row: expect.objectContaining({ size: null, to: null, cluster: null, parts: [{ name: null, tags: null }] }),
      extra: {
        size: 'big',
        to: '[{"a":1}]',
        pps: 'none',
        'parts[0].name': '{"x":1}',
        'parts[1]': 'p',
        'parts[3]': '[]',
      },
    }));

  it('keeps unknown fields: nested ones by path, whole ones as JSON, null as null', () =>
    expect(map('{"new":{"b":[1],"a":null},"nil":null,"pps":{"x":1},"parts":[{"more":true}]}').extra).toEqual({
      new: '{"a":null,"b":[1]}',
      nil: 'null',
      'pps.x': '1',
      'parts[0].more': 'true',
    }));

  it('takes the first of several values for a single one and keeps all', () =>
    expect(map('{"threatID":["a","b"]}')).toMatchObject({ row: { id: 'a' }, extra: { threatID: '["a","b"]' } }));

  it('takes one object for a list of one', () =>
    expect(map('{"parts":{"name":"n"}}').row['parts']).toEqual([{ name: 'n', tags: null }]));

  it('is not fooled by hostile keys', () => {
    const { row, extra } = map('{"__proto__":{"size":1},"":"e","a.b":"1","a":{"b":"2"},"constructor":"c","x[0]":"y"}');
    expect(extra).toEqual({
      ['__proto__']: '{"size":1}',
      '[""]': 'e',
      '["a.b"]': '1',
      a: '{"b":"2"}',
      constructor: 'c',
      '["x[0]"]': 'y',
    });
    expect(row['size']).toBeNull();
  });
});

describe('shapeOf', () => {
  it('refuses two fields of one path', () => {
    expect(() => shapeOf({ a: field(text, 'x', meta), b: field(text, 'x', meta) })).toThrow('x is mapped already');
    expect(() => shapeOf({ a: field(text, 'x', meta), b: field(text, 'x.y', meta) })).toThrow('within a path');
  });
});
