/** The documents of the project, and what stands in them: code, tables, names of files. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../support/mutant.ts';

export interface Document {
  /** From the root of the project. */
  readonly path: string;
  readonly text: string;
}

/** Written by hand; docs/tables is generated and tested on its own. */
export const documents: readonly Document[] = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md']
  .concat(
    readdirSync(join(projectRoot, 'docs'))
      .filter((file) => file.endsWith('.md'))
      .map((file) => `docs/${file}`),
  )
  .map(readDocument);

export function readDocument(path: string): Document {
  return { path, text: readFileSync(join(projectRoot, path), 'utf8') };
}

export const isHere = (path: string) => existsSync(join(projectRoot, path));

/** The bodies of fenced blocks in one language. */
export function fencedBlocks({ text }: Document, language: string): string[] {
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].flatMap(([, named, body = '']) =>
    named === language ? [body] : [],
  );
}

/** Every line of code, fenced or indented, and every code span. */
export function codeOf({ text }: Document): string[] {
  const prose = text.replaceAll(/^```\w*\n[\s\S]*?^```$/gm, '');
  return [
    ...[...text.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].flatMap(([, body = '']) => body.split('\n')),
    ...[...prose.matchAll(/^ {4}(.*)$/gm)].map(([, line = '']) => line),
    ...[...prose.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span),
  ];
}

/** The rows below the header of the table of a section, cell by cell, without code marks. */
export function tableOf({ path, text }: Document, heading: string): string[][] {
  const section = text.split(/^(?=## )/m).find((part) => part.startsWith(`## ${heading}\n`));
  if (section === undefined) throw new Error(`${path} has no section ${heading}`);
  const rows = section.match(/^\|.*\|$/gm) ?? [];
  return rows.slice(2).map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}
