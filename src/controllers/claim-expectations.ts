// What we wrote and the local stores have not shown yet. Planning on a store that lags behind our own writes would
// create the same node twice; so the loop waits for what it expects, and after a bounded wait it reads live instead.
import type { Clock } from './ports.ts';

interface Expectation {
  readonly what: string;
  readonly seen: () => boolean;
  readonly sinceMs: number;
}

/** A watch delivers within milliseconds; beyond this it is sick and a live list is the better source. */
export const EXPECTATION_WAIT_MS = 5000;

export type ExpectationState =
  | { readonly kind: 'met' }
  | { readonly kind: 'waiting'; readonly what: string }
  | { readonly kind: 'overdue'; readonly what: string };

/** Own writes that must become visible before the next plan. */
export class ClaimExpectations {
  readonly #clock: Clock;
  #open: Expectation[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `seen` looks at the stores and must be cheap. */
  expect(what: string, seen: () => boolean): void {
    this.#open.push({ what, seen, sinceMs: this.#clock.monotonicMs() });
  }

  /** Forgets what has been seen and says what is left. */
  state(): ExpectationState {
    this.#open = this.#open.filter((expectation) => !expectation.seen());
    const oldest = this.#open[0];
    if (oldest === undefined) return { kind: 'met' };
    const kind = this.#clock.monotonicMs() - oldest.sinceMs > EXPECTATION_WAIT_MS ? 'overdue' : 'waiting';
    return { kind, what: oldest.what };
  }

  /** After a live list: what is expected is either in it or was never done. */
  forget(): void {
    this.#open = [];
  }
}
