// The only place where the product reads a clock or draws random numbers. Everything else gets these two as ports.
import { randomBytes } from 'node:crypto';
import type { Clock, Random } from '../controllers/ports.ts';

/** Longest delay that Node's timers take; longer ones would fire at once. */
const TIMER_MS_MAX = 2_147_483_647;

/** Wall clock in milliseconds since 1970 and a monotonic one for deadlines. Timers do not keep the process alive. */
export const realClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(afterMs, run) {
    const timer = setTimeout(run, Math.min(Math.max(0, afterMs), TIMER_MS_MAX));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Hex digits come from the operating system's secure source: claim names and bootstrap tokens are made of them. */
export const secureRandom: Random = {
  hex: (digits) =>
    randomBytes(Math.ceil(digits / 2))
      .toString('hex')
      .slice(0, digits),
  fraction: () => randomBytes(4).readUInt32BE(0) / 2 ** 32,
};
