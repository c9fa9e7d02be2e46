/** The identity of an event: what makes the same record read twice one row. */
import { createHash, hash } from 'node:crypto';
import type { TableName } from './table.ts';

/** 32 hexadecimal digits of SHA-256 over the table's name, a line feed and the content (text as UTF-8). */
export function eventId(table: TableName, content: string | Uint8Array): string {
  const digest =
    typeof content === 'string'
      ? // one call from text is three times as fast as a Hash object fed with bytes
        hash('sha256', `${table}\n${content}`)
      : createHash('sha256').update(`${table}\n`).update(content).digest('hex');
  return digest.slice(0, 32);
}
