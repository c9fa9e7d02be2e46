import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openLake } from '../../lake/lake.ts';
import { tables } from '../../tables/registry.ts';
import type { TableName } from '../../tables/table.ts';
import { sqliteLake } from '../support/lake.ts';
import { projectRoot } from '../support/mutant.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { jsonLines, run } from './cli.ts';

const directory = 'scripts/examples';
const examples = readdirSync(join(projectRoot, directory)).map((file) => `${directory}/${file}`);

describe.each(examples)('%s', (file) => {
  it('is a program that bash can read, and whose --help says how to call it', async () => {
    expect(statSync(join(projectRoot, file)).mode & 0o111).toBe(0o111);
    expect(await run('bash', ['-n', file], {})).toMatchObject({ code: 0, stderr: '' });
    const help = await run(file, ['--help'], {});
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toMatch(new RegExp(`^\\w.*\\n\\n {2}${file}.*\\n\\n`));
    expect(help.stdout).not.toContain('#');
  });

  it('refuses a command line that it does not know, with its help', async () => {
    const wrong = await run(file, ['--nonsense'], {});
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
    expect(wrong.stderr).toContain(`  ${file}`);
  });
});

const minute = 60_000;
const hour = 60 * minute;
/** Noon two days ago: the report looks back from now. */
const noonMs = (Math.floor(Date.now() / (24 * hour)) - 2) * 24 * hour + 12 * hour;
const day = new Date(noonMs).toISOString().slice(0, 10);
const iso = (timeMs: number) => new Date(timeMs).toISOString();

describe('lateness-report.sh', () => {
  const dataDir = temporaryDirectory('lateness');

  beforeAll(async () => {
    const lake = await openLake(sqliteLake(dataDir));
    /** A window in minutes after noon, read that many minutes after its end, with what it brought. */
    async function read(
      tenantId: string,
      pass: string,
      [from, to, age]: readonly [number, number, number],
      brought: readonly (readonly [TableName, object])[],
    ): Promise<void> {
      const [fromMs, toMs] = [noonMs + from * minute, noonMs + to * minute];
      const batchId = `${tenantId}/tap/${fromMs}/${pass}`;
      const header = { batchId, tenantId, sourceId: 'tap', kind: 'tap', pass, uri: 'tap://x', sizeBytes: 0 } as const;
      const times = {
        coversFrom: fromMs * 1000,
        coversTo: toMs * 1000,
        readAt: (toMs + age * minute) * 1000,
        fallbackTime: noonMs * 1000,
      };
      const used = [...new Set(brought.map(([table]) => table))];
      await lake.load({ ...header, ...times }, used, async (stage) => {
        for (const [index, [table, record]] of brought.entries()) {
          const { row } = tables[table].parse(
            { bytes: Buffer.from(JSON.stringify(record)), offset: index, line: index + 1 },
            {
              tenantId,
              batchId,
              uri: 'tap://x',
              fallbackTime: noonMs * 1000,
              fallbackTimeSource: 'window',
              ingestedAt: stage.ingestedAt,
            },
          );
          if (row === undefined) throw new Error('a record was rejected');
          stage.addRow(table, row);
        }
      });
    }
    const known = ['proofpoint_tap_messages_delivered', { GUID: 'known', messageTime: iso(noonMs + minute) }] as const;
    await read('acme', 'live', [0, 30, 1], [known]);
    await read('acme', 'live', [30, 60, 1], []);
    await read(
      'acme',
      'settle-35m',
      [0, 60, 35],
      [
        known,
        // created by its eventTime at 12:20, missed at 12:31: 11 minutes
        [
          'proofpoint_tap_messages_delivered',
          { GUID: 'a', messageTime: iso(noonMs - hour), eventTime: iso(noonMs + 20 * minute) },
        ],
        // by its newest threat at 12:40, missed at 13:01: 21 minutes
        [
          'proofpoint_tap_messages_blocked',
          {
            GUID: 'b',
            messageTime: iso(noonMs - hour),
            threatsInfoMap: [{ threatTime: iso(noonMs - hour) }, { threatTime: iso(noonMs + 40 * minute) }],
          },
        ],
        // by its click at 12:00, missed at 12:31: 31 minutes
        ['proofpoint_tap_clicks_blocked', { id: 'c', url: 'http://c.example', clickTime: iso(noonMs) }],
      ],
    );
    await read('globex', 'live', [0, 60, 1], []);
    await read('globex', 'settle-24h', [0, 60, 1440], []);
    await lake.close();
  });

  it('tells for every tenant, day and pass what was found late, and how late', async () => {
    const ran = await run(`${directory}/lateness-report.sh`, ['--json'], { DATA_DIR: dataDir });
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(jsonLines(ran.stdout)).toEqual([
      { tenant_id: 'acme', day, pass: 'settle-35m', windows: 1, rows_added: 3 },
      { tenant_id: 'globex', day, pass: 'settle-24h', windows: 1, rows_added: 0 },
      {
        tenant_id: 'acme',
        day,
        pass: 'settle-35m',
        late_events: 3,
        minutes_median: 21,
        minutes_p90: 29,
        minutes_max: 31,
      },
    ]);
  });

  it('prints two tables for people, of no more days than asked for', async () => {
    const [all, today] = await Promise.all([
      run(`${directory}/lateness-report.sh`, [], { DATA_DIR: dataDir }),
      run(`${directory}/lateness-report.sh`, ['1'], { DATA_DIR: dataDir }),
    ]);
    expect(all.stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^tenant_id +day +pass +windows +rows_added$/),
      expect.stringMatching(/^acme .* 3$/),
      expect.stringMatching(/^globex .* 0$/),
      '',
      expect.stringMatching(/^tenant_id +day +pass +late_events +minutes_median +minutes_p90 +minutes_max$/),
      expect.stringMatching(/^acme .* 3 +21 +29 +31$/),
    ]);
    expect(today.stdout).not.toContain('acme');
  });
});
