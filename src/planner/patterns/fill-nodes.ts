// Greedy packing, node by node: each node takes the pod whose requests point most along the room that is left (dot
// product, so that axes run out together), again and again; of all offers the node is taken whose pods are worth most
// for its price; and it is repeated while the same pods are left for it. Costs by shapes and distinct nodes, not by pods. Above 250
// lines because a filling and what it takes are counted in the same scratch columns, which are made once for all nodes.
import type { FilledNode } from '../bounds/column-search.ts';
import type { PackingModel } from '../bounds/packing-model.ts';
import type { SearchBudget } from '../bounds/search-budget.ts';
import type { LimitsLeft } from '../bounds/shared-limit.ts';
import { LimitedRows } from './limited-rows.ts';
import { RowTree, type RoomLeft } from './row-tree.ts';

/** Offers that take so few of the rows have a tree of their own: rows of other zones would be looked at in vain by each node. */
const OWN_TREE_BELOW = 0.75;
/** With more offers, trees of their own would cost more than they save. */
const OWN_TREES_MAX = 16;

/** What a pod is worth at least, in parts of the node's price: one that no axis has a price for must be placed too. */
const WORTH_MIN = 1e-7;

export interface NodesFilled extends FilledNode {
  readonly nodes: number;
}

export interface FillOptions {
  /** Pods to place, per row; what has no place stays in it. */
  readonly left: Int32Array;
  /** Per row, what a pod is worth: decides between offers. */
  readonly worth: Float64Array;
  readonly budget: SearchBudget;
  /** Part of the pods of a shape that still fit that are taken at once: 1 = all, small = one by one. */
  readonly batch: number;
  /** How much a scarce axis counts in the score: 0 all alike, 1 by its demand. */
  readonly scarcity: number;
  /** Per offer, what decides in place of its price, which limits may make dearer. */
  readonly prices?: Float64Array;
  /** What nodes may not exceed together; the nodes are taken off it. */
  readonly limits?: LimitsLeft;
}

/** Fills nodes until all of `left` is placed or nothing more fits anywhere. Always to the end, whatever the budget: each
 *  distinct node uses up a shape, so there are no more of them than shapes, or pods where those are fewer. */
export function fillNodes(model: PackingModel, options: FillOptions): readonly NodesFilled[] {
  const filler = new NodeFiller(model, options);
  const filled: NodesFilled[] = [];
  // Ratio of price to worth when last looked at; it only grows as pods go, so the least is looked at first.
  const ratio = new Float64Array(model.offers);
  const fresh = new Uint8Array(model.offers);
  const { limits, prices = model.prices } = options;
  if (limits !== undefined) closeFull(ratio, limits);
  for (;;) {
    const next = nextNode(filler, { ratio, fresh, prices });
    if (next === undefined) return filled;
    const nodes = filler.take(next);
    limits?.take(next.offer, nodes);
    if (limits?.room(next.offer) === 0) closeFull(ratio, limits);
    filled.push({ ...next, nodes });
  }
}

/** Offers of which there may be no more nodes are not looked at again. */
function closeFull(ratio: Float64Array, limits: LimitsLeft): void {
  for (let offer = 0; offer < ratio.length; offer++) if (limits.room(offer) < 1) ratio[offer] = Infinity;
}

/** The filling of least price per worth; offers looked at earlier are only looked at again when they could win. */
function nextNode(
  filler: NodeFiller,
  of: { readonly ratio: Float64Array; readonly fresh: Uint8Array; readonly prices: Float64Array },
): FilledNode | undefined {
  const { ratio, fresh, prices } = of;
  let best: FilledNode | undefined;
  let bestRatio = Infinity;
  fresh.fill(0);
  for (;;) {
    let offer = -1;
    for (let candidate = 0; candidate < ratio.length; candidate++) {
      if (fresh[candidate] === 1 || (ratio[candidate] ?? 0) >= bestRatio) continue;
      if (offer < 0 || (ratio[candidate] ?? 0) < (ratio[offer] ?? 0)) offer = candidate;
    }
    if (offer < 0) return best;
    fresh[offer] = 1;
    const { filling, worth } = filler.fill(offer);
    ratio[offer] = worth > 0 ? (prices[offer] ?? 0) / worth : Infinity;
    if ((ratio[offer] ?? 0) >= bestRatio) continue;
    bestRatio = ratio[offer] ?? 0;
    best = filling;
  }
}

