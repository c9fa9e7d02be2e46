import { describe, expect, it } from 'vitest';
import { parseCatalog } from '../../lake/catalog.ts';

describe('the catalog', () => {
  it('is a file as it is named', () =>
    expect(parseCatalog('sqlite:/srv/a:b?c')).toEqual({ kind: 'sqlite', target: '/srv/a:b?c' }));

  const patience =
    'connect_timeout=10 keepalives_idle=20 keepalives_interval=10 keepalives_count=3 tcp_user_timeout=30000';
  const inUri = patience.replaceAll(' ', '&');
  it.each([
    ['host=db dbname=lake', `${patience} host=db dbname=lake`],
    // of two, libpq takes the later one
    ['connect_timeout=60 host=db', `${patience} connect_timeout=60 host=db`],
    ['postgresql://db/lake', `postgresql://db/lake?${inUri}`],
    ['postgresql://me:p%3Fw@db/lake?connect_timeout=60', `postgresql://me:p%3Fw@db/lake?${inUri}&connect_timeout=60`],
  ])('waits for no Postgres server forever: %s', (given, target) =>
    expect(parseCatalog(`postgres:${given}`)).toEqual({ kind: 'postgres', target }),
  );

  it('is a URI as others write it, too', () =>
    expect(parseCatalog('postgres://me@db/lake')).toEqual({
      kind: 'postgres',
      target: `postgres://me@db/lake?${inUri}`,
    }));

  it('must be of a known kind', () =>
    expect(() => parseCatalog('mysql:db')).toThrow('must begin with sqlite: or postgres:'));
});
