import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { generatedPages } from '../../scripts/docs/pages.ts';
import { columnsOf, tables } from '../../tables/registry.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pages = generatedPages();

describe('docs/tables', () => {
  it('holds these pages and no others', () => {
    const found = readdirSync(join(root, 'docs/tables')).map((file) => `docs/tables/${file}`);
    expect(found.toSorted()).toEqual([...pages.keys()].toSorted());
  });

  it.each([...pages.keys()])('%s is what the definitions make (else: npm run docs)', (path) => {
    expect(readFileSync(join(root, path), 'utf8')).toBe(pages.get(path));
  });

  it.each(Object.values(tables))('tells of every column of $name', (table) => {
    const page = pages.get(`docs/tables/${table.name}.md`) ?? '';
    const told = columnsOf(table).filter(({ name, meta }) =>
      page
        .split('\n')
        .some((line) => line.startsWith(`| \`${name}\` |`) && line.includes(meta.source.split(' | ')[0] ?? '')),
    );
    expect(told).toEqual(columnsOf(table));
  });
});
