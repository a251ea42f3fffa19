// The most that one node can be worth when pods may be cut in pieces: the knapsack's linear relaxation, by the simplex
// method for bounded variables with one row per axis. Its price per unit of each axis bounds every real filling from
// above, whatever the arithmetic did: the bound is computed from those prices alone.
import type { PackingModel } from './packing-model.ts';

/** A handful per axis is usual; hundreds of shapes of which few pods are left need one flip each. */
const ITERATIONS_MAX = 400;
const NOISE = 1e-10;
const PIVOT_MIN = 1e-11;

/** Relaxation for one model; holds its working columns between calls. */
export class NodeRelaxation {
  readonly #model: PackingModel;
  /** Per axis, what the columns of `#model` count in: powers of two, so that nothing is rounded. */
  readonly #unit: Float64Array;
  /** Worth per unit of each axis. */
  readonly prices: Float64Array;
  /** The same in units of `#model`. */
  readonly #inner: Float64Array;
  /** Pods of each row, in parts. */
  readonly amounts: Float64Array;
  readonly #inverse: Float64Array;
  readonly #basis: Int32Array;
  readonly #values: Float64Array;
  /** Per row: 0 at none, 1 at its most, 2 in the basis. */
  readonly #state: Uint8Array;
  readonly #direction: Float64Array;
  /** Per offer and axis: the prices that `solve` came to; NaN before. */
  readonly #latest: Float64Array;
  #steps = 0;

  constructor(model: PackingModel) {
    this.#unit = unitsOf(model);
    this.#model = inLikeUnits(model, this.#unit);
    this.#inner = new Float64Array(model.axes);
    this.prices = new Float64Array(model.axes);
    this.amounts = new Float64Array(model.rows);
    this.#inverse = new Float64Array(model.axes * model.axes);
    this.#basis = new Int32Array(model.axes);
    this.#values = new Float64Array(model.axes);
    this.#state = new Uint8Array(model.rows);
    this.#direction = new Float64Array(model.axes);
    this.#latest = new Float64Array(model.offers * model.axes).fill(NaN);
  }

  takeSteps(): number {
    const steps = this.#steps;
    this.#steps = 0;
    return steps;
  }

  /** Upper bound of Σ worth × pods over all fillings of one node of `offer`; sets `prices` and `amounts`. */
  solve(offer: number, worth: Float64Array): number {
    this.#reset(offer);
    for (let iteration = 0; iteration < ITERATIONS_MAX; iteration++) {
      this.#setPrices(worth);
      const entering = this.#entering(offer, worth);
      if (entering === undefined) break;
      this.#enter(offer, entering);
    }
    this.#setAmounts(offer);
    const most = this.#bound(offer, worth);
    this.#latest.set(this.#inner, offer * this.#model.axes);
    return most;
  }

  /** As `solve` at the prices that it last came to for the offer, whatever the worths were then: any prices give a bound, and
   *  while worths change little it is a close one. Infinity before the first time. */
  roughly(offer: number, worth: Float64Array): number {
    const { axes } = this.#model;
    if (Number.isNaN(this.#latest[offer * axes])) return Infinity;
    this.#inner.set(this.#latest.subarray(offer * axes, offer * axes + axes));
    return this.#bound(offer, worth);
  }

  #reset(offer: number): void {
    const { axes, capacities } = this.#model;
    this.#inverse.fill(0);
    this.#state.fill(0);
    for (let axis = 0; axis < axes; axis++) {
      this.#inverse[axis * axes + axis] = 1;
      this.#basis[axis] = -1 - axis;
      this.#values[axis] = capacities[offer * axes + axis] ?? 0;
    }
  }

  #setPrices(worth: Float64Array): void {
    const { axes } = this.#model;
    this.#inner.fill(0);
    for (let at = 0; at < axes; at++) {
      const basic = this.#basis[at] ?? -1;
      if (basic < 0) continue;
      const value = worth[basic] ?? 0;
      for (let axis = 0; axis < axes; axis++) {
        this.#inner[axis] = (this.#inner[axis] ?? 0) + value * (this.#inverse[at * axes + axis] ?? 0);
      }
    }
  }

