import { HeadBucketCommand } from '@aws-sdk/client-s3';
import { expect, it } from 'vitest';
import { createS3Client } from '../../lake/s3-access.ts';

it('waits for no store forever', async () => {
  const credentials = { accessKeyId: 'nobody', secretAccessKey: 'nothing' };
  const client = createS3Client({ region: 'us-east-1', endpoint: 'http://127.0.0.1:1', credentials });
  // the handler reads its settings at the first request
  await expect(client.send(new HeadBucketCommand({ Bucket: 'none' }))).rejects.toThrow('ECONNREFUSED');
  const handler = client.config.requestHandler as unknown as { httpHandlerConfigs(): object };
  expect(handler.httpHandlerConfigs()).toMatchObject({
    connectionTimeout: 10_000,
    socketTimeout: 120_000,
  });
  client.destroy();
});
