// Counts agreement as it comes in, by the plugin that the scheduler names, and says whether it is good enough.
import type { Difference, Verdict } from './verdict.ts';

const WORDS_MIN = 0.995;

interface Row {
  verdicts: number;
  cases: number;
  fitsWrong: number;
  wordsWrong: number;
}

export class Report {
  readonly #rows = new Map<string, Row>();
  #cases = 0;
  #fitsWrong = 0;
  #wordsWrong = 0;
  #unstable = 0;

  add(judge: Verdict, found: readonly Difference[]): void {
    this.#cases += 1;
    if (found.some(({ kind }) => kind === 'fits')) this.#fitsWrong += 1;
    else if (found.length > 0) this.#wordsWrong += 1;
    const byNode = new Map(found.map((difference) => [difference.node, difference.kind]));
    const seen = new Set<string>();
    for (const [node, verdict] of judge ?? []) {
      const name = verdict.fits ? 'fits' : verdict.plugin;
      const row = this.#rows.get(name) ?? { verdicts: 0, cases: 0, fitsWrong: 0, wordsWrong: 0 };
      this.#rows.set(name, row);
      row.verdicts += 1;
      if (!seen.has(name)) row.cases += 1;
      seen.add(name);
      if (byNode.get(node) === 'fits') row.fitsWrong += 1;
      if (byNode.get(node) === 'words') row.wordsWrong += 1;
    }
  }

  /** A case that the scheduler itself answers now so, now so; ours is one of its answers. */
  addUnstable(): void {
    this.#unstable += 1;
  }

  /** 100 % on fits; plugin and reasons at least 99.5 % of cases. */
  get good(): boolean {
    return this.#cases > 0 && this.#fitsWrong === 0 && this.#wordsWrong <= this.#cases * (1 - WORDS_MIN);
  }

  text(): string {
    const share = (wrong: number, all: number): string => `${((100 * (all - wrong)) / Math.max(all, 1)).toFixed(3)} %`;
    const rows = [...this.#rows].sort(([, one], [, other]) => other.verdicts - one.verdicts);
    const lines = rows.map(([name, { verdicts, cases, fitsWrong, wordsWrong }]) =>
      [
        name.padEnd(22),
        `${((100 * cases) / this.#cases).toFixed(2)} %`.padStart(10),
        String(verdicts).padStart(10),
        share(fitsWrong, verdicts).padStart(12),
        share(wordsWrong + fitsWrong, verdicts).padStart(18),
      ].join(''),
    );
    return [
      'scheduler says           of cases     nodes        fits   plugin, reasons',
      ...lines,
      `${this.#cases} cases: fits agree in ${share(this.#fitsWrong, this.#cases)}, ` +
        `plugin and reasons in ${share(this.#wordsWrong + this.#fitsWrong, this.#cases)} ` +
        `(${this.#fitsWrong} and ${this.#wordsWrong} cases differ; in ${this.#unstable} the scheduler is of two minds and ours is one of them)`,
      '',
    ].join('\n');
  }
}
