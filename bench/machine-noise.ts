// How long a loop takes that does nothing but count: what the machine adds to every wall time, to hold the slowest decisions against.
// On a machine whose processors are lent to others a loop of 2 ms takes 15 once in a hundred times.

const ROUND = 100_000;
const CALIBRATIONS = 20;

/** A loop that takes about `ms` when nothing else runs; each call runs it once and gives the milliseconds it took. */
export function countingLoop(ms: number): () => number {
  let fastest = Infinity;
  for (let time = 0; time < CALIBRATIONS; time += 1) fastest = Math.min(fastest, took(ROUND));
  const steps = Math.max(1, Math.round((ROUND * ms) / fastest));
  return () => took(steps);
}

let sum = 0;

function took(steps: number): number {
  const startedMs = performance.now();
  for (let step = 0; step < steps; step += 1) sum = (sum * 31 + step) | 0;
  return performance.now() - startedMs;
}
