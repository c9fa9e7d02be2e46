/** Durations as operators write them: 30s, 5m, 1h, 7d. Pure; workflow code may import it. */

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds, or undefined where the text is no duration. */
export function parseDuration(value: string): number | undefined {
  const match = /^(\d{1,6})([smhd])$/.exec(value);
  if (match === null) return undefined;
  return Number(match[1]) * (unitSeconds[match[2] ?? ''] ?? Number.NaN);
}

/** The shortest exact form: 5400 seconds are `90m`. */
export function formatDuration(seconds: number): string {
  for (const unit of ['d', 'h', 'm'] as const) {
    const size = unitSeconds[unit] ?? 1;
    if (seconds >= size && seconds % size === 0) return `${seconds / size}${unit}`;
  }
  return `${Math.round(seconds)}s`;
}

/** `startFrom` of a source as a time: a span back from now, or itself. */
export function resolveStart(startFrom: string, nowMs: number): Date {
  if (!startFrom.startsWith('-')) return new Date(startFrom);
  return new Date(nowMs - (parseDuration(startFrom.slice(1)) ?? 0) * 1000);
}
