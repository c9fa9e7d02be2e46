/** What a TAP source needs. */
import { isoSeconds } from '../sources/batch.ts';
import type { TapSettings } from '../sources/settings.ts';
import { readTapBody } from '../sources/tap/body.ts';
import { isBelievableSkew } from '../sources/tap/vendor-clock.ts';
import type { CheckStep } from './check-source.ts';
import { type Dependencies, tapCredentials } from './dependencies.ts';

export function tapSteps({ tap, secrets }: Dependencies, settings: TapSettings, signal: AbortSignal): CheckStep[] {
  return [
    {
      name: 'secrets',
      async run() {
        await tapCredentials(settings, secrets);
        return { message: `${settings.principal} and ${settings.secret} are there` };
      },
    },
    {
      name: 'read a window',
      async run() {
        const toMs = Math.floor(Date.now() / 60_000) * 60_000 - 60_000;
        const window = { from: isoSeconds(toMs - 60_000), to: isoSeconds(toMs) };
        const { body, clockSkewSeconds } = await tap.readWindow({
          settings,
          credentials: await tapCredentials(settings, secrets),
          ...window,
          signal,
        });
        let events = 0;
        for await (const records of readTapBody(body)) events += records.length;
        return { message: `${events} events in the minute from ${window.from}; ${clockWords(clockSkewSeconds)}` };
      },
    },
  ];
}

function clockWords(skewSeconds: number | undefined): string {
  if (skewSeconds === undefined) return 'the vendor sends no Date header';
  if (skewSeconds === 0) return 'clocks agree';
  const words = `the vendor's clock is ${Math.abs(skewSeconds)} s ${skewSeconds > 0 ? 'ahead' : 'behind'}`;
  return isBelievableSkew(skewSeconds) ? words : `${words}, too far to go by: look for a cache or proxy in between`;
}
