// The configuration LP by column generation (Gilmore and Gomory): fillings of single nodes are found one after another, each
// the best for the current worths of the pods. Worths of any round give a true lower bound (Farley): what all pods are
// worth, over the most that a node of any offer can hold of it per unit of its price. So it may stop at any round.
// Most rounds pack all pods in sequence (fill-in-sequence.ts); the best filling of each offer, which a proof needs, is looked for
// in the others. Above 250 lines because both ways of finding columns, and the look at the bound, work on the same state.
import { CoveringSimplex, type Column } from './covering-simplex.ts';
import { feasibleWorth } from './feasible-worth.ts';
import { fillInSequence } from './fill-in-sequence.ts';
import type { PackingModel } from './packing-model.ts';
import { NodePricer } from './price-node.ts';
import type { SearchBudget } from './search-budget.ts';

/** A column pays when it is worth so much more than it costs, relative to the price. */
const PAYS_ABOVE = 1e-7;
/** Weight of the worths that gave the best bound so far against the latest ones (Wentges): fewer rounds in the tail. */
const SMOOTHING = 0.5;
/** Offers that are filled per round; the others only have their relaxation computed, and that in full rounds only. */
const OFFERS_PER_ROUND = 16;
/** Offers that a sequence chooses from, those that pay most. */
const LANES = 4;
/** With fewer rows, the best fillings of a round's offers are as many columns as are wanted. */
const SINGLE_ROWS_MAX = 2 * OFFERS_PER_ROUND;
/** Pivots that gain less than this part of the cost, sixteen together, are left for when there are no better columns. */
const PIVOTS_GAIN = 1e-4;
/** Part of the steps that the last look at the bound may take. */
const LAST_LOOK_PART = 0.15;
/** A full look may take so much of what is left: whole nodes are still to be made of the answer. */
const FULL_LOOK_PART = 0.5;
/** Each starts half-way between the best worths so far and the latest; more of them find little. */
const LAST_LOOKS = 4;
/** Shapes looked at per filling while that finds columns that pay, and how much further the search goes when not. */
const SEARCH_FIRST = 64;
const SEARCH_GROWTH = 8;
/** A full round after so many partial ones. */
const ROUNDS_PER_SWEEP = 8;

export interface FilledNode {
  readonly offer: number;
  readonly rows: Int32Array;
  readonly amounts: Int32Array;
}

export interface ColumnGenerationOptions {
  readonly budget: SearchBudget;
  readonly roundsMax: number;
  /** Most shapes looked at per filling beyond the rounded relaxation; a few at first, more when nothing gains. */
  readonly searchSteps: number;
  /** Lower bound of the cost known before. */
  readonly boundCost: number;
  /** Worths that are not far off, such as those of the LP over types: the first ones are kept near them. */
  readonly worth?: Float64Array;
  /** Fillings known before, that fit this model's counts. */
  readonly known: readonly FilledNode[];
  /** Stop when the bound is within this part of the cost. */
  readonly within: number;
  /** What to do at the end for the bound's sake, unless the cost is close to it anyway: nothing, a look at the offers whose nodes
   *  are worth too much, or all it takes, up to seconds. */
  readonly lastLook: 'none' | 'short' | 'full';
}

export interface ColumnGenerationResult {
  /** Of the columns found: not a bound of anything. */
  readonly cost: number;
  /** True lower bound of the cost, 0 when no round came to one. */
  readonly boundCost: number;
  /** Worth of a pod of each row, latest. */
  readonly worth: Float64Array;
  readonly columns: readonly FilledNode[];
  /** Basic columns and how many of each. */
  readonly solution: readonly { readonly column: FilledNode; readonly nodes: number }[];
  /** No filling would lower the cost further. */
  readonly solved: boolean;
}

/** Runs until solved, within the wished gap, or out of rounds or steps. */
export function generateColumns(model: PackingModel, options: ColumnGenerationOptions): ColumnGenerationResult {
  return new ColumnGeneration(model, options).run();
}

class ColumnGeneration {
  readonly #model: PackingModel;
  readonly #options: ColumnGenerationOptions;
  readonly #pricer: NodePricer;
  readonly #simplex: CoveringSimplex;
  readonly #fillings: FilledNode[] = [];
  /** Prices are divided by it, so that tolerances mean the same everywhere. */
  readonly #dearest: number;
  /** Latest worth of a node over its price, per offer: what decides who is filled in a partial round. */
  readonly #ratio: Float64Array;
  #center: Float64Array;
  #hasCenter: boolean;
  #leastGain = PIVOTS_GAIN;
  #boundCost = 0;
  #searchSteps: number;

