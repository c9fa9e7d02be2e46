/** Lets everything else run between two pieces of computing. */

let turn: Promise<void> = Promise.resolve();

/**
 * To be awaited after each piece of work. Those that call it at once go on one after another, each in a turn of the event loop of its own: set
 * free together, their pieces would make one long stall.
 */
export function breathe(): Promise<void> {
  turn = turn.then(() => new Promise((resolve) => setImmediate(resolve)));
  return turn;
}
