/** Bytes to text. Most log bytes are ASCII, where the native check and copy cost a fraction of UTF-8 decoding. */
import { isAscii, isUtf8 } from 'node:buffer';

export interface Decoded {
  readonly text: string;
  /** False: the bytes are no UTF-8, and `text` holds replacement characters. */
  readonly exact: boolean;
}

export function decodeUtf8(bytes: Uint8Array): Decoded {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isAscii(buffer)) return { text: buffer.toString('latin1'), exact: true };
  return { text: buffer.toString('utf8'), exact: isUtf8(buffer) };
}

/** Base64 of bytes that no text can hold. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
