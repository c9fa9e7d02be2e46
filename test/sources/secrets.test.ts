import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveSecret } from '../../sources/secrets.ts';

describe('resolveSecret', () => {
  let directory = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'secrets-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  async function file(content: string): Promise<string> {
    const path = join(directory, 'secret');
    await writeFile(path, content);
    return `file:${path}`;
  }

  it('takes a variable of the given environment as it is', async () => {
    expect(await resolveSecret('env:KEY', { KEY: ' s3cret\n' })).toBe(' s3cret\n');
  });

  it.each(['s3cret\n', 's3cret\r\n', 's3cret'])('takes a file without its last newline: %j', async (content) => {
    expect(await resolveSecret(await file(content), {})).toBe('s3cret');
  });

  it('keeps everything else of a file', async () => {
    expect(await resolveSecret(await file(' a\nb \n\n'), {})).toBe(' a\nb \n');
  });

  it.each([
    ['env:KEY', {}, 'env:KEY is not set'],
    ['env:KEY', { KEY: '' }, 'env:KEY is empty'],
    ['env:KEY', { OTHER: 'value' }, 'env:KEY is not set'],
    ['file:/nowhere/at/all', {}, 'file:/nowhere/at/all cannot be read (ENOENT)'],
    ['file:/', {}, 'file:/ cannot be read (EISDIR)'],
  ])('says which reference leads nowhere: %s %j', async (reference, env, message) => {
    await expect(resolveSecret(reference, env)).rejects.toMatchObject({ code: 'secret.missing', message });
  });

  it('refuses an empty file', async () => {
    await expect(resolveSecret(await file('\n'), {})).rejects.toMatchObject({ code: 'secret.missing' });
  });

  it('does not repeat a secret that was given in place of a reference', async () => {
    const error = await resolveSecret('hunter2hunter2', {}).catch(String);
    expect(error).toContain('not given by reference');
    expect(error).not.toContain('hunter2');
  });
});
