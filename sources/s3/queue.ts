/** Receives, keeps and deletes the messages of an SQS queue, or of one on a server that speaks its protocol. */
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { checkEndpoint, publicLookup } from '../endpoint.ts';
import type { AwsCredentials } from './credentials.ts';
import { castQueueError } from './queue-errors.ts';

export interface QueueOptions {
  readonly queueUrl: string;
  readonly region: string;
  /** Default: the AWS chain. */
  readonly credentials?: AwsCredentials | undefined;
  readonly allowPrivateEndpoints: boolean;
}

export interface QueueMessage {
  readonly messageId: string;
  /** Of this receipt: the next one has another. */
  readonly handle: string;
  readonly body: string;
  /** Epoch milliseconds. */
  readonly sentAtMs: number;
  /** 1 at the first. */
  readonly receipts: number;
}

export interface QueueDepth {
  /** About so many messages wait. */
  readonly waiting: number;
  /** About so many are received and not deleted yet. */
  readonly inFlight: number;
}

/** Every method throws IngestError `queue.…` or `config.endpoint_refused`, and the signal's reason when it aborts. */
export interface MessageQueue {
  /** Up to ten messages, which nobody else gets for `visibilitySeconds`; waits up to `waitSeconds` for the first. */
  receive(request: {
    readonly waitSeconds: number;
    readonly visibilitySeconds: number;
    readonly signal?: AbortSignal | undefined;
  }): Promise<QueueMessage[]>;
  /** Nobody else gets them for so long from now on; gives the number of those that the queue no longer lends us. */
  hold(messages: readonly QueueMessage[], visibilitySeconds: number): Promise<number>;
  /** Gives the number of those that could not be deleted, and come again. */
  delete(messages: readonly QueueMessage[]): Promise<number>;
  depth(signal?: AbortSignal): Promise<QueueDepth>;
  close(): void;
}

/** Of one request: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html */
const batchMax = 10;

export function createQueue({ queueUrl, region, credentials, allowPrivateEndpoints }: QueueOptions): MessageQueue {
  const { origin } = checkEndpoint(queueUrl, { allowPrivateEndpoints });
  const client = new SQSClient({
    region,
    endpoint: origin,
    ...(credentials === undefined ? {} : { credentials }),
    requestHandler: {
      connectionTimeout: 10_000,
      // longer than the longest wait for a message
      socketTimeout: 60_000,
      ...(allowPrivateEndpoints ? {} : { httpsAgent: { lookup: publicLookup } }),
    },
  });
  const queue = { QueueUrl: queueUrl };

  async function asked<T>(ask: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw castQueueError(error, { queueUrl, signal });
    }
  }

  /** In batches; the sum of the entries that failed. */
  async function inBatches(
    messages: readonly QueueMessage[],
    send: (entries: { Id: string; ReceiptHandle: string }[]) => Promise<{ Failed?: unknown[] | undefined }>,
  ): Promise<number> {
    let failed = 0;
    for (let from = 0; from < messages.length; from += batchMax) {
      const entries = messages
        .slice(from, from + batchMax)
        .map(({ handle }, index) => ({ Id: String(index), ReceiptHandle: handle }));
      failed += (await asked(() => send(entries))).Failed?.length ?? 0;
    }
    return failed;
  }

  return {
    async receive({ waitSeconds, visibilitySeconds, signal }) {
      const { Messages = [] } = await asked(
        () =>
          client.send(
            new ReceiveMessageCommand({
              ...queue,
              MaxNumberOfMessages: batchMax,
              WaitTimeSeconds: waitSeconds,
              VisibilityTimeout: visibilitySeconds,
              MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp'],
            }),
            signal === undefined ? {} : { abortSignal: signal },
          ),
        signal,
      );
      return Messages.map(({ MessageId = '', ReceiptHandle = '', Body = '', Attributes = {} }) => ({
        messageId: MessageId,
        handle: ReceiptHandle,
        body: Body,
        sentAtMs: Number(Attributes.SentTimestamp ?? 0),
        receipts: Number(Attributes.ApproximateReceiveCount ?? 1),
      }));
    },
    hold(messages, visibilitySeconds) {
      return inBatches(messages, (entries) =>
        client.send(
          new ChangeMessageVisibilityBatchCommand({
            ...queue,
            Entries: entries.map((entry) => ({ ...entry, VisibilityTimeout: visibilitySeconds })),
          }),
        ),
      );
    },
    delete(messages) {
      return inBatches(messages, (entries) =>
        client.send(new DeleteMessageBatchCommand({ ...queue, Entries: entries })),
      );
    },
    async depth(signal) {
      const { Attributes = {} } = await asked(
        () =>
          client.send(
            new GetQueueAttributesCommand({
              ...queue,
              AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
            }),
            signal === undefined ? {} : { abortSignal: signal },
          ),
        signal,
      );
      return {
        waiting: Number(Attributes.ApproximateNumberOfMessages ?? 0),
        inFlight: Number(Attributes.ApproximateNumberOfMessagesNotVisible ?? 0),
      };
    },
    close: () => client.destroy(),
  };
}
