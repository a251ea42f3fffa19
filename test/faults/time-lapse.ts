// Lets the time of this process run faster: Date, performance.now, timers and AbortSignal.timeout, so that a grace of ten
// minutes passes in half a minute and no constant of the product is shortened for a test. Processes that are given the
// same origin and factor agree on the time. Node's own timeouts of sockets stay as they are.
// As a preload (`node --import …/time-lapse.ts`) it starts by itself from SLUICE_TIME_LAPSE=ORIGIN_MS:FACTOR.
import { syncBuiltinESMExports } from 'node:module';
import timersPromises from 'node:timers/promises';

const real = {
  Date: globalThis.Date,
  now: Date.now.bind(Date),
  setTimeout: globalThis.setTimeout,
  setInterval: globalThis.setInterval,
  timeout: AbortSignal.timeout.bind(AbortSignal),
  sleep: timersPromises.setTimeout,
  monotonic: performance.now.bind(performance),
};

export interface TimeLapse {
  /** Seconds of the lapse in one real second. */
  readonly factor: number;
  /** For the environment of a child that is to live in the same time. */
  readonly environment: Readonly<Record<string, string>>;
  /** Waits for milliseconds of the real world. */
  realSleep(ms: number): Promise<void>;
  /** Milliseconds of the real world since some moment. */
  realMs(): number;
  stop(): void;
}

/** From now on, in this process. Call `stop` to go back; only one runs at a time. */
export function startTimeLapse(factor: number, originMs: number = real.now()): TimeLapse {
  const startedMs = real.monotonic();
  const lapsedNow = (): number => Math.floor(originMs + (real.now() - originMs) * factor);
  const lapsed = (ms: number | undefined): number => (ms ?? 0) / factor;
  globalThis.Date = new Proxy(real.Date, {
    construct: (target, given: unknown[], newTarget): Date => {
      const made: unknown = Reflect.construct(target, given.length === 0 ? [lapsedNow()] : given, newTarget);
      if (!(made instanceof real.Date)) throw new Error('Date constructs Dates');
      return made;
    },
    get: (target, key): unknown => (key === 'now' ? lapsedNow : Reflect.get(target, key)),
  });
  const faster = {
    setTimeout: new Proxy(real.setTimeout, withDelay(lapsed)),
    setInterval: new Proxy(real.setInterval, withDelay(lapsed)),
  };
  globalThis.setTimeout = faster.setTimeout;
  globalThis.setInterval = faster.setInterval;
  AbortSignal.timeout = (ms) => real.timeout(Math.max(1, Math.round(lapsed(ms))));
  timersPromises.setTimeout = new Proxy(real.sleep, {
    apply: (target, self, [ms, ...rest]: unknown[]): unknown =>
      Reflect.apply(target, self, [lapsed(Number(ms ?? 0)), ...rest]),
  });
  syncBuiltinESMExports();
  Object.defineProperty(performance, 'now', {
    configurable: true,
    value: () => startedMs + (real.monotonic() - startedMs) * factor,
  });
  return {
    factor,
    environment: { SLUICE_TIME_LAPSE: `${originMs}:${factor}` },
    realSleep: async (ms) => {
      await real.sleep(ms);
    },
    realMs: () => real.monotonic(),
    stop: () => {
      globalThis.Date = real.Date;
      globalThis.setTimeout = real.setTimeout;
      globalThis.setInterval = real.setInterval;
      AbortSignal.timeout = real.timeout;
      timersPromises.setTimeout = real.sleep;
      syncBuiltinESMExports();
      Reflect.deleteProperty(performance, 'now');
    },
  };
}

/** The second argument of a timer function is its delay. */
function withDelay<T extends (...given: never[]) => unknown>(lapsed: (ms: number) => number): ProxyHandler<T> {
  return {
    apply: (target, self, [run, ms, ...rest]: unknown[]): unknown =>
      Reflect.apply(target, self, [run, lapsed(Number(ms ?? 0)), ...rest]),
  };
}

const asked = /^(\d+):(\d+(?:\.\d+)?)$/.exec(process.env['SLUICE_TIME_LAPSE'] ?? '');
if (asked !== null) startTimeLapse(Number(asked[2]), Number(asked[1]));