/** Per offer the tree of rows for its nodes. */
function treesOf(model: PackingModel): readonly RowTree[] {
  let shared: RowTree | undefined;
  return Array.from({ length: model.offers }, (_, offer) => {
    const rows = model.offers > OWN_TREES_MAX ? undefined : rowsOn(model, offer);
    if (rows !== undefined && rows.length < OWN_TREE_BELOW * model.rows) return new RowTree(model, rows);
    return (shared ??= new RowTree(model, rowsOn(model, undefined)));
  });
}

/** Rows of which a node of `offer` takes a pod; undefined: all. */
function rowsOn({ rows, most }: PackingModel, offer: number | undefined): Int32Array {
  const limits = offer === undefined ? undefined : most[offer];
  const taken = new Int32Array(rows);
  let count = 0;
  for (let row = 0; row < rows; row++) if (limits === undefined || (limits[row] ?? 0) > 0) taken[count++] = row;
  return taken.slice(0, count);
}

class NodeFiller {
  readonly #model: PackingModel;
  readonly #options: FillOptions;
  readonly #trees: readonly RowTree[];
  /** Per offer. */
  readonly #treeOf: readonly RowTree[];
  readonly #room: Float64Array;
  readonly #exclusionRoom: Int32Array;
  readonly #taken: Int32Array;
  readonly #weights: Float64Array;
  /** Per axis, how scarce it is on nodes of the offer at hand. */
  readonly #scarce: Float64Array;
  /** Rows of the filling at hand. */
  readonly #rows: Int32Array;
  /** What is left to place, per axis. */
  readonly #demand: Float64Array;
  readonly #limited: LimitedRows;

  constructor(model: PackingModel, options: FillOptions) {
    this.#model = model;
    this.#options = options;
    this.#treeOf = treesOf(model);
    this.#trees = [...new Set(this.#treeOf)];
    this.#limited = new LimitedRows(model, options.left);
    this.#room = new Float64Array(model.axes);
    this.#exclusionRoom = new Int32Array(model.exclusionMax.length);
    this.#taken = new Int32Array(model.rows);
    this.#weights = new Float64Array(model.axes);
    this.#scarce = new Float64Array(model.axes);
    this.#rows = new Int32Array(model.rows);
    this.#demand = new Float64Array(model.axes);
    for (let row = 0; row < model.rows; row++) {
      const count = options.left[row] ?? 0;
      if (count === 0) this.#close(row);
      for (let axis = 0; axis < model.axes; axis++) {
        this.#demand[axis] = (this.#demand[axis] ?? 0) + count * (model.requests[row * model.axes + axis] ?? 0);
      }
    }
  }

