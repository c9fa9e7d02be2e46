import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it } from 'vitest';
import { withRoomFor } from '../../lake/room.ts';

describe('withRoomFor', () => {
  it('raises the limit for long records while they are committed, also where that fails', async () => {
    const instance = await DuckDBInstance.create(':memory:', { memory_limit: '256MB' });
    const connection = await instance.connect();
    const limit = async () =>
      String((await connection.runAndReadAll(`SELECT current_setting('memory_limit')`)).getRows()[0]?.[0]);
    const before = await limit();
    const room = (longestBytes: number) => ({ longestBytes, memoryMegabytes: 256 });
    expect(await withRoomFor(connection, room(1 << 20), limit)).toBe(before);
    expect(await withRoomFor(connection, room(64 << 20), limit)).toBe('1.0 GiB');
    expect(await limit()).toBe(before);
    await expect(withRoomFor(connection, room(64 << 20), () => Promise.reject(new Error('lost')))).rejects.toThrow(
      'lost',
    );
    expect(await limit()).toBe(before);
    connection.closeSync();
    instance.closeSync();
  });
});
