/** Time that this process has computed, milliseconds: unlike the clock it does not run while neighbours have the processor. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const sample = JSON.stringify(
  Array.from({ length: 20 }, (_, index) => ({
    key: `value ${index}`,
    list: [index, index / 3, null, index % 2 === 0],
  })),
);
const samples = 5000;

/**
 * CPU time of `work` by that of reading and writing a JSON text of a kilobyte, each at its best of five turns: how fast the machine is, and how busy
 * its neighbours are, counts less than in milliseconds.
 */
export function cpuByJson(work: (turn: number) => void): number {
  let [own, json] = [Infinity, Infinity];
  for (let turn = 0; turn < 5; turn += 1) {
    const startMs = cpuMs();
    work(turn);
    const workedMs = cpuMs();
    for (let count = 0; count < samples; count += 1) JSON.stringify(JSON.parse(sample));
    own = Math.min(own, workedMs - startMs);
    json = Math.min(json, cpuMs() - workedMs);
  }
  return own / (json / samples);
}
