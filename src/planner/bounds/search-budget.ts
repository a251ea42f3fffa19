// What a search may cost, counted and not timed, so that the same input gives the same answer on every machine.

/** Counts steps. A step is one number touched in an inner loop: 1 to 3 ns on a machine of 2024. */
export class SearchBudget {
  readonly #limit: number;
  readonly #parent: SearchBudget | undefined;
  #used = 0;

  constructor(limit: number, parent?: SearchBudget) {
    this.#limit = limit;
    this.#parent = parent;
  }

  /** A budget of `part` of what is left; what it spends is spent here too. */
  share(part: number): SearchBudget {
    return new SearchBudget(this.left * part, this);
  }

  /** Counts `steps` and says whether there are any left. */
  spend(steps: number): boolean {
    this.#used += steps;
    this.#parent?.spend(steps);
    return this.#used < this.#limit;
  }

  get used(): number {
    return this.#used;
  }

  get left(): number {
    return Math.max(0, this.#limit - this.#used);
  }
}
