/** What people should know beside the data. It goes to standard error: standard output is for programs. */

export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** The first `limit` of what was read one beyond it, and a note where there are more. */
export function firstOf<T>(read: readonly T[], limit: number): readonly T[] {
  if (read.length > limit) note(`the first ${limit}, and more: raise --limit`);
  return read.slice(0, limit);
}
