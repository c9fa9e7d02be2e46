import { describe, expect, it } from 'vitest';
import { seeded } from '../../simulator/random.ts';

describe('seeded', () => {
  it('gives the same values for the same parts and others for others', () => {
    const draw = (...parts: (string | number)[]) => {
      const random = seeded(...parts);
      return [
        random.next(),
        random.int(1, 6),
        random.hex(7),
        random.uuid(),
        random.text(5, 'abc'),
        random.shuffle([1, 2, 3]),
      ];
    };
    expect(draw('a', 1)).toEqual(draw('a', 1));
    expect(draw('a', 1)).not.toEqual(draw('a', 2));
    expect(draw('a', 11)).not.toEqual(draw('a1', 1));
  });

  it('spreads the first value of neighbouring seeds evenly', () => {
    const tenths = Array.from<number>({ length: 10 }).fill(0);
    for (let part = 0; part < 10_000; part += 1) tenths[seeded('spread', part).int(0, 9)]! += 1;
    for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  it('keeps to the limits it is given', () => {
    const random = seeded('limits');
    const drawn = new Set(Array.from({ length: 200 }, () => random.int(-1, 1)));
    expect([...drawn].sort((one, other) => one - other)).toEqual([-1, 0, 1]);
    expect(random.hex(64)).toMatch(/^[0-9a-f]{64}$/);
    expect(random.uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(random.chance(0)).toBe(false);
    expect(random.chance(1)).toBe(true);
  });
});
