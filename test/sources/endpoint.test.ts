import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { checkEndpoint, publicLookup } from '../../sources/endpoint.ts';

const guarded = { allowPrivateEndpoints: false };

describe('checkEndpoint', () => {
  it.each([
    'https://tap-api-v2.proofpoint.com',
    'https://8.8.8.8',
    'https://[2606:4700::1111]:8443',
    'https://172.32.0.1',
  ])('accepts https and public hosts: %s', (url) => {
    expect(checkEndpoint(url, guarded).href).toBe(new URL(url).href);
  });

  it.each([
    'http://tap-api-v2.proofpoint.com',
    'https://127.0.0.1',
    'https://0x7f.1',
    'https://2130706433',
    'https://0.0.0.0',
    'https://10.1.2.3',
    'https://172.31.255.255',
    'https://192.168.1.1',
    'https://100.64.0.1',
    'https://169.254.169.254',
    'https://[::1]',
    'https://[::]',
    'https://[fe80::1]',
    'https://[fd12:3456::1]',
    'https://[::ffff:10.0.0.1]',
    'https://[64:ff9b::10.0.0.1]',
  ])('refuses plain http and private addresses: %s', (url) => {
    expect(() => checkEndpoint(url, guarded)).toThrow(expect.objectContaining({ code: 'config.endpoint_refused' }));
    expect(checkEndpoint(url, { allowPrivateEndpoints: true }).href).toBe(new URL(url).href);
  });

  it('refuses a password in the address without repeating it', () => {
    const check = () => checkEndpoint('https://user:hunter2@example.com', { allowPrivateEndpoints: true });
    expect(check).toThrow(expect.objectContaining({ code: 'config.invalid' }));
    expect(check).not.toThrow(/hunter2/);
  });
});

describe('publicLookup', () => {
  const lookup = promisify(publicLookup);

  it.each([{}, { all: true }])('refuses a name that resolves to a private address: %j', async (options) => {
    await expect(lookup('localhost', options)).rejects.toMatchObject({ code: 'config.endpoint_refused' });
  });

  it('passes on public addresses in the form that was asked for', async () => {
    // A literal address resolves to itself, without any name server.
    expect(await lookup('8.8.8.8', {})).toBe('8.8.8.8');
    expect(await lookup('8.8.8.8', { all: true })).toEqual([{ address: '8.8.8.8', family: 4 }]);
  });

  it('passes on what the resolver says of an unknown name', async () => {
    await expect(lookup('no-such-name.invalid', {})).rejects.toMatchObject({ code: expect.stringMatching(/^E/) });
  });
});
