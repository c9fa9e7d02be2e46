/** Where the lake's catalog is: `LAKE_CATALOG` as DuckLake takes it. */
import { IngestError } from '../errors/ingest-error.ts';

/** What DuckDB calls the catalog of the lake that is attached as `lake`. */
export const metadataCatalog = '__ducklake_metadata_lake';

export interface Catalog {
  readonly kind: 'sqlite' | 'postgres';
  /** A path, or what libpq takes: `key=value …` or a URI. */
  readonly target: string;
}

/**
 * How long libpq waits for a server that was cut off without a word: by default as long as the system does, a quarter of an hour and more, in which a
 * worker commits nothing. Seconds, the last one milliseconds: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
 */
const patience = [
  'connect_timeout=10',
  'keepalives_idle=20',
  'keepalives_interval=10',
  'keepalives_count=3',
  'tcp_user_timeout=30000',
];

/** @throws IngestError `config.environment` */
export function parseCatalog(catalog: string): Catalog {
  // what others call the connection string, as it is
  if (isUri(catalog)) return { kind: 'postgres', target: withPatience(catalog) };
  const [kind, target] = splitOnce(catalog, ':');
  if (kind === 'sqlite') return { kind, target };
  if (kind === 'postgres') return { kind, target: withPatience(target) };
  throw new IngestError('config.environment', `LAKE_CATALOG: must begin with sqlite: or postgres:`);
}

/** Of a key that is there twice, libpq takes the later one: the catalog's own. */
function withPatience(target: string): string {
  if (!isUri(target)) return [...patience, target].join(' ');
  const [place, settings] = splitOnce(target, '?');
  return `${place}?${[...patience, ...(settings === '' ? [] : [settings])].join('&')}`;
}

const isUri = (text: string) => /^postgres(ql)?:\/\//.test(text);

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
