// The best filling of one node for given worths of the pods: the pricing step of column generation. The relaxation rounded
// down and topped up is the start; a depth-first search in order of worth per room, cut by the relaxation's prices,
// improves it until it is proven best or the budget ends. Above 250 lines because all searches start from the same relaxation and
// keep the best in the same columns.
import { NodeRelaxation } from './node-relaxation.ts';
import type { PackingModel } from './packing-model.ts';
import { proveNode } from './prove-node.ts';
import type { SearchBudget } from './search-budget.ts';
import { searchNode } from './search-node.ts';

export interface Filling {
  readonly rows: Int32Array;
  readonly amounts: Int32Array;
  /** Σ worth × pods. */
  readonly worth: number;
  /** No filling is worth more; equals `worth` when the search ended. */
  readonly worthMax: number;
}

/** A gain below it is noise. */
const NOISE = 1e-10;

/** A filling that is worth less than so many times the price gains nothing. */
const PAYS_FROM = 1 + 1e-7;

/** Fills nodes of one model. */
export class NodePricer {
  readonly #model: PackingModel;
  readonly #relaxation: NodeRelaxation;
  readonly #amounts: Int32Array;
  readonly #best: Int32Array;
  readonly #room: Float64Array;
  readonly #exclusionRoom: Int32Array;
  readonly #density: Float64Array;
  #order = new Int32Array();
  #bestWorth = 0;
  #searchLeft = 0;

  constructor(model: PackingModel) {
    this.#model = model;
    this.#relaxation = new NodeRelaxation(model);
    this.#amounts = new Int32Array(model.rows);
    this.#best = new Int32Array(model.rows);
    this.#room = new Float64Array(model.axes);
    this.#exclusionRoom = new Int32Array(model.exclusionMax.length);
    this.#density = new Float64Array(model.rows);
  }

