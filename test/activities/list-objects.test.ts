import { asyncLocalStorage, type Context } from '@temporalio/activity';
import { describe, expect, it } from 'vitest';
import { createListObjects } from '../../activities/list-objects.ts';
import type { ObjectStore } from '../../sources/s3/client.ts';
import { s3Settings } from '../../sources/settings.ts';

const never = async () => {
  throw new Error('is not asked');
};

/** Of a store that has these pages, keys with the hour of their upload, and a lake that has all of it. */
async function newestOf(...pages: readonly Readonly<Record<string, number>>[]): Promise<string | undefined> {
  const rest = pages.map((page) =>
    Object.entries(page).map(([key, hour]) => {
      const lastModified = `2026-01-31T${String(hour).padStart(2, '0')}:00:00.000Z`;
      return { key, etag: 'e', sizeBytes: 1, lastModified };
    }),
  );
  const list: ObjectStore['list'] = async () => ({ objects: rest.shift() ?? [], more: rest.length > 0 });
  const store: ObjectStore = { list, head: never, open: never, authorize: never, check: never, close: () => undefined };
  const listObjects = createListObjects({
    stores: { of: async () => store, close: () => undefined },
    lake: { receipts: async (ids: readonly string[]) => new Map(ids.map((id) => [id, {}])) } as never,
  });
  const settings = s3Settings.parse({ kind: 's3', table: 'proofpoint_gateway_filter_logs', bucket: 'mail' });
  const context = { cancellationSignal: new AbortController().signal } as Context;
  const listed = await asyncLocalStorage.run(context, () =>
    listObjects({ tenantId: 'acme', sourceId: 'filter', settings, listsMax: 10 }),
  );
  expect(listed).toMatchObject({ objects: [], more: false, listRequests: pages.length });
  return listed.newest;
}

describe('a listing', () => {
  it('tells which key of its last two pages was uploaded last: the last page may be a key behind all others', async () => {
    expect(await newestOf({ '01': 1, '02': 2, '03': 3 })).toBe('03');
    expect(await newestOf({ '01': 1, '02': 2, 'readme.txt': 0 })).toBe('02');
    expect(await newestOf({ '01': 1, '02': 2 }, { 'readme.txt': 0 })).toBe('02');
    expect(await newestOf({ '01': 1, '02': 2 }, {})).toBe('02');
    // further back it would be listed again and again
    expect(await newestOf({ '01': 9 }, { '02': 2 }, { 'readme.txt': 0 })).toBe('02');
    expect(await newestOf({ '01': 1, '02': 1 })).toBe('02');
  });
});