  /** Row, or slack as -1 - axis, whose move gains most. */
  #entering(offer: number, worth: Float64Array): number | undefined {
    const { axes, rows, requests, most, capacities } = this.#model;
    const limit = most[offer];
    if (limit === undefined) return undefined;
    let best = NOISE;
    let entering: number | undefined;
    for (let axis = 0; axis < axes; axis++) {
      const gain = -(this.#inner[axis] ?? 0) * (capacities[offer * axes + axis] ?? 0);
      if (gain > best) {
        best = gain;
        entering = -1 - axis;
      }
    }
    this.#steps += rows;
    for (let row = 0; row < rows; row++) {
      const state = this.#state[row] ?? 0;
      const pods = limit[row] ?? 0;
      if (state === 2 || pods === 0) continue;
      let reduced = worth[row] ?? 0;
      for (let axis = 0, i = row * axes; axis < axes; axis++, i++)
        reduced -= (this.#inner[axis] ?? 0) * (requests[i] ?? 0);
      const gain = (state === 0 ? reduced : -reduced) * pods;
      if (gain > best) {
        best = gain;
        entering = row;
      }
    }
    return entering;
  }

  #enter(offer: number, entering: number): void {
    const { axes, most } = this.#model;
    const limit = most[offer];
    const falls = entering >= 0 && this.#state[entering] === 1;
    this.#setDirection(entering);
    let least = entering >= 0 ? (limit?.[entering] ?? 0) : Infinity;
    let leaving = -1;
    let leavesAtMost = false;
    for (let at = 0; at < axes; at++) {
      const slope = (this.#direction[at] ?? 0) * (falls ? -1 : 1);
      if (Math.abs(slope) <= PIVOT_MIN) continue;
      const basic = this.#basis[at] ?? -1;
      const value = this.#values[at] ?? 0;
      const top = basic >= 0 ? (limit?.[basic] ?? 0) : Infinity;
      const room = slope > 0 ? Math.max(0, value) / slope : Math.max(0, top - value) / -slope;
      if (room < least) {
        least = room;
        leaving = at;
        leavesAtMost = slope < 0;
      }
    }
    for (let at = 0; at < axes; at++) {
      this.#values[at] = (this.#values[at] ?? 0) - (this.#direction[at] ?? 0) * (falls ? -least : least);
    }
    if (leaving < 0) {
      if (entering >= 0) this.#state[entering] = falls ? 0 : 1;
      return;
    }
    const left = this.#basis[leaving] ?? -1;
    if (left >= 0) this.#state[left] = leavesAtMost ? 1 : 0;
    const start = falls ? (limit?.[entering] ?? 0) : 0;
    this.#values[leaving] = start + (falls ? -least : least);
    this.#basis[leaving] = entering;
    if (entering >= 0) this.#state[entering] = 2;
    this.#pivot(leaving);
  }

  #setDirection(entering: number): void {
    const { axes, requests } = this.#model;
    for (let at = 0; at < axes; at++) {
      let sum = 0;
      if (entering < 0) sum = this.#inverse[at * axes + (-1 - entering)] ?? 0;
      else
        for (let axis = 0; axis < axes; axis++)
          sum += (this.#inverse[at * axes + axis] ?? 0) * (requests[entering * axes + axis] ?? 0);
      this.#direction[at] = sum;
    }
  }

  #pivot(leaving: number): void {
    const { axes } = this.#model;
    const scale = 1 / (this.#direction[leaving] ?? 1);
    for (let axis = 0; axis < axes; axis++) {
      this.#inverse[leaving * axes + axis] = (this.#inverse[leaving * axes + axis] ?? 0) * scale;
    }
    for (let at = 0; at < axes; at++) {
      const slope = this.#direction[at] ?? 0;
      if (at === leaving || slope === 0) continue;
      for (let axis = 0; axis < axes; axis++) {
        this.#inverse[at * axes + axis] =
          (this.#inverse[at * axes + axis] ?? 0) - slope * (this.#inverse[leaving * axes + axis] ?? 0);
      }
    }
  }

  #setAmounts(offer: number): void {
    const { rows, most } = this.#model;
    const limit = most[offer];
    for (let row = 0; row < rows; row++) this.amounts[row] = this.#state[row] === 1 ? (limit?.[row] ?? 0) : 0;
    this.#basis.forEach((row, at) => {
      if (row >= 0) this.amounts[row] = Math.min(limit?.[row] ?? 0, Math.max(0, this.#values[at] ?? 0));
    });
  }

  /** Σ price × room + Σ what is worth more than its price: true for any prices ≥ 0. */
  #bound(offer: number, worth: Float64Array): number {
    const { axes, rows, requests, most, capacities } = this.#model;
    const limit = most[offer];
    let bound = 0;
    for (let axis = 0; axis < axes; axis++) {
      this.#inner[axis] = Math.max(0, this.#inner[axis] ?? 0);
      bound += (this.#inner[axis] ?? 0) * (capacities[offer * axes + axis] ?? 0);
      this.prices[axis] = (this.#inner[axis] ?? 0) / (this.#unit[axis] ?? 1);
    }
    this.#steps += rows;
    for (let row = 0; row < rows; row++) {
      const pods = limit?.[row] ?? 0;
      if (pods === 0) continue;
      let surplus = worth[row] ?? 0;
      for (let axis = 0, i = row * axes; axis < axes; axis++, i++)
        surplus -= (this.#inner[axis] ?? 0) * (requests[i] ?? 0);
      if (surplus > 0) bound += surplus * pods;
    }
    return bound;
  }
}

/** Per axis the power of two that is next above the most that a node has: bytes beside GPUs would leave pivots of 1e-11. */
function unitsOf({ axes, offers, capacities }: PackingModel): Float64Array {
  const units = new Float64Array(axes);
  for (let offer = 0; offer < offers; offer++) {
    for (let axis = 0; axis < axes; axis++)
      units[axis] = Math.max(units[axis] ?? 0, capacities[offer * axes + axis] ?? 0);
  }
  return units.map((most) => 2 ** Math.ceil(Math.log2(Math.max(1, most))));
}

function inLikeUnits(model: PackingModel, units: Float64Array): PackingModel {
  return { ...model, requests: scaled(model.requests, units), capacities: scaled(model.capacities, units) };
}

function scaled(amounts: Float64Array, units: Float64Array): Float64Array {
  const out = amounts.slice();
  for (let axis = 0; axis < units.length; axis++) {
    const part = 1 / (units[axis] ?? 1);
    for (let at = axis; at < out.length; at += units.length) out[at] = (out[at] ?? 0) * part;
  }
  return out;
}
