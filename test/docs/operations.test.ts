import { describe, expect, it } from 'vitest';
import { policies } from '../../errors/ingest-error.ts';
import type { DeadLetter } from '../../lake/stage.ts';
import type { ShownState } from '../../scripts/commands/coverage.ts';
import { parseDuration } from '../../sources/duration.ts';
import { tapSettings } from '../../sources/settings.ts';
import { requestsLeft, steadyPace } from '../../sources/tap/budget.ts';
import { environmentNames, readConfig } from '../../workers/config.ts';
import type { PipelineState } from '../../workflows/source-state.ts';
import { readDocument, tableOf } from './documents.ts';

const operations = readDocument('docs/operations.md');
const firstCells = (heading: string) => tableOf(operations, heading).map(([first = '']) => first);

/** Complete by its type: a state or a code that is added does not compile without a line here. */
const states: Record<PipelineState, true> = {
  running: true,
  idle: true,
  late: true,
  backoff: true,
  blocked: true,
  paused: true,
};
const coverageStates: Record<ShownState, true> = {
  settled: true,
  read: true,
  unread: true,
  failing: true,
  lost: true,
};
const deadLetterCodes: Record<DeadLetter['reject']['code'], true> = {
  invalid_json: true,
  invalid_csv: true,
  not_an_object: true,
  invalid_record: true,
  unknown_record: true,
  unknown_line: true,
  too_large: true,
  corrupt_object: true,
  archived_object: true,
};

describe('docs/operations.md', () => {
  it('names every variable, once, and no other', () => {
    expect(firstCells('Environment').toSorted()).toEqual(environmentNames.toSorted());
  });

  it('says the defaults that the configuration has', () => {
    const config = readConfig({});
    const said = new Map(tableOf(operations, 'Environment').map(([name = '', value = '']) => [name, value]));
    const place = (name: string) => said.get(name)?.replace('DATA_DIR', config.dataDir);
    expect(place('LAKE_CATALOG')).toBe(config.lake.catalog);
    expect(place('LAKE_DATA')).toBe(config.lake.dataPath);
    expect(place('LANDING_URL')).toBe(config.landingUrl);
    expect(said.get('TASK_QUEUE')).toBe(config.temporal.taskQueue);
    expect(said.get('AWS_REGION')).toBe(config.aws.region);
    expect(said.get('LOG_LEVEL')).toBe(config.logLevel);
    expect(said.get('DUCKDB_MEMORY_MB')).toBe(String(config.lake.memoryMegabytes));
    expect(parseDuration(said.get('MAINTAIN_EVERY') ?? '')).toBe(config.maintenance.everySeconds);
    expect(parseDuration(said.get('MAINTAIN_KEEP') ?? '')).toBe(config.maintenance.keepSeconds);
    expect(said.get('MAX_CONCURRENT_ACTIVITIES')).toBe(String(config.maxConcurrentActivities));
  });

  it('says of every error code what the code says', () => {
    const said = tableOf(operations, 'Errors').map(([code, ...policy]) => [code, policy]);
    const wanted = Object.entries(policies).map(([code, { stage, directive, remedy }]) => [
      code,
      [stage, directive, remedy],
    ]);
    expect(Object.fromEntries(said)).toEqual(Object.fromEntries(wanted));
    expect(said).toHaveLength(wanted.length);
  });

  it('explains every state of a source', () => {
    expect(firstCells('States of a source')).toEqual([...Object.keys(states), 'unknown']);
  });

  it('explains every state of coverage', () => {
    expect(firstCells('Coverage and gaps').toSorted()).toEqual(Object.keys(coverageStates).toSorted());
  });

  it('says how many requests each kind of read may spend, and a source needs', () => {
    const settings = tapSettings.parse({ kind: 'tap', principal: 'env:P', secret: 'env:S' });
    const pace = steadyPace(settings);
    const fresh = { log: {}, nowMs: 0, ...pace };
    const said = new Map(tableOf(operations, 'Requests to TAP').map(([kind = '', text = '']) => [kind, text]));
    for (const kind of ['live', 'settle', 'backfill'] as const)
      expect(said.get(kind)).toContain(requestsLeft(kind, fresh).toLocaleString('en'));
    expect(operations.text).toContain(`By default a source needs ${pace.steadyPerDay} a day`);
  });

  it('explains every code of a dead letter', () => {
    expect(firstCells('Dead letters')).toEqual(Object.keys(deadLetterCodes));
  });
});
