/** Text lines of gateway logs: three forms of header before the program's own words. */
import type { Mail } from '../mail.ts';

export interface LogLine {
  readonly timeMicros: number;
  readonly text: string;
}

/** `2024-05-22T12:10:03.058340-07:00`, or with `-0700` where the colon is off. */
export function isoMicros(timeMicros: number, offsetMinutes: number, colon = true): string {
  const local = new Date(Math.floor(timeMicros / 1000) + offsetMinutes * 60_000).toISOString();
  const micros = String(timeMicros % 1_000_000).padStart(6, '0');
  const size = Math.abs(offsetMinutes);
  const hours = String(Math.floor(size / 60)).padStart(2, '0');
  const minutes = String(size % 60).padStart(2, '0');
  return `${local.slice(0, 19)}.${micros}${offsetMinutes < 0 ? '-' : '+'}${hours}${colon ? ':' : ''}${minutes}`;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `May  8 12:27:36`: no year, no zone; the simulated hosts that write it run on UTC. */
function bsdTime(timeMicros: number): string {
  const date = new Date(Math.floor(timeMicros / 1000));
  const day = String(date.getUTCDate()).padStart(2, ' ');
  return `${months[date.getUTCMonth()] ?? ''} ${day} ${date.toISOString().slice(11, 19)}`;
}

/** A line about a mail. Most have an ISO time; one mail in twenty is logged BSD style, one in twenty as the log viewer exports it, without host and program. */
export function logLine(mail: Mail, timeMicros: number, program: string, words: string): LogLine {
  const { host, offsetMinutes } = mail.gateway;
  switch (mail.number % 20) {
    case 7:
      return { timeMicros, text: `${bsdTime(timeMicros)} ${host} ${program}: ${words}` };
    case 13:
      return {
        timeMicros,
        text: `[${isoMicros(timeMicros, offsetMinutes, false)
          .replace('T', ' ')
          .replace(/[+-]\d{4}$/, ' $&')}] ${words}`,
      };
    case 17:
      return {
        timeMicros,
        text: `<${program.startsWith('sendmail') ? 22 : 142}>${bsdTime(timeMicros)} ${host} ${program}: ${words}`,
      };
    default:
      return { timeMicros, text: `${isoMicros(timeMicros, offsetMinutes)} ${host} ${program}: ${words}` };
  }
}
