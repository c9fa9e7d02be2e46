import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { IngestError } from '../../errors/ingest-error.ts';
import { printCsv, printJson, printTable, printText, reportError, UsageError } from '../../scripts/output.ts';

let stdout = '';
let stderr = '';

beforeEach(() => {
  stdout = '';
  stderr = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((stdout += String(text)), true));
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((stderr += String(text)), true));
});
afterEach(() => {
  vi.restoreAllMocks();
  setTerminal(undefined);
});

function setTerminal(columns: number | undefined): void {
  Object.assign(process.stdout, { isTTY: columns !== undefined, columns });
}

/** What drives a terminal: C0, C1, DEL, and the turns of direction. */
const driving = /[\p{Cc}\u202A-\u202E\u2066-\u2069]/u;
const hostile = 'a\u001B[31mb\u009B2Jc\u007F\rd\te\u202Ef\u0007';

describe('printJson', () => {
  it('prints one line that is the value, with nothing in it that a terminal acts on', () => {
    printJson({ subject: hostile });
    expect(JSON.parse(stdout)).toEqual({ subject: hostile });
    expect(stdout.replace(/\n$/, '')).not.toMatch(driving);
  });

  it('prints any value so that it reads back', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        stdout = '';
        printJson(value);
        expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe('printTable', () => {
  it('lines columns up, numbers to the right, - for nothing', () => {
    printTable(
      ['name', 'rows'],
      [
        ['acme', 12],
        [null, 3],
      ],
    );
    expect(stdout).toBe('name  rows\nacme    12\n-        3\n');
  });

  it('prints its head where there are no rows', () => {
    printTable(['name', 'rows'], []);
    expect(stdout).toBe('name  rows\n');
  });

  it('prints more rows than a function takes arguments', () => {
    printTable(
      ['n'],
      Array.from({ length: 200_000 }, () => [1]),
    );
    expect(stdout.length).toBe(400_002);
  });

  it('prints nothing that a terminal acts on, and no more than its width', () => {
    setTerminal(10);
    printTable(['subject'], [[hostile], [{ nested: hostile }]]);
    for (const line of stdout.split('\n')) {
      expect(line).not.toMatch(driving);
      expect(line.length).toBeLessThanOrEqual(10);
    }
  });
});

describe('printCsv', () => {
  it('quotes what needs it, and tells nothing from the empty text', () => {
    printCsv(
      ['a,b', 'c'],
      [
        ['say "hi"', 'x\ny'],
        [null, ''],
        [{ n: [1] }, 2],
      ],
    );
    expect(stdout).toBe('"a,b",c\r\n"say ""hi""","x\ny"\r\n,""\r\n"{""n"":[1]}",2\r\n');
  });

  it('is exact for programs, and harmless on a terminal', () => {
    printCsv(['subject'], [[hostile]]);
    expect(stdout).toContain('\u001B[31m');
    stdout = '';
    setTerminal(80);
    printCsv(['subject'], [[hostile]]);
    expect(stdout.replaceAll('\r\n', '')).not.toMatch(driving);
  });
});

it('printText keeps lines and nothing else that moves the cursor', () => {
  printText(`one\n${hostile}`);
  expect(stdout.split('\n')).toHaveLength(3);
  expect(stdout.replaceAll('\n', '')).not.toMatch(driving);
});

describe('reportError', () => {
  it('says what, and what to do, on stderr; for programs on stdout as well', () => {
    expect(reportError(new IngestError('source.unknown', 'source a/b: does not run here'), true)).toBe(1);
    expect(stderr).toBe(
      'error: source a/b: does not run here\nwhat to do: see "ppi sources list" for those that run, "ppi tenants apply" to add one\n',
    );
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: 'source.unknown',
        message: 'source a/b: does not run here',
        remedy: expect.stringContaining('ppi'),
      },
    });
  });

  it.each([
    [new UsageError('x'), 'usage', 2],
    [new IngestError('lake.query', 'x'), 'lake.query', 2],
    [new IngestError('config.invalid', 'x'), 'config.invalid', 1],
    [new Error('x'), 'internal', 1],
    ['x', 'internal', 1],
  ])('gives the exit code of %s', (error, code, exitCode) => {
    expect(reportError(error, true)).toBe(exitCode);
    expect(JSON.parse(stdout)).toEqual({ error: { code, message: 'x', remedy: expect.stringMatching(/./) } });
  });

  it('says why where that is known', () => {
    const cause = new Error('connection refused');
    reportError(new IngestError('lake.unavailable', 'lake: it failed', { cause }), true);
    expect(stderr).toMatch(/^error: lake: it failed\nbecause: connection refused\nwhat to do: check /);
    expect(JSON.parse(stdout).error).toMatchObject({ reason: 'connection refused' });
  });

  it('prints nothing that a terminal acts on: SQL errors quote events', () => {
    reportError(new IngestError('lake.query', `lake: Could not convert ${hostile}\n\nLINE 1: SELECT`), false);
    expect(stdout).toBe('');
    expect(stderr.replaceAll('\n', '')).not.toMatch(driving);
    expect(stderr).toContain('\n\nLINE 1');
  });
});
