import { describe, expect, it } from 'vitest';
import { s3Settings } from '../../sources/settings.ts';
import {
  isOwnOfReader,
  newQueueState,
  type QueueState,
  readerOf,
  withNextReader,
} from '../../workflows/queue-state.ts';

const settings = (...tenantIds: readonly string[]) => ({
  queueUrl: 'https://sqs.eu-west-1.amazonaws.com/123456789012/logs',
  region: 'eu-west-1',
  every: 10,
  routes: tenantIds.map((tenantId) => ({
    tenantId,
    sourceId: 'filter',
    settings: s3Settings.parse({ kind: 's3', table: 'proofpoint_gateway_filter_logs', bucket: 'mail' }),
  })),
});

describe('the reader of a queue', () => {
  const reader = (state: QueueState, queue = settings('acme', 'globex', 'initech')) => readerOf(queue, state)?.tenantId;

  it('is the first source by name, then each in turn', () => {
    const queue = settings('acme', 'globex', 'initech');
    let state = newQueueState();
    const readers: unknown[] = [];
    for (let turn = 0; turn < 4; turn += 1, state = withNextReader(state, queue)) readers.push(reader(state));
    expect(readers).toEqual(['acme', 'globex', 'initech', 'acme']);
  });

  it('is the same one where routes come and go, and the first one where it is gone itself', () => {
    const state = withNextReader(newQueueState(), settings('acme', 'globex'));
    expect(reader(state, settings('aardvark', 'acme', 'globex'))).toBe('globex');
    expect(reader(state, settings('acme', 'initech'))).toBe('acme');
    expect(reader(withNextReader(state, settings('acme', 'initech')), settings('acme', 'initech'))).toBe('initech');
  });

  it('is another one for faults of its own only', () => {
    const own = ['secret.missing', 's3.unauthorized', 's3.no_credentials', 's3.role_refused', 'queue.denied'];
    const others = ['queue.missing', 'queue.unavailable', 'queue.unreachable', 'lake.unavailable', 'activity.timeout'];
    expect([...own, ...others].filter(isOwnOfReader)).toEqual(own);
  });
});
