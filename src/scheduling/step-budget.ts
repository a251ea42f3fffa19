// How much one fork may spend on constraints that pods put on other pods. Counted in steps, not in time, so that the same
// input gives the same answer on every machine.

/** A step is one comparison of a selector's value with a label, one look at a node, one pod counted: 10–200 ns. Real clusters
 *  stay far below; a tenant who writes 10,000 kinds of pods that all select each other meets it after one to three seconds
 *  (`npm run bench -- adversarial`). */
export const STEPS_MAX = 10_000_000;

export class StepBudget {
  readonly #max: number;
  #spent = 0;

  constructor(options: { readonly stepsMax?: number } = {}) {
    this.#max = options.stepsMax ?? STEPS_MAX;
  }

  get spent(): number {
    return this.#spent;
  }

  /** From here on only what is known already is answered. */
  get exhausted(): boolean {
    return this.#spent > this.#max;
  }

  spend(steps: number): void {
    this.#spent += steps;
  }
}
