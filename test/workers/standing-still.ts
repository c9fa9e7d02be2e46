/** A workflow for a test of workers. */

/** The process stands still in the midst of it; in a callback of a promise, as most of a workflow runs. */
export async function standStill(ms: number): Promise<string> {
  await Promise.resolve();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  return 'went on';
}
