/** Time that this process has computed, milliseconds: unlike the clock it does not run while neighbours have the processor. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