  constructor(model: PackingModel, options: ColumnGenerationOptions) {
    this.#model = model;
    this.#options = options;
    this.#pricer = new NodePricer(model);
    this.#dearest = model.prices.reduce((most, price) => Math.max(most, price), 0);
    this.#ratio = new Float64Array(model.offers).fill(Infinity);
    const start = Array.from({ length: model.rows }, (_, row) => this.#startColumn(row));
    this.#simplex = new CoveringSimplex(model.counts, start);
    for (const filling of options.known) this.#add(filling);
    this.#hasCenter = options.worth !== undefined;
    this.#center = options.worth?.map((value) => value / this.#dearest) ?? new Float64Array(model.rows);
    this.#searchSteps = Math.min(SEARCH_FIRST, options.searchSteps);
  }

  run(): ColumnGenerationResult {
    const { budget, roundsMax, searchSteps, within } = this.#options;
    let solved = this.#model.rows === 0;
    const rest = this.#options.lastLook === 'none' ? 0 : budget.left * LAST_LOOK_PART;
    let close = false;
    for (let round = 0; round < roundsMax && !solved && budget.left > rest; round++) {
      this.#solveMaster(this.#leastGain);
      const known = Math.max(this.#boundCost, this.#options.boundCost);
      close = known >= this.#simplex.cost() * this.#dearest * (1 - within);
      if (close) break;
      if (!this.#round(round)) continue;
      solved = this.#searchSteps >= searchSteps;
      this.#searchSteps = Math.min(this.#searchSteps * SEARCH_GROWTH, searchSteps);
    }
    this.#solveMaster(0);
    if (!close && this.#options.lastLook !== 'none') this.#lookLast();
    return {
      cost: this.#simplex.cost() * this.#dearest,
      boundCost: this.#boundCost,
      worth: this.#simplex.duals.map((dual) => Math.max(0, dual) * this.#dearest),
      columns: this.#fillings,
      solution: this.#simplex.solution().flatMap(({ column, value }) => {
        const filling = this.#fillings[column];
        return filling === undefined ? [] : [{ column: filling, nodes: value }];
      }),
      solved,
    };
  }

  /** Until no pivot gains, or those that are looked at gain too little. */
  #solveMaster(leastGain: number): void {
    this.#simplex.solve({ stepsMax: this.#options.budget.left, leastGain });
    this.#options.budget.spend(this.#simplex.takeSteps());
  }

  /** Columns at smoothed worths, then, should they gain nothing, at the true ones. True: nothing gains. */
  #round(round: number): boolean {
    const latest = this.#simplex.duals.map((dual) => Math.max(0, dual));
    const smooth = this.#smoothed(latest);
    // With one offer it costs half as much time again and gains a percent: for those who have the time.
    const worthIt = this.#model.offers > 1 || this.#options.lastLook === 'full';
    const inSequence = worthIt && this.#model.rows > SINGLE_ROWS_MAX && round % ROUNDS_PER_SWEEP !== 0;
    if (inSequence && this.#sequence(smooth, latest) > 0) return false;
    const sweep = round % ROUNDS_PER_SWEEP === 0 || this.#model.offers <= OFFERS_PER_ROUND;
    if (this.#price(smooth, { latest, sweep }) > 0) return false;
    if (this.#price(latest, { latest, sweep: true }) > 0) return false;
    // At worths that are not those of the best of what is known, there may be more to find.
    if (this.#simplex.isOptimal) return true;
    this.#leastGain = 0;
    return false;
  }

  /** Packs all pods in sequence at `worth`; adds the fillings that pay at `latest` and says how many. */
  #sequence(worth: Float64Array, latest: Float64Array): number {
    const { budget } = this.#options;
    const lanes = this.#ranked()
      .slice(0, LANES)
      .map((offer) => {
        this.#ratio[offer] = this.#pricer.relaxed(offer, worth, budget) / this.#price1(offer);
        return { offer, prices: this.#pricer.prices.slice() };
      });
    const { fillings, steps } = fillInSequence(this.#model, { worth, lanes });
    budget.spend(steps);
    let added = 0;
    for (const filling of fillings) if (this.#addIfPays(filling, latest)) added++;
    return added;
  }

  /** Offers, those whose nodes are worth most for their price first. */
  #ranked(): readonly number[] {
    return Array.from({ length: this.#model.offers }, (_, offer) => offer).sort(
      (a, b) => (this.#ratio[b] ?? 0) - (this.#ratio[a] ?? 0) || a - b,
    );
  }

  #addIfPays(filling: FilledNode, latest: Float64Array): boolean {
    const price = this.#price1(filling.offer);
    let gain = -price;
    filling.rows.forEach((row, k) => (gain += (latest[row] ?? 0) * (filling.amounts[k] ?? 0)));
    if (gain <= PAYS_ABOVE * price) return false;
    this.#add(filling);
    return true;
  }

  /** Fills nodes at `worth`; adds what pays at `latest` and says how many. A sweep looks at all offers and so at a bound. */
  #price(worth: Float64Array, of: { readonly latest: Float64Array; readonly sweep: boolean }): number {
    const model = this.#model;
    const { budget } = this.#options;
    const searchSteps = this.#searchSteps;
    let added = 0;
    let worst = 0;
    if (of.sweep) {
      for (let offer = 0; offer < model.offers; offer++) {
        const price = this.#price1(offer);
        let most = this.#pricer.roughly(offer, worth, budget);
        if (most > price) most = this.#pricer.relaxed(offer, worth, budget);
        this.#ratio[offer] = most / price;
      }
    }
    const order = this.#ranked();
    for (const [at, offer] of order.entries()) {
      const relaxed = this.#ratio[offer] ?? 0;
      if (at >= OFFERS_PER_ROUND || (of.sweep && relaxed <= Math.min(worst, 1))) {
        worst = Math.max(worst, relaxed);
        break;
      }
      const filling = this.#pricer.fill(offer, worth, { budget, searchSteps });
      this.#ratio[offer] = filling.worthMax / this.#price1(offer);
      worst = Math.max(worst, this.#ratio[offer] ?? 0);
      const { rows, amounts } = filling;
      if (this.#addIfPays({ offer, rows, amounts }, of.latest)) added++;
    }
    if (of.sweep && worst > 0) this.#noteBound(worth, worst);
    return added;
  }

  /** Bounds at the latest worths and half-way to the best ones so far, cut down to where no node is worth more than its price. */
  #lookLast(): void {
    const { searchSteps, lastLook } = this.#options;
    const budget = this.#options.budget.share(lastLook === 'full' ? FULL_LOOK_PART : 1);
    const prices = this.#model.prices.map((price) => price / this.#dearest);
    const latest = this.#simplex.duals.map((dual) => Math.max(0, dual));
    for (let look = 0; look < LAST_LOOKS && budget.left > 0; look++) {
      const feasible = feasibleWorth(this.#model, {
        pricer: this.#pricer,
        worth: look === 0 ? latest : this.#smoothed(latest),
        prices,
        budget,
        searchSteps,
        least: Math.max(this.#boundCost, this.#options.boundCost) / this.#dearest,
        prove: lastLook === 'full',
      });
      if (feasible !== undefined && feasible.over > 0) this.#noteBound(feasible.worth, feasible.over);
    }
  }

  #smoothed(latest: Float64Array): Float64Array {
    if (!this.#hasCenter) return latest;
    return latest.map((dual, row) => SMOOTHING * (this.#center[row] ?? 0) + (1 - SMOOTHING) * dual);
  }

  #noteBound(worth: Float64Array, worst: number): void {
    let total = 0;
    for (let row = 0; row < worth.length; row++) total += (worth[row] ?? 0) * (this.#model.counts[row] ?? 0);
    const bound = (total / worst) * this.#dearest;
    if (bound <= this.#boundCost) return;
    this.#boundCost = bound;
    // A center that is given stays until a better one is known.
    if (this.#hasCenter && bound < this.#options.boundCost) return;
    this.#hasCenter = true;
    this.#center = worth.map((value) => value / worst);
  }

  #price1(offer: number): number {
    return (this.#model.prices[offer] ?? 0) / this.#dearest;
  }

  #add(filling: FilledNode): void {
    this.#fillings.push(filling);
    this.#simplex.add({ rows: filling.rows, amounts: filling.amounts, cost: this.#price1(filling.offer) });
  }

  /** Node full of pods of one row, on the offer where one of them costs least. */
  #startColumn(row: number): Column {
    let least = Infinity;
    let offer = -1;
    let pods = 0;
    for (let candidate = 0; candidate < this.#model.offers; candidate++) {
      const most = this.#model.most[candidate]?.[row] ?? 0;
      if (most === 0 || this.#price1(candidate) / most >= least) continue;
      least = this.#price1(candidate) / most;
      offer = candidate;
      pods = most;
    }
    const filling = { offer, rows: Int32Array.of(row), amounts: Int32Array.of(pods) };
    this.#fillings.push(filling);
    return { rows: filling.rows, amounts: filling.amounts, cost: this.#price1(offer) };
  }
}
