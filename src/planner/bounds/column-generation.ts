// The configuration LP by column generation (Gilmore and Gomory): fillings of single nodes are found one after another, each
// the best for the current worths of the pods. Worths of any round give a true lower bound (Farley): what all pods are
// worth, over the most that a node of any offer can hold of it per unit of its price. So it may stop at any round.
// Most rounds pack all pods in sequence (fill-in-sequence.ts); the best filling of each offer, which a proof needs, is looked for
// in the others. Above 250 lines because both ways of finding columns, and the look at the bound, work on the same state.
import type { ColumnGenerationOptions, ColumnGenerationResult, FilledNode } from './column-search.ts';
import type { Column } from './column-store.ts';
import { CoveringSimplex } from './covering-simplex.ts';
import { feasibleWorth } from './feasible-worth.ts';
import { fillInSequence } from './fill-in-sequence.ts';
import type { PackingModel } from './packing-model.ts';
import { NodePricer } from './price-node.ts';
import type { SharedLimit } from './shared-limit.ts';

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
const LAST_LOOK_PART = { none: 0, short: 0.15, full: 0.15 };
/** A full look may take so much of what is left: whole nodes are still to be made of the answer. */
const FULL_LOOK_PART = 0.5;
/** Each starts half-way between the best worths so far and the latest; more of them find little. */
const LAST_LOOKS = 4;
/** Shapes looked at per filling while that finds columns that pay, and how much further the search goes when not. */
const SEARCH_FIRST = 64;
const SEARCH_GROWTH = 8;
/** Rounds whose gains are looked at together: single ones often gain nothing, between ones that do. */
const ROUNDS_TOGETHER = 4;
/** When rounds gain little, a bound so many times as far away as is wished is close enough. */
const STALLED_WITHIN = 2;
/** Fillings carried along in the first wide search. */
const STATES_FIRST = 8;
/** A full round after so many partial ones. */
const ROUNDS_PER_SWEEP = 8;
/** What a node above a limit costs besides its price, in prices of the dearest node that is wanted without limits: more than most
 *  that there could be in its place. Where that is too little, what stays over is cut off, and packed on what is left. */
const OVER_COST = 4;

/** Runs until solved, within the wished gap, or out of rounds or steps. */
export function generateColumns(model: PackingModel, options: ColumnGenerationOptions): ColumnGenerationResult {
  return new ColumnGeneration(model, options).run();
}

class ColumnGeneration {
  readonly #model: PackingModel;
  readonly #options: ColumnGenerationOptions;
  readonly #pricer: NodePricer;
  readonly #simplex: CoveringSimplex;
  /** Per column; undefined: what is above a limit. */
  readonly #fillings: (FilledNode | undefined)[] = [];
  /** Prices are divided by it, so that tolerances mean the same everywhere. */
  readonly #dearest: number;
  readonly #limits: readonly SharedLimit[];
  /** Per offer: price, and what limits add to it. */
  readonly #tolled: Float64Array;
  /** Latest worth of a node over its price, per offer: what decides who is filled in a partial round. */
  readonly #ratio: Float64Array;
  #center: Float64Array;
  #hasCenter: boolean;
  #leastGain = PIVOTS_GAIN;
  #boundCost = 0;
  #searchSteps: number;
  #states = 0;
  /** Nodes are looked at until it is proven that nothing pays, once all other searches find nothing. */
  #proves = false;

