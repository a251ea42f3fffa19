// All pods packed, one kind of node after another, guided by what pods are worth: on each node those that pay most for the
// room that they take, of each offer the node that pays most for its price. As a packing it is a poor one; its fillings are
// what column generation wants, because together they hold every shape, where the best filling of each offer holds the
// same few again and again. Exact where it counts: amounts, limits and exclusions are kept.
import type { FilledNode } from './column-search.ts';
import type { PackingModel } from './packing-model.ts';
import { searchNode } from './search-node.ts';

/** An offer and what its node asks for a unit of each axis. */
export interface Lane {
  readonly offer: number;
  readonly prices: Float64Array;
}

/** The fillings, in the order in which they were made, and the steps that it took. */
export function fillInSequence(
  model: PackingModel,
  /** `prices`: per offer, in any unit; they only rank. */
  of: {
    readonly worth: Float64Array;
    readonly lanes: readonly Lane[];
    readonly prices: Float64Array;
    /** Fillings that are carried along in the search for each node (search-node.ts); 0: the first that comes is taken. */
    readonly states: number;
  },
): { readonly fillings: readonly FilledNode[]; readonly steps: number } {
  const filler = new SequenceFiller(model, of);
  const lanes = of.lanes.map((lane) => filler.open(lane));
  const fillings: FilledNode[] = [];
  for (;;) {
    const next = bestFilling(filler, lanes);
    if (next === undefined) return { fillings, steps: filler.steps };
    filler.takeAll(next);
    fillings.push(next);
  }
}

interface OpenLane {
  readonly offer: number;
  /** Price per unit of each axis. */
  readonly prices: Float64Array;
  /** Per row, what it pays for its room. */
  readonly density: Float64Array;
  /** Rows that may run there and have pods left, those first that pay most for their room. */
  order: Int32Array;
  /** Price per worth of its node when last looked at: it only grows as pods go. */
  ratio: number;
}

/** The node of least price per worth; lanes that were worse before than the best now are not looked at. */
function bestFilling(filler: SequenceFiller, lanes: readonly OpenLane[]): FilledNode | undefined {
  let best: FilledNode | undefined;
  let bestRatio = Infinity;
  for (const lane of lanes.toSorted((a, b) => a.ratio - b.ratio)) {
    if (lane.ratio >= bestRatio) break;
    const filling = filler.fill(lane);
    if (lane.ratio >= bestRatio) continue;
    bestRatio = lane.ratio;
    best = filling;
  }
  return best;
}

class SequenceFiller {
  readonly #model: PackingModel;
  readonly #worth: Float64Array;
  readonly #prices: Float64Array;
  readonly #states: number;
  readonly #left: Int32Array;
  readonly #room: Float64Array;
  readonly #exclusionRoom: Int32Array;
  /** What the filling at hand takes of the rows that are on it. */
  readonly #amounts: Int32Array;
  steps = 0;

  constructor(model: PackingModel, of: Omit<Parameters<typeof fillInSequence>[1], 'lanes'>) {
    this.#model = model;
    this.#worth = of.worth;
    this.#prices = of.prices;
    this.#states = of.states;
    this.#left = model.counts.slice();
    this.#room = new Float64Array(model.axes);
    this.#exclusionRoom = new Int32Array(model.exclusionMax.length);
    this.#amounts = new Int32Array(model.rows);
  }

