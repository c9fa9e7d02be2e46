/** Records that are almost right: those of the fixtures, changed by seeded chance. */
import type { Random } from '../../simulator/random.ts';

type Json = null | string | number | boolean | Json[] | { [key: string]: Json };

export interface Corpus {
  readonly form: 'json' | 'text';
  readonly records: readonly string[];
}

/** What breaks parsers. */
const oddTexts = [
  '',
  ' ',
  '\u0000',
  '\uFEFF',
  '\u202Eevil',
  'e\u0301',
  '\u{1F480}\u200D',
  '\uD800',
  '"',
  '\\',
  '\\"',
  "'",
  '=',
  ', ',
  ',,,',
  '<',
  '>',
  '<>',
  '@',
  'a@b',
  '[',
  ']',
  '[IPv6:::]',
  '://',
  'http://[',
  'mailto:',
  'null',
  'NaN',
  'true',
  '-',
  '-0',
  '1e999',
  '9007199254740993',
  '123456789012345678901234567890',
  '0.1000000000000000055511151231257827',
  '99:99:99',
  '9+00:00:00',
  '2026-02-30T25:61:61Z',
  '9999-12-31T23:59:59.999999999Z',
  'stat=',
  'to=<',
  ' to=',
  'xn--',
  '..',
  'x'.repeat(300),
];
/** JSON that JavaScript would not write, behind a `#`. */
const oddLiterals = ['#1e999', '#-1e999', '#1e-999', '#123456789012345678901234567890', '#0.10', '#1E2', '#-0'];
const oddNumbers = [0, -0, 1, -1, 0.5, 1e21, -1e308, 5e-324, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 63, 1e15];
const oddKeys = [
  '',
  '__proto__',
  'constructor',
  'toString',
  'a.b',
  'a[0]',
  '["x"]',
  'GUID',
  'guid',
  'g_u_i_d',
  'ts',
  'data',
  '0',
];

export function mutated(corpus: Corpus, random: Random): Buffer {
  let text = random.pick(corpus.records);
  // bytes of a JSON record that are changed blindly are mostly no JSON: those changes are few
  if (corpus.form === 'json' && random.chance(0.8)) text = changedJson(text, random);
  const isText = corpus.form === 'text';
  const changes = isText ? random.int(0, 4) : random.chance(0.2) ? 1 : 0;
  for (let change = 0; change < changes; change++) text = changedText(text, corpus, random);
  const bytes = Buffer.from(text);
  if (random.chance(isText ? 0.3 : 0.05)) flipBits(bytes, random);
  return bytes;
}

function changedText(text: string, { records }: Corpus, random: Random): string {
  const at = random.int(0, text.length);
  const end = Math.min(text.length, at + random.int(0, 40));
  switch (random.int(0, 5)) {
    case 0:
      return text.slice(0, at) + random.pick(oddTexts) + text.slice(at);
    case 1:
      return text.slice(0, at) + text.slice(end);
    case 2:
      return text.slice(0, at);
    case 3: {
      const other = random.pick(records);
      const from = random.int(0, other.length);
      return text.slice(0, at) + other.slice(from, from + random.int(0, 200)) + text.slice(end);
    }
    case 4:
      return text.slice(0, end) + text.slice(at, end).repeat(random.int(1, 20)) + text.slice(end);
    default:
      // a key a second time, or a deep nest
      return random.chance(0.5)
        ? text.replace('{', `{${random.pick(memberTexts(text))},`)
        : text.slice(0, at) + random.pick(['[', '{"a":', '<', '"']).repeat(random.int(1, 300)) + text.slice(at);
  }
}

/** Members as they stand at the top of a JSON text; of a line, its words. */
function memberTexts(text: string): string[] {
  return text.split(/,(?=")|[ ,]/).filter((member) => member.length > 3);
}

function changedJson(text: string, random: Random): string {
  const record = JSON.parse(text) as Json;
  for (let change = random.int(1, 4); change > 0; change--) changeInside(record, random, 0);
  return JSON.stringify(record).replaceAll(/"#([^"]*)"/g, '$1');
}

function changeInside(json: Json, random: Random, depth: number): void {
  if (json === null || typeof json !== 'object') return;
  const keys = Object.keys(json);
  const key = keys.length === 0 ? '0' : random.pick(keys);
  const holder = json as Record<string, Json>;
  const value = Object.hasOwn(holder, key) ? holder[key] : undefined;
  if (typeof value === 'object' && value !== null && depth < 6 && random.chance(0.7)) {
    changeInside(value, random, depth + 1);
    return;
  }
  switch (random.int(0, 6)) {
    case 0:
      set(holder, random.pick(oddKeys), oddValue(random));
      break;
    case 1:
      if (!Array.isArray(json)) Reflect.deleteProperty(holder, key);
      break;
    case 2:
      set(holder, key, [value ?? null, oddValue(random)]);
      break;
    case 3:
      set(holder, key, nested(value ?? null, random.int(1, random.chance(0.05) ? 200 : 4)));
      break;
    case 4:
      set(holder, respelt(key, random), value ?? null);
      break;
    default:
      set(holder, key, oddValue(random));
  }
}

/** Also `__proto__` is a key like any other. */
function set(holder: Record<string, Json>, key: string, value: Json): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

function oddValue(random: Random): Json {
  const chosen = random.int(0, 9);
  if (chosen < 4) return random.pick(oddTexts);
  if (chosen < 5) return random.pick(oddLiterals);
  if (chosen < 6) return random.pick(oddNumbers);
  return random.pick<Json>([
    null,
    true,
    false,
    [],
    {},
    [null],
    [[]],
    [{}],
    { '': { '': '' } },
    ['a', 1, null, { b: [2] }],
  ]);
}

function nested(value: Json, levels: number): Json {
  let json = value;
  for (let level = 0; level < levels; level++) json = level % 2 === 0 ? [json] : { a: json };
  return json;
}

function respelt(key: string, random: Random): string {
  if (random.chance(0.3)) return key.toUpperCase();
  return random.chance(0.5) ? key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : `${key}_`;
}

function flipBits(bytes: Buffer, random: Random): void {
  if (bytes.length === 0) return;
  for (let flips = random.int(1, 3); flips > 0; flips--) {
    const at = random.int(0, bytes.length - 1);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(0, 7));
  }
}
