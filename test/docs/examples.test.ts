import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram, nouns } from '../../scripts/program.ts';
import { parseTenantsFile } from '../../sources/tenants-file.ts';
import { searchAttributeTypes } from '../../workflows/search-attributes.ts';
import { codeOf, documents, fencedBlocks, isHere, readDocument } from './documents.ts';

const { scripts } = JSON.parse(readDocument('package.json').text) as { scripts: Record<string, string> };
const program = await createProgram(nouns.map(({ name }) => name));

/** Words as a shell parts them. */
function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare ?? '',
  );
}

/** The command line of `ppi` that a line of code runs, under whatever name; undefined where it runs none. */
function ppiWords(line: string): string[] | undefined {
  // what explains a command stands three blanks behind it
  const [command = ''] = line.split(/ {3}/);
  const bare = command.replace(/^(?:[A-Z_]+=\S+ )+/, '');
  const runs = /^(?:ppi|npm run --silent ppi --|docker compose run .*?\bworker) (.+)$/.exec(bare)?.[1];
  if (runs !== undefined) return words(runs);
  const script = /^npm (?:run )?(?:--silent )?(demo|start) -- (.+)$/.exec(bare);
  return script === null ? undefined : [script[1] === 'start' ? 'dev' : 'demo', ...words(script[2] ?? '')];
}

/** Why commander would not take it; undefined where it would. */
function fault(given: readonly string[]): string | undefined {
  let command = program;
  let rest = [...given];
  for (let next = sub(command, rest[0]); next !== undefined; next = sub(command, rest[0])) {
    command = next;
    rest = rest.slice(1);
  }
  if (command.commands.length > 0) {
    // prose may name a noun alone, or several verbs of it: `sources list|show`
    const verbs = rest[0]?.split('|') ?? [];
    const unknown = verbs.filter((verb) => sub(command, verb) === undefined);
    return unknown.length === 0 ? undefined : `no command ${unknown.join(', ')}`;
  }
  let argumentCount = 0;
  while (rest.length > 0) {
    const word = rest.shift() ?? '';
    if (!word.startsWith('-')) {
      argumentCount += 1;
      continue;
    }
    const option = command.options.find(({ short, long }) => word === short || word === long);
    if (option === undefined) return `no option ${word}`;
    if (option.required) rest.shift();
  }
  const most = command.registeredArguments.length;
  return argumentCount > most ? `${argumentCount} arguments, ${most} are taken` : undefined;
}

function sub(command: Command, name: string | undefined): Command | undefined {
  return command.commands.find((each) => each.name() === name);
}

describe.each(documents)('$path', (document) => {
  it('gives only command lines that the program takes', () => {
    const faults = codeOf(document).flatMap((line) => {
      const given = ppiWords(line);
      const why = given === undefined ? undefined : fault(given);
      return why === undefined ? [] : [`${line}: ${why}`];
    });
    expect(faults).toEqual([]);
  });

  it('runs only scripts of package.json', () => {
    const named = codeOf(document).flatMap((line) => {
      const name = /^npm (?:run (?:--silent )?([\w:]+)|(start|test)\b)/.exec(line);
      return name === null ? [] : [name[1] ?? name[2] ?? ''];
    });
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it('names only files that are here', () => {
    const paths = codeOf(document).flatMap((code) =>
      [
        ...code.matchAll(/(?:^|[\s(])((?:[\w.-]+\/)+[\w.-]+\.(?:ts|mjs|js|json|sh|yaml|yml|md|example))(?=$|[\s,)])/g),
      ].map(([, path = '']) => path),
    );
    expect(paths.filter((path) => !path.startsWith('dist/') && !isHere(path))).toEqual([]);
  });

  it('links only to files and headings that are here', () => {
    const links = [...document.text.matchAll(/\]\((?!https?:)([^)]*)\)/g)].map(([, link = '']) => link);
    const dead = links.filter((link) => {
      const [file = '', heading] = link.split('#');
      const path = file === '' ? document.path : join(document.path, '..', file);
      if (!isHere(path)) return true;
      return heading !== undefined && !headings(readDocument(path).text).includes(heading);
    });
    expect(dead).toEqual([]);
  });
});

/** As GitHub names them. */
function headings(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
}

describe('the documents', () => {
  it('show only tenants files that are accepted', () => {
    const blocks = documents
      .flatMap((document) => fencedBlocks(document, 'yaml'))
      .filter((body) => body.startsWith('tenants:'));
    expect(blocks.length).toBeGreaterThan(1);
    for (const block of blocks) expect(parseTenantsFile(block, 'block').length).toBeGreaterThan(0);
  });

  it('filter by search attributes that workflows have', () => {
    const used = documents.flatMap((document) =>
      codeOf(document).flatMap((code) =>
        [...code.matchAll(/\b([A-Z]\w+) (?:=|!=|<|>|IN|IS) /g)].map(([, name = '']) => name),
      ),
    );
    const known = new Set([...Object.keys(searchAttributeTypes), 'ExecutionStatus', 'TemporalReportedProblems']);
    expect(used).toContain('PipelineState');
    expect(used.filter((name) => !known.has(name))).toEqual([]);
  });

  it('show every command, with its own name', () => {
    const shown = new Set(
      documents.flatMap((document) =>
        codeOf(document).flatMap((line) => {
          const [noun = '', verbs = ''] = ppiWords(line) ?? [];
          return [noun, ...verbs.split('|').map((verb) => `${noun} ${verb}`)];
        }),
      ),
    );
    const all = program.commands.flatMap((noun) =>
      noun.commands.length === 0 ? [noun.name()] : noun.commands.map((verb) => `${noun.name()} ${verb.name()}`),
    );
    // `dev` is npm start
    expect(all.filter((command) => command !== 'dev' && !shown.has(command))).toEqual([]);
  });

  it('are checked: a command line that is wrong is found', () => {
    const wrong = [
      'ppi sources stop acme tap',
      'ppi search x --since -1d',
      'ppi sources show acme tap more',
      'npm start -- --port 1',
    ];
    expect(wrong.map((line) => fault(ppiWords(line) ?? []))).toEqual([
      'no command stop',
      'no option --since',
      '3 arguments, 2 are taken',
      'no option --port',
    ]);
  });
});

describe('tenants.example.yaml', () => {
  it('is accepted, and shows both kinds', () => {
    const sources = parseTenantsFile(readDocument('tenants.example.yaml').text, 'tenants.example.yaml');
    expect(new Set(sources.map(({ settings }) => settings.kind))).toEqual(new Set(['tap', 's3']));
  });

  it('says the defaults of TAP where it says that they are', () => {
    const minimal =
      'tenants: {acme: {sources: {tap: {kind: tap, principal: env:ACME_TAP_PRINCIPAL, secret: file:/run/secrets/acme-tap}}}}';
    const [shown] = parseTenantsFile(readDocument('tenants.example.yaml').text, 'tenants.example.yaml');
    expect(shown).toEqual(parseTenantsFile(minimal, 'minimal')[0]);
  });
});
