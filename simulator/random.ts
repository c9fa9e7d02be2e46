/** Seeded chance: the same seed gives the same values on every machine, and any part can be drawn without drawing what comes before it. */

export interface Random {
  /** From 0 up to, not including, 1. */
  next(): number;
  /** Whole number, both ends included. */
  int(low: number, high: number): number;
  chance(probability: number): boolean;
  /** One of a list that is not empty. */
  pick<T>(items: readonly T[]): T;
  /** A new array in another order. */
  shuffle<T>(items: readonly T[]): T[];
  /** Up to 64 characters of an ASCII alphabet. */
  text(length: number, alphabet: string): string;
  /** Lower-case hexadecimal digits; length in digits, up to 128. */
  hex(length: number): string;
  uuid(): string;
}

/** A generator of its own for each list of parts: `seeded(seed, tenant, hourMs, 7)`. */
export function seeded(...parts: readonly (string | number)[]): Random {
  const next32 = sfc32(parts.join('\u0000'));
  return {
    next: () => next32() / 2 ** 32,
    int: (low, high) => low + below(next32, high - low + 1),
    chance: (probability) => next32() / 2 ** 32 < probability,
    pick: <T>(items: readonly T[]) => items[below(next32, items.length)] as T,
    shuffle: (items) => {
      const shuffled = [...items];
      for (let last = shuffled.length - 1; last > 0; last -= 1) {
        const other = below(next32, last + 1);
        [shuffled[last], shuffled[other]] = [shuffled[other] as never, shuffled[last] as never];
      }
      return shuffled;
    },
    text: (length, alphabet) => {
      for (let index = 0; index < length; index += 1)
        scratch[index] = alphabet.charCodeAt(below(next32, alphabet.length));
      return scratch.toString('latin1', 0, length);
    },
    hex: (length) => hexOf(next32, length),
    uuid: () => {
      const digits = hexOf(next32, 32);
      return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-a${digits.slice(17, 20)}-${digits.slice(20)}`;
    },
  };
}

const below = (next32: () => number, limit: number) => Math.floor((next32() / 2 ** 32) * limit);

// One flat string from bytes: ropes of single characters cost more than all the rest.
const scratch = Buffer.alloc(64);

function hexOf(next32: () => number, length: number): string {
  for (let offset = 0; offset * 2 < length; offset += 4) scratch.writeUInt32LE(next32(), offset);
  return scratch.toString('hex', 0, Math.ceil(length / 2)).slice(0, length);
}

/** Small fast counter, Chris Doty-Humphrey's generator of the PractRand suite, seeded by a string hash. */
function sfc32(seed: string): () => number {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = 0xb7e15162;
  for (let index = 0; index < seed.length; index += 1) {
    const code = seed.charCodeAt(index);
    a = Math.imul(a ^ code, 0x85ebca6b);
    b = Math.imul(b ^ code, 0xc2b2ae35) ^ (a >>> 13);
    c = Math.imul(c ^ code, 0x27d4eb2f) ^ (b >>> 16);
  }
  let counter = 1;
  function next() {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  }
  for (let round = 0; round < 12; round += 1) next();
  return next;
}
