// What a search may cost, counted and not timed, so that the same input gives the same answer on every machine. Who has
// a deadline instead (a worker thread) hands in a meter, and everything else stays as it is.

/** Steps that have gone by so far, told by somebody else; it never falls. */
export type Meter = () => number;

/** Counts steps. A step is one number touched in an inner loop: 1 to 3 ns on a machine of 2024. */
export class SearchBudget {
  readonly #limit: number;
  readonly #parent: SearchBudget | undefined;
  /** What the meter stood at when this budget was opened. */
  readonly #start: number;
  readonly #meter: Meter | undefined;
  #used = 0;

  constructor(limit: number, of: { readonly parent?: SearchBudget; readonly meter?: Meter | undefined } = {}) {
    this.#limit = limit;
    this.#parent = of.parent;
    this.#meter = of.meter;
    this.#start = of.meter?.() ?? 0;
  }

  /** A budget of `part` of what is left; what it spends is spent here too. */
  share(part: number): SearchBudget {
    return new SearchBudget(this.left * part, { parent: this, meter: this.#meter });
  }

  /** Counts `steps` and says whether there are any left. */
  spend(steps: number): boolean {
    this.#used += steps;
    this.#parent?.spend(steps);
    return this.left > 0;
  }

  /** Steps counted; with a meter also, as they say what was done. */
  get used(): number {
    return this.#used;
  }

  get left(): number {
    const gone = this.#meter === undefined ? this.#used : this.#meter() - this.#start;
    return Math.max(0, this.#limit - gone);
  }
}
