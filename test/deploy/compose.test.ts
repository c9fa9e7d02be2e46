import { existsSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { dynamicConfig } from '../../scripts/stack/temporal-server.ts';
import { environmentNames } from '../../workers/config.ts';
import { searchAttributeTypes } from '../../workflows/search-attributes.ts';

interface Service {
  readonly image: string;
  readonly build?: string;
  readonly restart: string;
  readonly entrypoint?: string[];
  readonly command?: string[];
  readonly environment?: Record<string, string>;
  readonly volumes?: string[];
  readonly ports?: string[];
  readonly depends_on?: Record<string, { condition: string }>;
  readonly healthcheck?: { test: string[] };
  readonly deploy?: { replicas: number };
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string) => readFileSync(`${root}${file}`, 'utf8');
const compose: { services: Record<string, Service>; volumes: Record<string, null> } = parse(read('docker-compose.yml'));
const services = Object.entries(compose.services);
const dockerfile = read('Dockerfile');
const instructions = dockerfile
  .replaceAll('\\\n', ' ')
  .split('\n')
  .map((line) => line.trim().split(/\s+/))
  .filter(([first]) => first !== undefined && first !== '' && first !== '#');

/** Read by the libraries that our service uses, not by its configuration: libpq, the AWS SDK, Node. */
const librariesRead = new Set(['PGPASSWORD', 'NODE_ENV']);

describe('docker-compose.yml', () => {
  it('pins every image to a version', () => {
    for (const [, { image }] of services) expect(image).toMatch(/^[a-z/-]+:\d+\.\d+(\.\d+)?(-[a-z]+)?$/);
  });

  it('gives the worker only variables that its configuration, or a library of it, knows', () => {
    const given = Object.keys(compose.services['worker']?.environment ?? {});
    expect(given.filter((name) => !environmentNames.includes(name) && !librariesRead.has(name))).toEqual([]);
    expect(given).toEqual(expect.arrayContaining(['TEMPORAL_ADDRESS', 'LAKE_CATALOG', 'LAKE_DATA', 'LANDING_URL']));
  });

  it('keeps the keys of the store from sources: those have their own, or none', () => {
    const given = Object.keys(compose.services['worker']?.environment ?? {});
    expect(given).toEqual(expect.arrayContaining(['LAKE_ACCESS_KEY_ID', 'LAKE_SECRET_ACCESS_KEY']));
    expect(given.filter((name) => /^AWS_.*(KEY|TOKEN)/.test(name))).toEqual([]);
  });

  it('waits only for services that can tell when they are ready or done', () => {
    for (const [name, { depends_on = {} }] of services) {
      for (const [target, { condition }] of Object.entries(depends_on)) {
        const service = compose.services[target];
        const isTold =
          condition === 'service_healthy'
            ? service?.healthcheck !== undefined
            : condition === 'service_completed_successfully' && service?.restart.startsWith('on-failure') === true;
        expect({ name, target, isTold }).toEqual({ name, target, isTold: true });
      }
    }
  });

  it('mounts only files that are here, and declares every volume', () => {
    const sources = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0] ?? ''));
    const files = sources.filter((source) => source.startsWith('./') && source !== './secrets');
    expect(files.filter((file) => !existsSync(`${root}${file}`))).toEqual([]);
    const named = sources.filter((source) => !source.startsWith('.'));
    expect(named.sort()).toEqual(Object.keys(compose.volumes).sort());
  });

  it('runs scripts that are in the mounted directory', () => {
    const scripts = services.flatMap(([, { entrypoint = [] }]) =>
      entrypoint.filter((part) => part.startsWith('/scripts/')),
    );
    expect(scripts).toHaveLength(2);
    for (const script of scripts)
      expect(existsSync(`${root}deploy/temporal/${script.slice('/scripts/'.length)}`)).toBe(true);
  });

  it('keeps the state of the database and of the store', () => {
    expect(compose.services['postgres']?.volumes).toContain('postgres:/var/lib/postgresql/data');
    expect(compose.services['store']?.volumes).toContain('store:/data');
  });

  it('holds no secret, and its example names every variable that it asks for', () => {
    const text = read('docker-compose.yml');
    const secrets = services.flatMap(([, { environment = {} }]) =>
      Object.entries(environment).filter(([name]) => /PASSWORD|PWD|SECRET|KEY/.test(name)),
    );
    expect(secrets.length).toBeGreaterThan(5);
    for (const [, value] of secrets) expect(value).toMatch(/^\$\{\w+:\?.+\}$/);
    const asked = new Set([...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => name));
    const example = read('deploy/env.example').match(/^\w+(?==$)/gm) ?? [];
    expect(asked).toEqual(new Set(example));
  });

  it('lets nobody from outside reach what has no login', () => {
    const ports = services.flatMap(([, service]) => service.ports ?? []);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });

  it('uses the buckets that the store makes', () => {
    const made = compose.services['store']?.command?.find((flag) => flag.startsWith('-bucket='));
    const { LAKE_DATA = '', LANDING_URL = '' } = compose.services['worker']?.environment ?? {};
    expect(made).toBe(`-bucket=${new URL(LAKE_DATA).host},${new URL(LANDING_URL).host}`);
  });

  it('runs Temporal in its production shape: 512 shards, and server and tools of one version', () => {
    expect(compose.services['temporal']?.environment?.['NUM_HISTORY_SHARDS']).toBe('512');
    const tools = ['temporal-schema', 'temporal-namespace'].map((name) => compose.services[name]?.image.split(':')[1]);
    const server = compose.services['temporal']?.image.split(':')[1];
    expect(tools).toEqual([server, server]);
  });

  it('configures Temporal as the development server is configured', () => {
    const configured: Record<string, { value: unknown }[]> = parse(read('deploy/temporal/dynamic-config.yaml'));
    const values = Object.entries(configured).map(([key, [first]]) => [key, first?.value]);
    expect(Object.fromEntries(values)).toEqual(dynamicConfig);
  });

  it('creates the search attributes that workflows use', () => {
    const script = read('deploy/temporal/create-namespace.sh');
    const created = [...script.matchAll(/--name (\w+) --type (\w+)/g)].map(([, name, type]) => [name, type]);
    expect(Object.fromEntries(created)).toEqual(searchAttributeTypes);
  });

  it('has scripts that can be executed', () => {
    for (const script of [
      'postgres/create-databases.sh',
      'temporal/update-schema.sh',
      'temporal/create-namespace.sh',
    ]) {
      expect(statSync(`${root}deploy/${script}`).mode & 0o111).toBe(0o111);
    }
  });
});

