// The thread that polishes (polish-thread.ts starts it): one request at a time in, one answer out.
import { constants, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import type { Polishable } from '../planner/patterns/improved-patterns.ts';
import type { Polished } from '../planner/patterns/polish.ts';
import { polishFor } from './polish-for.ts';

export interface PolishRequest {
  readonly id: number;
  readonly polishable: Polishable;
  readonly seconds: number;
}

export interface PolishAnswer {
  readonly id: number;
  readonly polished: Polished;
}

// On Linux a priority is a thread's own: decisions on the main thread come first. Elsewhere it would be the process's. Not
// the lowest: on a busy machine the thread would not even start within its time.
if (process.platform === 'linux') setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL);

parentPort?.on('message', ({ id, polishable, seconds }: PolishRequest) => {
  const answer: PolishAnswer = { id, polished: polishFor(polishable, seconds) };
  parentPort?.postMessage(answer, []);
});
