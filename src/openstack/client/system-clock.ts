// The clock of a program that keeps real time. Tests bring one of their own.
import type { ClientClock } from './request-budget.ts';

export const systemClock: ClientClock = {
  monotonicMs: () => performance.now(),
  setTimer: (afterMs, run) => {
    const timer = setTimeout(run, afterMs);
    return () => clearTimeout(timer);
  },
};
