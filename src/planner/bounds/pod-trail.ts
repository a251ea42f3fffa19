// Which pods a filling has taken on its way, for thousands of fillings that share the start of theirs.

/** Pods that were taken, one entry after another: each says how many of which row, and which entry was before it. */
export class PodTrail {
  #entries = new Int32Array(3 * 1024);
  #count = 0;

  /** The new entry. */
  add(before: number, row: number, pods: number): number {
    const at = 3 * this.#count;
    if (at + 3 > this.#entries.length) {
      const longer = new Int32Array(2 * this.#entries.length);
      longer.set(this.#entries);
      this.#entries = longer;
    }
    this.#entries[at] = before;
    this.#entries[at + 1] = row;
    this.#entries[at + 2] = pods;
    this.#count += 1;
    return this.#count - 1;
  }

  /** Pods of each row, up to an entry. */
  amounts(last: number, rows: number): Int32Array {
    const amounts = new Int32Array(rows);
    for (let at = last; at >= 0; at = this.#entries[3 * at] ?? -1)
      amounts[this.#entries[3 * at + 1] ?? 0] = this.#entries[3 * at + 2] ?? 0;
    return amounts;
  }
}
