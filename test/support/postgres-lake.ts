/** Lakes whose catalog is a database of its own on one Postgres server. */
import connect from 'postgres';
import type { LakeSettings } from '../../lake/connection.ts';
import { sqliteLake } from './lake.ts';
import type { PostgresServer } from './postgres-server.ts';

let databases = 0;

export interface PostgresLake {
  readonly settings: LakeSettings;
  readonly database: string;
}

export async function createPostgresLake(
  { host, port, user, database, connectionString }: PostgresServer,
  directory: string,
): Promise<PostgresLake> {
  databases += 1;
  const name = `lake${databases}`;
  const sql = connect({ host, port, user, database });
  await sql.unsafe(`CREATE DATABASE ${name}`);
  await sql.end();
  const catalog = `postgres:${connectionString.replace(/dbname=\S+/, `dbname=${name}`)}`;
  return { settings: { ...sqliteLake(`${directory}/${name}`), catalog }, database: name };
}
