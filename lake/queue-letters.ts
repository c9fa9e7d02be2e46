/** Messages of notification queues that could not be understood, or whose objects could not be loaded: kept, so that nothing is lost unseen. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { raiseFence } from './fence.ts';
import type { LakeReader } from './reader.ts';
import { offerRows } from './row-feed.ts';
import { queueLetterTable } from './schema.ts';
import { quote } from './sql.ts';
import { inTransaction } from './transaction.ts';

export interface QueueLetter {
  readonly queueUrl: string;
  readonly messageId: string;
  readonly code: 'unreadable' | 'unloadable';
  readonly reason: string;
  readonly body: string;
  /** Epoch milliseconds. */
  readonly sentAtMs: number;
}

const bodyCharactersMax = 65_536;

/** Those that the lake does not have, in one transaction: a message whose deletion failed is received again. */
export async function insertQueueLetters(connection: DuckDBConnection, letters: readonly QueueLetter[]): Promise<void> {
  const keptAt = Date.now() * 1000;
  const rows = letters.map(({ queueUrl, messageId, code, reason, body, sentAtMs }) => ({
    queue_url: queueUrl,
    message_id: messageId,
    code,
    reason,
    body: body.slice(0, bodyCharactersMax),
    sent_at: sentAtMs * 1000,
    kept_at: keptAt,
  }));
  await inTransaction(connection, async () => {
    await offerRows(queueLetterTable.columns, rows, (relation) =>
      connection.run(
        `INSERT INTO lake.queue_letters BY NAME
          SELECT DISTINCT ON (queue_url, message_id) * FROM ${relation} ANTI JOIN lake.queue_letters USING (queue_url, message_id)`,
      ),
    );
    await raiseFence(connection);
  });
}

/** As the table has it; see lake/system-tables.ts. */
interface KeptLetter {
  readonly queue_url: string;
  readonly message_id: string;
  readonly code: string;
  readonly reason: string;
  readonly body: string;
  readonly sent_at: string;
  readonly kept_at: string;
}

/** The newest first. @throws IngestError `lake.query`, `lake.unavailable` */
export async function listQueueLetters(
  lake: LakeReader,
  { queueUrl, limit }: { queueUrl?: string | undefined; limit: number },
): Promise<KeptLetter[]> {
  const { rows } = await lake.query(`
    FROM queue_letters ${queueUrl === undefined ? '' : `WHERE queue_url = ${quote(queueUrl)}`}
    ORDER BY kept_at DESC, message_id LIMIT ${limit}`);
  return rows as unknown as KeptLetter[];
}