  /** As `relaxed`, at the axis prices of when the offer was looked at last: one look at the rows, and true as well. */
  roughly(offer: number, worth: Float64Array, budget: SearchBudget): number {
    const most = this.#relaxation.roughly(offer, worth);
    budget.spend(this.#relaxation.takeSteps() * this.#model.axes);
    return most;
  }

  /** No filling of `offer` is worth more than this; cheaper than `fill`. */
  relaxed(offer: number, worth: Float64Array, budget: SearchBudget): number {
    const most = this.#relaxation.solve(offer, worth);
    budget.spend(this.#relaxation.takeSteps() * this.#model.axes);
    return most;
  }

  /** Worth per unit of each axis, of the offer that was looked at last. */
  get prices(): Float64Array {
    return this.#relaxation.prices;
  }

  /** Pods of each row, in parts, of the offer that was looked at last. */
  get parts(): Float64Array {
    return this.#relaxation.amounts;
  }

  /** A good filling of `offer`; `searchSteps` shapes are looked at in the search for a better one. `states`: fillings carried along in
   *  another search, should the first one come to none that is worth more than `price` and prove nothing; `prove`: and
   *  in a last one, which does. */
  fill(
    offer: number,
    worth: Float64Array,
    options: {
      readonly budget: SearchBudget;
      readonly searchSteps: number;
      readonly states?: number;
      readonly price?: number;
      readonly prove?: boolean;
    },
  ): Filling {
    const { budget, searchSteps } = options;
    let worthMax = this.relaxed(offer, worth, budget);
    this.#open(offer);
    this.#takeRelaxed();
    this.#topUp(offer, worth);
    this.#keep(worth);
    budget.spend(this.#model.rows * 4);
    let proven = this.#bestWorth >= worthMax - NOISE;
    if (!proven && searchSteps > 0) {
      this.#searchLeft = searchSteps;
      this.#setOrder(offer, worth);
      this.#open(offer);
      this.#search(0, 0, { offer, worth });
      proven = this.#searchLeft > 0;
      budget.spend((searchSteps - Math.max(0, this.#searchLeft)) * (this.#model.axes + 2));
      const { states = 0, price = Infinity, prove = false } = options;
      // What the master has of the offer is worth its price, and a little more or less by arithmetic.
      const goal = price * PAYS_FROM;
      const isOpen = (): boolean => !proven && this.#bestWorth <= goal && worthMax > goal;
      if (states > 0 && isOpen()) this.#searchWide(offer, worth, { states, budget });
      if (prove && isOpen()) {
        const proof = proveNode(this.#model, { offer, worth, prices: this.prices, goal });
        budget.spend(proof.steps);
        worthMax = Math.min(worthMax, proof.worthMax);
        if (proof.best !== undefined && this.#keepsExclusions(proof.best)) {
          this.#amounts.set(proof.best);
          this.#keep(worth);
        }
      }
    }
    return { ...this.#filling(), worth: this.#bestWorth, worthMax: proven ? this.#bestWorth : worthMax };
  }

  #searchWide(
    offer: number,
    worth: Float64Array,
    { states, budget }: { readonly states: number; readonly budget: SearchBudget },
  ): void {
    const {
      amounts,
      worth: found,
      steps,
    } = searchNode(this.#model, {
      offer,
      worth,
      prices: this.#relaxation.prices,
      order: this.#order,
      density: this.#density,
      most: this.#model.most[offer] ?? new Int32Array(),
      states,
      best: this.#bestWorth,
    });
    budget.spend(steps);
    if (amounts === undefined) return;
    this.#best.set(amounts);
    this.#bestWorth = found;
  }

  #open(offer: number): void {
    const { axes, capacities, exclusionMax } = this.#model;
    this.#amounts.fill(0);
    this.#exclusionRoom.set(exclusionMax);
    for (let axis = 0; axis < axes; axis++) this.#room[axis] = capacities[offer * axes + axis] ?? 0;
  }

  #takeRelaxed(): void {
    const { amounts } = this.#relaxation;
    for (let row = 0; row < amounts.length; row++) {
      const whole = Math.floor((amounts[row] ?? 0) + NOISE);
      if (whole > 0) this.#take(row, Math.min(whole, this.#fit(row, whole)));
    }
  }

  /** While something fits: the pod of most worth. */
  #topUp(offer: number, worth: Float64Array): void {
    const limit = this.#model.most[offer];
    if (limit === undefined) return;
    for (;;) {
      let best = -1;
      let most = NOISE;
      for (let row = 0; row < this.#model.rows; row++) {
        if ((worth[row] ?? 0) <= most || (limit[row] ?? 0) <= (this.#amounts[row] ?? 0)) continue;
        if (this.#fit(row, 1) < 1) continue;
        most = worth[row] ?? 0;
        best = row;
      }
      if (best < 0) return;
      this.#take(best, this.#fit(best, (limit[best] ?? 0) - (this.#amounts[best] ?? 0)));
    }
  }

  /** How many more of `row` fit, at most `wanted`. */
  #fit(row: number, wanted: number): number {
    const { axes, requests, rowExclusion } = this.#model;
    let fit = wanted;
    const exclusion = rowExclusion[row] ?? -1;
    if (exclusion >= 0) fit = Math.min(fit, this.#exclusionRoom[exclusion] ?? 0);
    for (let axis = 0, i = row * axes; axis < axes; axis++, i++) {
      const request = requests[i] ?? 0;
      if (request > 0 && request * fit > (this.#room[axis] ?? 0)) fit = Math.floor((this.#room[axis] ?? 0) / request);
    }
    return fit;
  }

  #take(row: number, pods: number): void {
    const { axes, requests, rowExclusion } = this.#model;
    this.#amounts[row] = (this.#amounts[row] ?? 0) + pods;
    const exclusion = rowExclusion[row] ?? -1;
    if (exclusion >= 0) this.#exclusionRoom[exclusion] = (this.#exclusionRoom[exclusion] ?? 0) - pods;
    for (let axis = 0, i = row * axes; axis < axes; axis++, i++) {
      this.#room[axis] = (this.#room[axis] ?? 0) - pods * (requests[i] ?? 0);
    }
  }

  #keepsExclusions(amounts: Int32Array): boolean {
    const { exclusionMax, rowExclusion } = this.#model;
    this.#exclusionRoom.set(exclusionMax);
    return amounts.every((pods, row) => {
      const exclusion = rowExclusion[row] ?? -1;
      if (exclusion < 0 || pods === 0) return true;
      this.#exclusionRoom[exclusion] = (this.#exclusionRoom[exclusion] ?? 0) - pods;
      return (this.#exclusionRoom[exclusion] ?? 0) >= 0;
    });
  }

  #keep(worth: Float64Array): void {
    this.#best.set(this.#amounts);
    this.#bestWorth = 0;
    for (let row = 0; row < worth.length; row++) this.#bestWorth += (worth[row] ?? 0) * (this.#amounts[row] ?? 0);
  }

  /** Rows that are worth something, by worth per room at the relaxation's prices; the lower row first of equals. */
  #setOrder(offer: number, worth: Float64Array): void {
    const { axes, requests, rows, most } = this.#model;
    const { prices } = this.#relaxation;
    const usable: number[] = [];
    for (let row = 0; row < rows; row++) {
      if ((worth[row] ?? 0) <= NOISE || (most[offer]?.[row] ?? 0) === 0) continue;
      let paid = 0;
      for (let axis = 0, i = row * axes; axis < axes; axis++, i++) paid += (prices[axis] ?? 0) * (requests[i] ?? 0);
      this.#density[row] = paid > 0 ? (worth[row] ?? 0) / paid : Infinity;
      usable.push(row);
    }
    const density = this.#density;
    this.#order = Int32Array.from(usable.sort((a, b) => (density[b] ?? 0) - (density[a] ?? 0) || a - b));
  }

  /** Most of `order[depth]` first, then fewer; a branch goes when even whole rooms at its density gain nothing. */
  #search(depth: number, worthSoFar: number, of: { readonly offer: number; readonly worth: Float64Array }): void {
    const row = this.#order[depth];
    if (worthSoFar > this.#bestWorth + NOISE) {
      this.#bestWorth = worthSoFar;
      this.#best.set(this.#amounts);
    }
    if (row === undefined || this.#searchLeft-- <= 0) return;
    const density = this.#density[row] ?? 0;
    const gain = of.worth[row] ?? 0;
    if (density < Infinity && worthSoFar + density * this.#roomWorth() <= this.#bestWorth + NOISE) return;
    const fit = this.#fit(row, this.#model.most[of.offer]?.[row] ?? 0);
    if (fit > 0) this.#take(row, fit);
    for (let pods = fit; pods >= 0; pods--) {
      this.#search(depth + 1, worthSoFar + pods * gain, of);
      if (pods > 0) this.#take(row, -1);
      if (this.#searchLeft <= 0) {
        if (pods > 1) this.#take(row, 1 - pods);
        return;
      }
    }
  }

  /** What the room that is left is worth at the relaxation's prices. */
  #roomWorth(): number {
    let sum = 0;
    for (let axis = 0; axis < this.#room.length; axis++)
      sum += (this.#relaxation.prices[axis] ?? 0) * (this.#room[axis] ?? 0);
    return sum;
  }

  #filling(): { readonly rows: Int32Array; readonly amounts: Int32Array } {
    const rows: number[] = [];
    for (let row = 0; row < this.#best.length; row++) if ((this.#best[row] ?? 0) > 0) rows.push(row);
    return { rows: Int32Array.from(rows), amounts: Int32Array.from(rows, (row) => this.#best[row] ?? 0) };
  }
}