describe('Dockerfile', () => {
  const of = (keyword: string) => instructions.filter(([first]) => first === keyword);
  const stages = new Set(of('FROM').map((words) => words[3]));

  it('pins its base image, and builds every stage on it', () => {
    const images = of('FROM').map(([, image]) => image);
    expect(images[0]).toMatch(/^node:24\.\d+\.\d+-bookworm-slim$/);
    expect(images.slice(1).every((image) => image === 'base')).toBe(true);
  });

  it('copies only what is here, or from a stage that is here', () => {
    for (const [, ...words] of of('COPY')) {
      const stage = words.find((word) => word.startsWith('--from='))?.slice('--from='.length);
      const sources = words.filter((word) => !word.startsWith('--')).slice(0, -1);
      const isThere = stage === undefined ? sources.every((source) => existsSync(root + source)) : stages.has(stage);
      expect({ words, isThere }).toEqual({ words, isThere: true });
    }
  });

  it('installs no development packages into the image and does not run as root', () => {
    expect(dockerfile).toContain('npm ci --omit=dev');
    expect(of('USER')).toEqual([['USER', 'node']]);
  });

  it('starts the compiled command line with a command that it has', () => {
    const [, ...words] = of('ENTRYPOINT')[0] ?? [];
    const entry = (JSON.parse(words.join(' ')) as string[]).at(-1) ?? '';
    expect(existsSync(`${root}${entry.replace(/^dist\/(.*)\.js$/, '$1.ts')}`)).toBe(true);
    expect(JSON.parse(read('package.json')).bin.ppi).toBe(entry);
    expect(compose.services['worker']?.command).toEqual(['worker']);
  });

  it('sets only variables that the configuration, or a library, knows', () => {
    const names = of('ENV').flatMap(([, ...pairs]) => pairs.map((pair) => pair.split('=')[0] ?? ''));
    expect(names.filter((name) => !environmentNames.includes(name) && !librariesRead.has(name))).toEqual([]);
    expect(names).toEqual(expect.arrayContaining(['WORKFLOW_BUNDLE', 'DUCKDB_EXTENSIONS', 'DATA_DIR']));
  });
});
