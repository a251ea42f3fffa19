// How much bigger than its text a pattern is once its repetitions are written out.

/** What RE2 lets repetitions multiply to. */
const STATES_MAX = 1000;

/** The factor by which repetitions multiply a pattern's states, at most. */
export function statesOf(pattern: string): number {
  let states = 1;
  for (const [, least = '1', most = ''] of pattern.matchAll(/\{(\d{1,4})(?:,(\d{0,4}))?\}/g)) {
    states *= Math.max(1, Number(least), Number(most));
  }
  return Math.min(states, STATES_MAX);
}
