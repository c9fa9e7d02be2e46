/** How `ppi sources test` shows people what a worker found. */
import type { Check, ObjectSample, TableSample } from '../activities/contracts.ts';
import { printTable, printText } from './output.ts';

export function printChecks(checks: readonly Check[]): void {
  for (const { ok, name, message, remedy } of checks) {
    printText(`${ok ? 'ok    ' : 'FAILED'}  ${name}: ${message}`);
    if (remedy !== undefined) printText(`        what to do: ${remedy}`);
  }
  for (const { sample } of checks) if (sample !== undefined) printSample(sample);
}

function printSample({ key, compression, form, sizeBytes, isWhole, tables }: ObjectSample): void {
  const part = isWhole ? `all ${sizeBytes}` : `the first ${sizeBytes}`;
  printText(`\n${key}: ${compression === 'none' ? 'not compressed' : compression}, ${form}; ${part} bytes`);
  for (const table of tables) printTableSample(table);
}

function printTableSample({ table, records, rows, deadLetters, columns, drift, ...times }: TableSample): void {
  printText(`\n${table}: ${records} records, ${rows} rows, ${records - rows} dead letters`);
  if (times.firstEventAt !== undefined) printText(`events from ${times.firstEventAt} to ${String(times.lastEventAt)}`);
  printSection(
    ['dead letters', 'code', 'reason'],
    deadLetters.map(({ code, reason, count }) => [count, code, reason]),
  );
  printSection(
    ['column', 'type', 'filled in rows'],
    columns.map(({ name, type, filled }) => [name, type, filled]),
  );
  printSection(
    ['beyond the schema', 'kind', 'type', 'count'],
    drift.map(({ path, kind, jsonType, count }) => [path, kind, jsonType, count]),
  );
}

function printSection(headings: readonly string[], rows: readonly (readonly unknown[])[]): void {
  if (rows.length === 0) return;
  printText('');
  printTable(headings, rows);
}
