/** What another process has used so far, as Linux tells it: https://man7.org/linux/man-pages/man5/proc.5.html */
import { readFileSync } from 'node:fs';

export interface ProcessUsage {
  /** Of all its threads. */
  readonly cpuSeconds: number;
  readonly peakMemoryMegabytes: number;
}

/** Clock ticks a second: 100 on every architecture that Node runs on. */
const ticks = 100;

/** @throws Error where there is no /proc, or no such process */
export function processUsage(pid: number): ProcessUsage {
  // the name before the fields stands in parentheses and may hold anything
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return {
    cpuSeconds: (Number(stat[11]) + Number(stat[12])) / ticks,
    peakMemoryMegabytes: Number(peak) / 1024,
  };
}
