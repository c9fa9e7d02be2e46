import { expect, it } from 'vitest';
import { openLake } from '../../lake/lake.ts';
import { queryLake, sqliteLake } from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';

it('keeps each message of a queue once, within a call and across calls', async () => {
  const settings = sqliteLake(temporaryDirectory('queue-letters'));
  const lake = await openLake(settings);
  const letter = { queueUrl: 'q', messageId: 'm', code: 'unreadable', reason: 'r', body: 'b', sentAtMs: 1 } as const;
  const others = [
    { ...letter, messageId: 'n' },
    { ...letter, queueUrl: 'p' },
  ];
  await lake.keepQueueLetters([letter, letter, ...others]);
  await lake.keepQueueLetters([letter]);
  await lake.close();
  const kept = await queryLake(settings, 'SELECT queue_url, message_id FROM queue_letters ORDER BY ALL');
  expect(kept.map((row) => Object.values(row).join(' '))).toEqual(['p m', 'q m', 'q n']);
});
