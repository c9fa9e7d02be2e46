/** `ppi notifications`: the queues that say what was uploaded. */
import { type Command, Option } from 'commander';
import { withIsoFields } from '../../hunt/time.ts';
import { listQueueLetters } from '../../lake/queue-letters.ts';
import type { QueueStatus } from '../../workflows/queue-state.ts';
import { queuePage } from '../../workflows/status-page.ts';
import { firstOf, printJson, printTable, printText } from '../output.ts';
import { queueStatus, runningQueues, updateQueue } from '../queue-registry.ts';
import {
  askEach,
  countOption,
  documented,
  type JsonOption,
  mustAllAnswer,
  withClient,
  withExample,
  withLake,
} from './context.ts';

export function addNotifications(noun: Command): void {
  const notifications = withExample(noun, 'ppi notifications list');
  addList(notifications);
  addShow(notifications);
  addUpdate(notifications, 'pause', 'look no more until resumed; listing goes on');
  addUpdate(notifications, 'resume', 'end a pause or a block and look at once');
  addLetters(notifications);
}

function addList(notifications: Command): void {
  documented(notifications.command('list'), 'ppi notifications list')
    .description('state, messages and last error of every queue')
    .action(async ({ json }: JsonOption) => {
      const { answers, silent } = await withClient(async (client) =>
        askEach(await runningQueues(client), async (name) => ({ name, ...(await queueStatus(client, name)) })),
      );
      if (json === true) {
        for (const status of answers) printJson(status);
        return mustAllAnswer(silent, String);
      }
      printTable(
        [
          'queue',
          'state',
          'sources',
          'received',
          'done',
          'letters',
          'foreign',
          'rows added',
          'next look',
          'last error',
        ],
        answers.map(({ name, condition, settings, totals, foreign, nextLookAt, lastError }) => [
          name,
          condition,
          settings.routes.length,
          totals.received,
          totals.done,
          totals.kept,
          Object.values(foreign).reduce((sum, messages) => sum + messages, 0),
          totals.rowsAdded,
          nextLookAt ?? '-',
          lastError?.code ?? '-',
        ]),
      );
      return mustAllAnswer(silent, String);
    });
}

function addShow(notifications: Command): void {
  documented(notifications.command('show <queue>'), 'ppi notifications show proofpoint-logs-3f9a1c')
    .description('everything about one queue, and the sources that it serves')
    .action(async (name: string, { json }: JsonOption) => {
      print(await withClient((client) => queueStatus(client, name)), json);
    });
}

function addUpdate(notifications: Command, verb: 'pause' | 'resume', description: string): void {
  const command = documented(
    notifications.command(`${verb} <queue>`),
    `ppi notifications ${verb} proofpoint-logs-3f9a1c`,
  ).description(description);
  if (verb === 'pause')
    command.addOption(new Option('--reason <text>', 'why, for the status page').default('by an operator'));
  command.action(async (name: string, { reason, json }: JsonOption & { reason?: string }) => {
    const argument = verb === 'pause' ? { reason } : undefined;
    print(await withClient((client) => updateQueue(client, name, verb, argument)), json);
  });
}

function print(status: QueueStatus, json: boolean | undefined): void {
  if (json === true) return printJson(status);
  const routes = status.settings.routes.map(
    ({ tenantId, sourceId, paused, settings: { bucket, prefix } }) =>
      `  ${tenantId}/${sourceId}: s3://${bucket}/${prefix}${paused === true ? ' (paused)' : ''}`,
  );
  printText([queuePage(status), '', 'Sources:', ...routes].join('\n'));
}

function addLetters(notifications: Command): void {
  documented(
    notifications.command('letters'),
    'ppi notifications letters --queue-url https://sqs.eu-west-1.amazonaws.com/123456789012/proofpoint-logs',
  )
    .description('messages that could not be understood, or whose objects could not be loaded, the newest first')
    .option('--queue-url <url>', 'of one queue')
    .addOption(new Option('--limit <count>', 'at most so many').argParser(countOption).default(100))
    .action(async ({ queueUrl, limit, json }: JsonOption & { queueUrl?: string; limit: number }) => {
      const read = await withLake((lake) => listQueueLetters(lake, { queueUrl, limit: limit + 1 }));
      const letters = firstOf(read, limit);
      if (json === true) {
        for (const letter of letters) printJson(withIsoFields(letter, ['sent_at', 'kept_at']));
        return;
      }
      printTable(
        ['kept', 'queue', 'message', 'code', 'reason'],
        letters.map(({ kept_at, queue_url, message_id, code, reason }) => [
          kept_at.slice(0, 19),
          queue_url,
          message_id,
          code,
          reason,
        ]),
      );
    });
}
