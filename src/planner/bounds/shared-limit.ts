// What some offers may not exceed together: the nodes of a pool, those of a plan. In a master problem it is a row, and what that
// row's dual makes of a node is its toll: the price of a node that takes what others could use better.

/** Per offer of a model what one node of it uses (whole numbers), and the most that all nodes together may. */
export interface SharedLimit {
  readonly uses: Float64Array;
  readonly most: number;
}

/** What is left of limits while nodes are chosen. */
export class LimitsLeft {
  readonly #limits: readonly SharedLimit[];
  readonly #left: Float64Array;

  constructor(limits: readonly SharedLimit[], left: ArrayLike<number> = limits.map(({ most }) => most)) {
    this.#limits = limits;
    this.#left = Float64Array.from(left);
  }

  copy(): LimitsLeft {
    return new LimitsLeft(this.#limits, this.#left);
  }

  /** The limits, less what has been taken. */
  rest(): readonly SharedLimit[] {
    return this.#limits.map(({ uses }, at) => ({ uses, most: Math.max(0, this.#left[at] ?? 0) }));
  }

  /** How many more nodes of `offer` there may be: whole ones, Infinity where nothing limits them. */
  room(offer: number): number {
    let room = Infinity;
    for (let at = 0; at < this.#limits.length; at++) {
      const use = this.#limits[at]?.uses[offer] ?? 0;
      if (use > 0) room = Math.min(room, Math.floor((this.#left[at] ?? 0) / use + 1e-9));
    }
    return Math.max(0, room);
  }

  /** Counts `nodes` of `offer`; below zero gives them back. */
  take(offer: number, nodes: number): void {
    for (let at = 0; at < this.#limits.length; at++) {
      const use = this.#limits[at]?.uses[offer] ?? 0;
      if (use > 0) this.#left[at] = (this.#left[at] ?? 0) - use * nodes;
    }
  }
}
