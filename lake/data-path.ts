/** Where the lake keeps the files of its tables, below `LAKE_DATA`. Pure. */
import { resolve } from 'node:path';

/** Whether the path is of an object store, not of a directory. */
export const isRemote = (dataPath: string): boolean => dataPath.includes('://');

/** As DuckLake lays out its own files; a path as it stands behind FROM and in what DuckLake lists. */
export function tableDirectory(dataPath: string, table: string): string {
  const root = isRemote(dataPath) ? dataPath.replace(/\/+$/, '') : resolve(dataPath);
  return `${root}/main/${table}/`;
}
