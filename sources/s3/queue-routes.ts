/** Whose objects a queue's messages are about. Pure. */
import { IngestError } from '../../errors/ingest-error.ts';
import type { SourceName } from '../batch.ts';
import type { S3Settings, SourceSettings } from '../settings.ts';
import type { CreatedObject } from './notifications.ts';

/** A source that a queue serves. */
export interface QueueRoute extends SourceName {
  readonly settings: S3Settings;
  /** Its objects are not loaded now; its listing finds them once it is resumed. */
  readonly paused?: true;
}

/** A queue, and the sources that name it. */
export interface QueueSettings {
  readonly queueUrl: string;
  readonly region: string;
  /** Time between two looks at an empty queue, seconds. */
  readonly every: number;
  /** By name; the first one's credentials read the queue, or where those are refused the next one's. */
  readonly routes: readonly QueueRoute[];
}

const routesMax = 1000;

/** They go together in one payload, of which Temporal takes 2 MB, and the marks of paused ones are added to them. */
const routesBytesMax = 1_000_000;

/** The sources that an object belongs to, as their listings would have it; none where it is foreign. */
export function routesOf({ bucket, key }: CreatedObject, routes: readonly QueueRoute[]): QueueRoute[] {
  return routes.filter(({ settings }) => settings.bucket === bucket && key.startsWith(settings.prefix));
}

/**
 * The queues that sources name.
 * @throws IngestError `config.invalid` where two sources say different things of one queue, or too many share it, or with too long settings
 */
export function queuesOf(
  sources: readonly (SourceName & { readonly settings: SourceSettings })[],
  fileName: string,
): QueueSettings[] {
  const queues = new Map<string, QueueSettings>();
  const bytesOf = new Map<string, number>();
  const named = sources.toSorted((a, b) => (pathOf(a) < pathOf(b) ? -1 : 1));
  for (const { tenantId, sourceId, settings } of named) {
    if (settings.kind !== 's3' || settings.notifications === undefined) continue;
    const { queueUrl, every, region = settings.region } = settings.notifications;
    const route = { tenantId, sourceId, settings };
    const known = queues.get(queueUrl) ?? { queueUrl, region, every, routes: [] };
    const [first = route] = known.routes;
    if (known.region !== region) {
      throw new IngestError(
        'config.invalid',
        `${fileName}: ${pathOf(route)}.notifications: its queue lies in ${region}, but in ${known.region} for ${pathOf(first)}; say the queue's own region in both`,
      );
    }
    const routes = [...known.routes, route];
    if (routes.length > routesMax) {
      throw new IngestError(
        'config.invalid',
        `${fileName}: more than ${routesMax} sources share the queue of ${pathOf(first)}; give some of them another queue`,
      );
    }
    const bytes = (bytesOf.get(queueUrl) ?? 0) + Buffer.byteLength(JSON.stringify(route));
    if (bytes > routesBytesMax) {
      throw new IngestError(
        'config.invalid',
        `${fileName}: the settings of the sources that share the queue of ${pathOf(first)} come to more than ${routesBytesMax / 1e6} MB; give some of them another queue`,
      );
    }
    bytesOf.set(queueUrl, bytes);
    queues.set(queueUrl, { queueUrl, region, every: Math.min(known.every, every), routes });
  }
  return Array.from(queues.values());
}

function pathOf({ tenantId, sourceId }: SourceName): string {
  return `tenants.${tenantId}.sources.${sourceId}`;
}