  /** One node of `offer`, filled from what is left; nothing is taken yet. */
  fill(offer: number): { readonly filling: FilledNode; readonly worth: number } {
    const { axes, capacities, exclusionMax, most } = this.#model;
    const { left, worth } = this.#options;
    for (let axis = 0; axis < axes; axis++) this.#room[axis] = capacities[offer * axes + axis] ?? 0;
    this.#exclusionRoom.set(exclusionMax);
    const at: RoomLeft = {
      room: this.#room,
      exclusionRoom: this.#exclusionRoom,
      left,
      taken: this.#taken,
      most: most[offer] ?? new Int32Array(),
      weights: this.#weights,
    };
    let count = 0;
    let sum = 0;
    this.#setScarce(offer);
    const first = this.#mustTake(offer, at);
    const tree = this.#treeOf[offer];
    for (;;) {
      this.#setWeights(offer);
      const row = first?.pop() ?? tree?.find(at) ?? -1;
      if (row < 0) break;
      const pods = this.#howMany(row, at);
      if (pods === 0) continue;
      if ((this.#taken[row] ?? 0) === 0) this.#rows[count++] = row;
      this.#put(row, pods);
      sum += pods * Math.max(worth[row] ?? 0, WORTH_MIN * (this.#model.prices[offer] ?? 0));
    }
    this.#options.budget.spend(tree?.takeSteps() ?? 0);
    const rows = this.#rows.slice(0, count).sort();
    const amounts = new Int32Array(count);
    for (let k = 0; k < count; k++) {
      amounts[k] = this.#taken[rows[k] ?? 0] ?? 0;
      this.#taken[rows[k] ?? 0] = 0;
    }
    return { filling: { offer, rows, amounts }, worth: sum };
  }

  /** Takes the pods of `filling` as often as they are left; how often that was. */
  take({ offer, rows, amounts }: FilledNode): number {
    const { left } = this.#options;
    const { axes, requests } = this.#model;
    let nodes = this.#options.limits?.room(offer) ?? Infinity;
    for (let k = 0; k < rows.length; k++) {
      nodes = Math.min(nodes, Math.floor((left[rows[k] ?? 0] ?? 0) / (amounts[k] ?? 1)));
    }
    for (let k = 0; k < rows.length; k++) {
      const row = rows[k] ?? 0;
      const pods = nodes * (amounts[k] ?? 0);
      left[row] = (left[row] ?? 0) - pods;
      this.#limited.take(row, pods);
      if (left[row] === 0) this.#close(row);
      for (let axis = 0; axis < axes; axis++) {
        this.#demand[axis] = (this.#demand[axis] ?? 0) - pods * (requests[row * axes + axis] ?? 0);
      }
    }
    this.#limited.renew();
    return nodes;
  }

  #close(row: number): void {
    for (const tree of this.#trees) tree.close(row);
  }

  /** Of each set of pods that needs every node to come, because only so many of them may share one: the biggest row. */
  #mustTake(offer: number, at: RoomLeft): number[] | undefined {
    if (this.#limited.sets.length === 0) return undefined;
    const nodes = this.#nodesToCome(offer);
    const { axes, requests } = this.#model;
    const must: number[] = [];
    this.#setWeights(offer);
    for (const { rows, max, left } of this.#limited.sets) {
      if (left === 0 || left / max < nodes - 1) continue;
      let biggest = -1;
      let most = -1;
      for (const row of rows) {
        if ((at.left[row] ?? 0) === 0 || (at.most[row] ?? 0) === 0) continue;
        let score = 0;
        for (let axis = 0; axis < axes; axis++) score += (at.weights[axis] ?? 0) * (requests[row * axes + axis] ?? 0);
        if (score <= most) continue;
        most = score;
        biggest = row;
      }
      if (biggest >= 0) must.push(biggest);
    }
    return must;
  }

  /** How scarce each axis is while nothing is taken. */
  #setScarce(offer: number): void {
    const { axes, capacities } = this.#model;
    const { scarcity } = this.#options;
    const nodes = this.#nodesToCome(offer);
    for (let axis = 0; axis < axes; axis++) {
      const capacity = capacities[offer * axes + axis] ?? 0;
      if (capacity === 0) this.#scarce[axis] = 0;
      else if (scarcity === 0) this.#scarce[axis] = 1;
      else this.#scarce[axis] = (nodes > 0 ? (this.#demand[axis] ?? 0) / capacity / nodes : 0) ** scarcity;
    }
  }

  /** Room left of each axis, in parts of the node, times how scarce the axis is. */
  #setWeights(offer: number): void {
    const { axes, capacities } = this.#model;
    for (let axis = 0; axis < axes; axis++) {
      const capacity = capacities[offer * axes + axis] ?? 0;
      const weight = (this.#scarce[axis] ?? 0) * (this.#room[axis] ?? 0);
      this.#weights[axis] = capacity === 0 ? 0 : weight / capacity / capacity;
    }
  }

  /** Least number of nodes of `offer` for what is left. */
  #nodesToCome(offer: number): number {
    const { axes, capacities } = this.#model;
    let nodes = this.#limited.nodes;
    for (let axis = 0; axis < axes; axis++) {
      const capacity = capacities[offer * axes + axis] ?? 0;
      if (capacity > 0) nodes = Math.max(nodes, (this.#demand[axis] ?? 0) / capacity);
    }
    return nodes;
  }

  #howMany(row: number, at: RoomLeft): number {
    const { axes, requests, rowExclusion } = this.#model;
    const taken = this.#taken[row] ?? 0;
    const left = this.#options.left[row] ?? 0;
    let fit = Math.min(left, at.most[row] ?? 0) - taken;
    const exclusion = rowExclusion[row] ?? -1;
    if (exclusion >= 0) fit = Math.min(fit, this.#exclusionRoom[exclusion] ?? 0);
    for (let axis = 0; axis < axes; axis++) {
      const request = requests[row * axes + axis] ?? 0;
      if (request > 0) fit = Math.min(fit, Math.floor((this.#room[axis] ?? 0) / request));
    }
    return Math.ceil(Math.max(0, fit) * this.#options.batch);
  }

  #put(row: number, pods: number): void {
    const { axes, requests, rowExclusion } = this.#model;
    this.#taken[row] = (this.#taken[row] ?? 0) + pods;
    const exclusion = rowExclusion[row] ?? -1;
    if (exclusion >= 0) this.#exclusionRoom[exclusion] = (this.#exclusionRoom[exclusion] ?? 0) - pods;
    for (let axis = 0; axis < axes; axis++) {
      this.#room[axis] = (this.#room[axis] ?? 0) - pods * (requests[row * axes + axis] ?? 0);
    }
  }
}
