/** Promise.allSettled with a limit on how many run at once. Pure; p-map's counterpart for workflow code. */
export async function mapSettled<T, R>(
  items: readonly T[],
  atOnceMax: number,
  work: (item: T) => Promise<R>,
): Promise<PromiseSettledResult<R>[]> {
  const outcomes: PromiseSettledResult<R>[] = [];
  let next = 0;
  async function lane(): Promise<void> {
    while (next < items.length) {
      const index = next;
      next += 1;
      outcomes[index] = (await Promise.allSettled([work(items[index] as T)]))[0];
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnceMax, items.length) }, lane));
  return outcomes;
}
