import { describe, expect, it } from 'vitest';
import { dispositionOfAction } from '../../tables/disposition.ts';

describe('dispositionOfAction', () => {
  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty', 'Continue', ''])('%j is another word', (action) =>
    expect(dispositionOfAction(action)).toBe('other'),
  );

  it('knows the words of the vendor, and none', () => {
    expect(dispositionOfAction('tempfail')).toBe('delayed');
    expect(dispositionOfAction(null)).toBeNull();
  });
});
