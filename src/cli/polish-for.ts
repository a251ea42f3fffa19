// A polish with a deadline: the planner counts steps, and here a step is a share of the time that has gone by.
import type { Polishable } from '../planner/patterns/improved-patterns.ts';
import { polish, type Polished } from '../planner/patterns/polish.ts';
import { realClock } from './real-clock.ts';

/** 2 ns each, as they take on a machine of 2024; it only matters to what a search may ask for at once. */
const STEPS_PER_MS = 500_000;

/** Better answers and a closer bound, found within `seconds` of wall-clock time, give or take a tenth. */
export function polishFor(polishable: Polishable, seconds: number): Polished {
  const startedMs = realClock.monotonicMs();
  return polish(polishable, {
    steps: seconds * 1000 * STEPS_PER_MS,
    meter: () => (realClock.monotonicMs() - startedMs) * STEPS_PER_MS,
  });
}