  constructor(model: PackingModel, options: ColumnGenerationOptions) {
    this.#model = model;
    this.#options = options;
    this.#pricer = new NodePricer(model);
    this.#dearest = options.from?.dearest ?? model.prices.reduce((most, price) => Math.max(most, price), 0);
    this.#ratio = new Float64Array(model.offers).fill(Infinity);
    this.#tolled = model.prices.map((price) => price / this.#dearest);
    this.#limits = options.limits ?? [];
    this.#simplex = options.from?.simplex ?? this.#start(options.known);
    this.#fillings.push(...(options.from?.fillings ?? []));
    if (this.#limits.length > 0) this.#limit();
    this.#hasCenter = options.worth !== undefined;
    this.#center = options.worth?.map((value) => value / this.#dearest) ?? new Float64Array(model.rows);
    this.#searchSteps = Math.min(SEARCH_FIRST, options.searchSteps);
  }

  /** A master of what is known, and a node full of each row. */
  #start(known: readonly FilledNode[]): CoveringSimplex {
    const { rows, counts } = this.#model;
    const alone = Array.from({ length: rows }, (_, row) => this.#alone(row));
    const columnOf = (filling: FilledNode): Column => {
      this.#fillings.push(filling);
      return { rows: filling.rows, amounts: filling.amounts, cost: this.#price1(filling.offer) };
    };
    const simplex = new CoveringSimplex(counts, alone.map(columnOf));
    for (const filling of known) simplex.add(columnOf(filling));
    return simplex;
  }

  /** Adds the limits to what is best without them. */
  #limit(): void {
    if (this.#options.from === undefined) this.#solveMaster(0);
    const uses = (column: number, limit: number): number =>
      this.#limits[limit]?.uses[this.#fillings[column]?.offer ?? -1] ?? 0;
    const dearest = this.#simplex
      .solution()
      .reduce((most, { column }) => Math.max(most, this.#simplex.columns[column]?.cost ?? 0), 0);
    this.#simplex.limit(
      this.#limits.map(({ most }) => most),
      { uses, overCost: OVER_COST * dearest },
    );
    for (const _ of this.#limits) this.#fillings.push(undefined);
    if (this.#options.from !== undefined) for (const filling of this.#options.known) this.#add(filling);
  }

  run(): ColumnGenerationResult {
    const { budget, roundsMax, searchSteps, states, within, leastGain = 0, lastLook } = this.#options;
    let solved = this.#model.rows === 0;
    const rest = budget.left * LAST_LOOK_PART[this.#options.lastLook];
    let close = false;
    let before = Infinity;
    let since = 0;
    for (let round = 0; round < roundsMax && !solved && budget.left > rest; round++) {
      this.#solveMaster(this.#leastGain);
      const known = Math.max(this.#boundCost, this.#options.boundCost);
      close = known >= this.#simplex.cost() * this.#dearest * (1 - within);
      if (close) break;
      // A harder search for the last percent costs more than all before it.
      const near = known >= this.#simplex.cost() * this.#dearest * (1 - within * STALLED_WITHIN);
      const gained = before - this.#simplex.cost();
      const stalls =
        !this.#proves &&
        this.#model.rows > SINGLE_ROWS_MAX &&
        round - since >= ROUNDS_TOGETHER &&
        gained < leastGain * before;
      if (round - since >= ROUNDS_TOGETHER || round === 0) {
        before = this.#simplex.cost();
        since = round;
      }
      if (stalls && near) break;
      if (!stalls && !this.#round(round)) continue;
      solved = this.#searchSteps >= searchSteps && this.#states >= states;
      if (solved && lastLook === 'full' && !this.#proves) {
        this.#proves = true;
        solved = false;
        continue;
      }
      // Little gained: the columns are poor, and the wide search finds better ones. Nothing gained: perhaps there is nothing more.
      if (this.#states < states && (stalls || this.#searchSteps >= searchSteps))
        this.#states = Math.min(Math.max(STATES_FIRST, this.#states * SEARCH_GROWTH), states);
      else this.#searchSteps = Math.min(this.#searchSteps * SEARCH_GROWTH, searchSteps);
    }
    this.#solveMaster(0);
    if (!close && this.#options.lastLook !== 'none') this.#lookLast();
    return {
      cost: this.#simplex.cost() * this.#dearest,
      boundCost: this.#boundCost,
      worth: this.#latest().map((dual) => dual * this.#dearest),
      prices: this.#tolled.map((price) => price * this.#dearest),
      columns: this.#fillings.filter((filling) => filling !== undefined),
      solution: this.#simplex.solution().flatMap(({ column, value }) => {
        const filling = this.#fillings[column];
        return filling === undefined ? [] : [{ column: filling, nodes: value }];
      }),
      solved,
      master: { simplex: this.#simplex, fillings: this.#fillings, dearest: this.#dearest },
    };
  }

  /** Until no pivot gains, or those that are looked at gain too little. */
  #solveMaster(leastGain: number): void {
    this.#simplex.solve({ stepsMax: this.#options.budget.left, leastGain });
    this.#options.budget.spend(this.#simplex.takeSteps());
    this.#setTolls();
  }

  /** Worths of the pods at the latest solution. */
  #latest(): Float64Array {
    return this.#simplex.duals.subarray(0, this.#model.rows).map((dual) => Math.max(0, dual));
  }

  #setTolls(): void {
    const { rows, offers, prices } = this.#model;
    if (this.#limits.length === 0) return;
    for (let offer = 0; offer < offers; offer++) this.#tolled[offer] = (prices[offer] ?? 0) / this.#dearest;
    this.#limits.forEach(({ uses }, limit) => {
      const toll = this.#simplex.duals[rows + limit] ?? 0;
      if (toll <= 0) return;
      for (let offer = 0; offer < offers; offer++)
        this.#tolled[offer] = (this.#tolled[offer] ?? 0) + toll * (uses[offer] ?? 0);
    });
  }

  /** Columns at smoothed worths, then, should they gain nothing, at the true ones. True: nothing gains. */
  #round(round: number): boolean {
    const latest = this.#latest();
    const smooth = this.#smoothed(latest);
    // With one offer it costs half as much time again and gains a percent: for those who have the time.
    const worthIt = this.#model.offers > 1 || this.#options.lastLook === 'full';
    const inSequence = worthIt && this.#model.rows > SINGLE_ROWS_MAX && round % ROUNDS_PER_SWEEP !== 0;
    if (inSequence && this.#sequence(smooth, latest) > 0) return false;
    const sweep = round % ROUNDS_PER_SWEEP === 0 || this.#model.offers <= OFFERS_PER_ROUND;
    if (!this.#proves && this.#price(smooth, { latest, sweep }) > 0) return false;
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
    const { fillings, steps } = fillInSequence(this.#model, {
      worth,
      lanes,
      prices: this.#tolled,
      states: this.#states,
    });
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
      const price = this.#price1(offer);
      const filling = this.#pricer.fill(offer, worth, {
        budget,
        searchSteps,
        states: this.#states,
        price,
        // One that pays changes the worths, and all proofs with them.
        prove: this.#proves && added === 0,
      });
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
    const latest = this.#latest();
    for (let look = 0; look < LAST_LOOKS && budget.left > 0; look++) {
      const feasible = feasibleWorth(this.#model, {
        pricer: this.#pricer,
        worth: look === 0 ? latest : this.#smoothed(latest),
        prices,
        budget,
        searchSteps,
        states: lastLook === 'full' ? STATES_FIRST : 0,
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
    const bound = (total / worst - this.#tollOfLimits()) * this.#dearest;
    if (bound <= this.#boundCost) return;
    this.#boundCost = bound;
    // A center that is given stays until a better one is known.
    if (this.#hasCenter && bound < this.#options.boundCost) return;
    this.#hasCenter = true;
    this.#center = worth.map((value) => value / worst);
  }

  /** What all that limits admit would pay of tolls. */
  #tollOfLimits(): number {
    const { rows } = this.#model;
    return this.#limits.reduce(
      (sum, { most }, limit) => sum + Math.max(0, this.#simplex.duals[rows + limit] ?? 0) * most,
      0,
    );
  }

  /** Price with tolls, in parts of the dearest. */
  #price1(offer: number): number {
    return this.#tolled[offer] ?? 0;
  }

  #add(filling: FilledNode): void {
    this.#fillings.push(filling);
    const cost = (this.#model.prices[filling.offer] ?? 0) / this.#dearest;
    const { rows, amounts } = this.#limits.length === 0 ? filling : this.#withUses(filling);
    this.#simplex.add({ rows, amounts, cost });
  }

  /** The filling as a column that also counts against limits. */
  #withUses({ offer, rows, amounts }: FilledNode): Pick<FilledNode, 'rows' | 'amounts'> {
    const allRows = [...rows];
    const all = [...amounts];
    this.#limits.forEach(({ uses }, limit) => {
      const use = uses[offer] ?? 0;
      if (use <= 0) return;
      allRows.push(this.#model.rows + limit);
      all.push(-use);
    });
    return { rows: Int32Array.from(allRows), amounts: Int32Array.from(all) };
  }

  /** Node full of pods of one row, on the offer where one of them costs least. */
  #alone(row: number): FilledNode {
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
    return { offer, rows: Int32Array.of(row), amounts: Int32Array.of(pods) };
  }
}
