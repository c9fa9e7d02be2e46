import { describe, expect, it } from 'vitest';
import { parseNotification } from '../../../sources/s3/notifications.ts';

const record = (key: string, eventName = 'ObjectCreated:Put', object: object = { eTag: '"e1"', size: 3 }) => ({
  eventSource: 'aws:s3',
  eventName,
  s3: { bucket: { name: 'logs' }, object: { key, ...object } },
});
const event = (...records: object[]) => JSON.stringify({ Records: records });
const bridged = (detailType: string, key: unknown, source = 'aws.s3') =>
  JSON.stringify({
    'detail-type': detailType,
    source,
    detail: { bucket: { name: 'logs' }, object: { key, etag: 'e1', size: 3 } },
  });

describe('parseNotification', () => {
  const created = (key: string) => ({ kind: 'created', objects: [{ bucket: 'logs', key }] });

  it('decodes the key of an S3 event as a form does', () => {
    expect(parseNotification(event(record('a/b+c%2Bd%C3%BC.log')))).toEqual(created('a/b c+dü.log'));
  });

  it('takes every created object of a message, and leaves removed ones', () => {
    expect(
      parseNotification(
        event(record('a'), record('b', 'ObjectRemoved:Delete'), record('c', 's3:ObjectCreated:Copy', {})),
      ),
    ).toEqual({
      kind: 'created',
      objects: [
        { bucket: 'logs', key: 'a' },
        { bucket: 'logs', key: 'c' },
      ],
    });
    expect(parseNotification(event(record('b', 'ObjectRemoved:DeleteMarkerCreated')))).toEqual({ kind: 'ignored' });
  });

  it('opens an SNS notification, and takes a raw one as it is', () => {
    const message = event(record('a+b'));
    expect(parseNotification(JSON.stringify({ Type: 'Notification', Message: message }))).toEqual(created('a b'));
    expect(parseNotification(message)).toEqual(created('a b'));
  });

  it('takes the key of an EventBridge event as it is', () => {
    expect(parseNotification(bridged('Object Created', 'a+b%20c'))).toEqual(created('a+b%20c'));
    expect(parseNotification(bridged('Object Deleted', 'a'))).toEqual({ kind: 'ignored' });
  });

  it('ignores the test event that S3 sends when a queue is connected', () => {
    const test = JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'logs' });
    expect(parseNotification(test)).toEqual({ kind: 'ignored' });
    expect(parseNotification(JSON.stringify({ Type: 'Notification', Message: test }))).toEqual({ kind: 'ignored' });
  });

  it.each([
    ['no JSON', 'hello'],
    ['no object', '[1]'],
    ['nothing of S3', '{"a":1}'],
    ['an SNS text', JSON.stringify({ Type: 'Notification', Message: 'hello' })],
    ['a record that is none', event({ eventName: 'ObjectCreated:Put' })],
    ['records that are none', '{"Records":[null]}'],
    ['a key that cannot be decoded', event(record('%E0%A4%A'))],
    ['an event of others', bridged('Object Created', 'a', 'aws.ec2')],
    ['an event without a key', bridged('Object Created', 7)],
  ])('calls %s poison, with a reason', (_, body) => {
    expect(parseNotification(body)).toEqual({ kind: 'poison', reason: expect.stringMatching(/\w/) });
  });
});
