import { describe, expect, it } from 'vitest';
import { newTapDetail, withSettledUpTo } from '../../workflows/tap-detail.ts';

const at = (hour: number) => `2026-01-31T${String(hour).padStart(2, '0')}:00:00Z`;
const ages = [2100, 86_400];

describe('withSettledUpTo', () => {
  const upTo = (detail: typeof newTapDetail, cursorHour: number) =>
    withSettledUpTo(detail, ages, Date.parse(at(5)), Date.parse(at(cursorHour)));

  it('pulls each pass back to the cursor that is behind it, those of earlier settings, too', () => {
    const settled = { 'settle-35m': at(9), 'settle-1d': at(6), 'settle-2h': at(8) };
    expect(upTo({ ...newTapDetail, settled }, 7).settled).toEqual({
      'settle-35m': at(7),
      'settle-1d': at(6),
      'settle-2h': at(7),
    });
  });

  it('begins a pass before the start of the source where the cursor is', () => {
    expect(upTo(newTapDetail, 3).settled).toEqual({ 'settle-35m': at(3), 'settle-1d': at(3) });
  });

  it('changes nothing where no pass is further', () => {
    const detail = { ...newTapDetail, settled: { 'settle-35m': at(7) } };
    expect(upTo(detail, 7)).toBe(detail);
    expect(upTo(newTapDetail, 5)).toBe(newTapDetail);
  });
});