  open({ offer, prices }: Lane): OpenLane {
    const { axes, rows, requests, most } = this.#model;
    const density = new Float64Array(rows);
    const usable: number[] = [];
    for (let row = 0; row < rows; row++) {
      if ((most[offer]?.[row] ?? 0) === 0 || (this.#worth[row] ?? 0) <= 0) continue;
      let paid = 0;
      for (let axis = 0, i = row * axes; axis < axes; axis++, i++) paid += (prices[axis] ?? 0) * (requests[i] ?? 0);
      density[row] = paid > 0 ? (this.#worth[row] ?? 0) / paid : Infinity;
      usable.push(row);
    }
    this.steps += rows * axes + usable.length * Math.ceil(Math.log2(usable.length + 1));
    usable.sort((a, b) => compare(density[b] ?? 0, density[a] ?? 0) || a - b);
    return { offer, prices, density, order: Int32Array.from(usable), ratio: 0 };
  }

  /** The lane's node, full of what is left; sets its ratio. Nothing is taken yet. */
  fill(lane: OpenLane): FilledNode {
    const { axes, requests, capacities, exclusionMax, most, rowExclusion } = this.#model;
    const { offer, order } = lane;
    const limit = most[offer];
    for (let axis = 0; axis < axes; axis++) this.#room[axis] = capacities[offer * axes + axis] ?? 0;
    this.#exclusionRoom.set(exclusionMax);
    const rows: number[] = [];
    let worth = 0;
    let open = 0;
    for (let at = 0; at < order.length; at++) {
      const row = order[at] ?? 0;
      const left = this.#left[row] ?? 0;
      if (left === 0) continue;
      order[open++] = row;
      let fit = Math.min(left, limit?.[row] ?? 0);
      const exclusion = rowExclusion[row] ?? -1;
      if (exclusion >= 0) fit = Math.min(fit, this.#exclusionRoom[exclusion] ?? 0);
      for (let axis = 0, i = row * axes; axis < axes && fit > 0; axis++, i++) {
        const request = requests[i] ?? 0;
        if (request * fit > (this.#room[axis] ?? 0)) fit = Math.floor((this.#room[axis] ?? 0) / request);
      }
      if (fit <= 0) continue;
      rows.push(row);
      this.#amounts[row] = fit;
      worth += fit * (this.#worth[row] ?? 0);
      if (exclusion >= 0) this.#exclusionRoom[exclusion] = (this.#exclusionRoom[exclusion] ?? 0) - fit;
      for (let axis = 0, i = row * axes; axis < axes; axis++, i++)
        this.#room[axis] = (this.#room[axis] ?? 0) - fit * (requests[i] ?? 0);
    }
    this.steps += order.length * axes;
    lane.order = order.subarray(0, open);
    lane.ratio = worth > 0 ? (this.#prices[offer] ?? 0) / worth : Infinity;
    if (this.#states > 0) {
      const found = this.#search(lane, worth);
      if (found !== undefined) return found;
    }
    rows.sort((a, b) => a - b);
    return { offer, rows: Int32Array.from(rows), amounts: Int32Array.from(rows, (row) => this.#amounts[row] ?? 0) };
  }

  /** A filling of what is left that is worth more; sets the lane's ratio. */
  #search(lane: OpenLane, best: number): FilledNode | undefined {
    const { offer, prices, density, order } = lane;
    const most = this.#model.most[offer]?.map((pods, row) => Math.min(pods, this.#left[row] ?? 0)) ?? new Int32Array();
    const asked = { offer, worth: this.#worth, prices, order, density, most, states: this.#states, best };
    const { amounts, worth, steps } = searchNode(this.#model, asked);
    this.steps += steps;
    if (amounts === undefined) return undefined;
    lane.ratio = (this.#prices[offer] ?? 0) / worth;
    const rows = Int32Array.from([...amounts.keys()].filter((row) => (amounts[row] ?? 0) > 0));
    return { offer, rows, amounts: rows.map((row) => amounts[row] ?? 0) };
  }

  /** Takes the filling as often as its pods are left. */
  takeAll({ rows, amounts }: FilledNode): void {
    const left = this.#left;
    let nodes = Infinity;
    rows.forEach((row, k) => (nodes = Math.min(nodes, Math.floor((left[row] ?? 0) / (amounts[k] ?? 1)))));
    rows.forEach((row, k) => (left[row] = (left[row] ?? 0) - nodes * (amounts[k] ?? 0)));
  }
}

/** As a difference, but for two that are infinite. */
function compare(one: number, other: number): number {
  return one === other ? 0 : one - other;
}
