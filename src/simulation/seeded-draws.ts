// Numbers that look drawn by chance and are the same for the same seed: what a simulation does not know, it draws.

export class SeededDraws {
  #state: number;

  /** Any integer. */
  constructor(seed: number) {
    // Neighbouring seeds must not give neighbouring draws.
    this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 0;
  }

  /** An integer in [0, below); `below` is at least 1. A counter, mixed (splitmix32). */
  below(below: number): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let bits = this.#state;
    bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    return Math.floor((((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32) * below);
  }

  /** Puts the list into an order drawn by chance (Fisher and Yates), in place. */
  shuffle(list: Uint32Array): void {
    for (let end = list.length - 1; end > 0; end -= 1) {
      const other = this.below(end + 1);
      const kept = list[end] ?? 0;
      list[end] = list[other] ?? 0;
      list[other] = kept;
    }
  }
}
