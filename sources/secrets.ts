/** Secrets by reference: settings and histories hold `env:NAME` or `file:/path`, workers look the value up when they need it. */
import { readFile } from 'node:fs/promises';
import { IngestError } from '../errors/ingest-error.ts';

/**
 * The secret that `env:NAME` or `file:/absolute/path` refers to; the newline that ends a file is no part of it.
 * Throws `secret.missing` where there is none or it is empty; the message names the reference only.
 */
export async function resolveSecret(
  reference: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const value = reference.startsWith('env:') ? env[reference.slice(4)] : await readSecretFile(reference);
  if (value === undefined) throw new IngestError('secret.missing', `${reference} is not set`);
  if (value === '') throw new IngestError('secret.missing', `${reference} is empty`);
  return value;
}

async function readSecretFile(reference: string): Promise<string> {
  if (!reference.startsWith('file:/')) {
    // The text may be a secret that was pasted in place of a reference: it is not repeated.
    throw new IngestError('secret.missing', 'a secret is not given by reference (env:NAME or file:/path)');
  }
  try {
    const content = await readFile(reference.slice('file:'.length), 'utf8');
    return content.replace(/\r?\n$/, '');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new IngestError('secret.missing', `${reference} cannot be read (${reason})`, { cause: error });
  }
}
