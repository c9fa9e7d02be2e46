import { expect, it } from 'vitest';
import { lineSink } from '../../workers/standard-error.ts';

const failing = (code: string) => Object.assign(new Error(code), { code });

/** Takes at most four bytes a time, and fails as the answers say. */
function reader(answers: readonly (Error | undefined)[]) {
  const taken: number[] = [];
  let asked = 0;
  return {
    text: () => Buffer.from(taken).toString(),
    write(this: void, bytes: Uint8Array): number {
      const answer = answers[asked];
      asked += 1;
      if (answer !== undefined) throw answer;
      taken.push(...bytes.subarray(0, 4));
      return Math.min(4, bytes.length);
    },
  };
}

it('writes lines whole to a reader that is slow', () => {
  const { write, text } = reader([failing('EAGAIN'), undefined, failing('EAGAIN'), failing('EAGAIN')]);
  lineSink(write).write('ein längerer Satz\n');
  expect(text()).toBe('ein längerer Satz\n');
});

it('drops a line that cannot be written, and writes the next', () => {
  const { write, text } = reader([failing('ENOSPC')]);
  const sink = lineSink(write);
  sink.write('lost\n');
  sink.write('kept\n');
  expect(text()).toBe('kept\n');
});

it('waits for no reader forever', () => {
  const { write, text } = reader(Array.from({ length: 1000 }, () => failing('EAGAIN')));
  lineSink(write).write('lost\n');
  expect(text()).toBe('');
});
