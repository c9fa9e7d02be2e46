import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { itemPath, keyPath, parsePath } from '../../../tables/json/path.ts';

const step = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.nat());
const written = (steps: readonly (string | number)[]) =>
  steps.reduce<string>((path, one) => (typeof one === 'number' ? itemPath(path, one) : keyPath(path, one)), '');

describe('parsePath', () => {
  it('gives the steps that a path was made of', () =>
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 5 }), (steps) => {
        expect(parsePath(written(steps))).toEqual(steps);
      }),
    ));

  it.each(['', '.a', 'a..b', 'a.', 'a[x]', 'a[0', 'a]', '["a\\q"]', 'a"b', 'a[0]b'])('knows no path in %j', (text) =>
    expect(parsePath(text)).toBeUndefined(),
  );
});
