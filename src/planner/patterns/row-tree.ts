// Finds the row of most score among those that fit into the room that is left, for a score that is linear in the requests:
// a k-d tree over the requests, whose boxes are passed over when nothing in them fits or scores more. With thousands of
// shapes it looks at a few dozen; with a handful it is one leaf. Boxes shrink to the rows that have pods left, as the biggest
// rows go first. Above 250 lines because building, shrinking and searching work on the same columns.
import type { PackingModel } from '../bounds/packing-model.ts';

/** Fewer boxes to ask against fewer rows looked at in vain: 8 to 16 measure alike. */
const LEAF_ROWS = 12;

export interface RoomLeft {
  /** Per axis. */
  readonly room: Float64Array;
  readonly exclusionRoom: Int32Array;
  /** Pods of each row still to be placed. */
  readonly left: Int32Array;
  /** Pods of each row on this node. */
  readonly taken: Int32Array;
  /** Most pods of each row on one node of the offer. */
  readonly most: Int32Array;
  /** Score per unit of each axis. */
  readonly weights: Float64Array;
}

export class RowTree {
  readonly #model: PackingModel;
  readonly #order: Int32Array;
  /** Requests of the rows in `order`, so that a leaf reads them one after another. */
  readonly #requests: Float64Array;
  /** Per row: where it is in `order`. */
  readonly #at: Int32Array;
  /** Per box: first in `order`, and end of those with pods left; children (0 = leaf), parent, rows with pods left. */
  readonly #first: Int32Array;
  readonly #end: Int32Array;
  readonly #low: Int32Array;
  readonly #high: Int32Array;
  readonly #parent: Int32Array;
  readonly #alive: Int32Array;
  /** Per box and axis: least and most request of those rows. */
  readonly #least: Float64Array;
  readonly #most: Float64Array;
  readonly #leafOf: Int32Array;
  #boxes = 0;
  #best = -1;
  #bestScore = 0;
  #steps = 0;

  /** Of the rows that `takes` says, which are in ascending order; closing others does nothing. */
  constructor(model: PackingModel, takes: Int32Array) {
    const { axes, requests } = model;
    const rows = takes.length;
    // Halving gives leaves of more than LEAF_ROWS / 2 rows, unless all rows of a box are equal.
    const boxesMax = 4 * Math.ceil(rows / LEAF_ROWS) + 1;
    this.#model = model;
    this.#order = takes.slice();
    this.#at = new Int32Array(model.rows);
    this.#first = new Int32Array(boxesMax);
    this.#end = new Int32Array(boxesMax);
    this.#low = new Int32Array(boxesMax);
    this.#high = new Int32Array(boxesMax);
    this.#parent = new Int32Array(boxesMax);
    this.#alive = new Int32Array(boxesMax);
    this.#least = new Float64Array(boxesMax * axes);
    this.#most = new Float64Array(boxesMax * axes);
    this.#leafOf = new Int32Array(model.rows).fill(-1);
    this.#requests = new Float64Array(rows * axes);
    if (rows > 0) this.#build(0, rows, -1);
    for (let at = 0; at < rows; at++) {
      const row = this.#order[at] ?? 0;
      this.#at[row] = at;
      for (let axis = 0; axis < axes; axis++) this.#requests[at * axes + axis] = requests[row * axes + axis] ?? 0;
    }
  }

  /** Tells that no pod of `row` is left; once for each row. */
  close(row: number): void {
    const leaf = this.#leafOf[row] ?? -1;
    if (leaf < 0) return;
    const last = (this.#end[leaf] ?? 0) - 1;
    const at = this.#at[row] ?? 0;
    const { axes } = this.#model;
    if (at !== last) {
      const other = this.#order[last] ?? 0;
      this.#order[at] = other;
      this.#order[last] = row;
      this.#at[other] = at;
      this.#at[row] = last;
      // What is closed is not looked at again: its requests need no place.
      for (let axis = 0; axis < axes; axis++) {
        this.#requests[at * axes + axis] = this.#requests[last * axes + axis] ?? 0;
      }
    }
    this.#end[leaf] = last;
    this.#alive[leaf] = (this.#alive[leaf] ?? 0) - 1;
    this.#shrinkLeaf(leaf);
    for (let box = this.#parent[leaf] ?? -1; box >= 0; box = this.#parent[box] ?? -1) {
      this.#alive[box] = (this.#alive[box] ?? 0) - 1;
      this.#shrinkBox(box);
    }
    if (row === this.#best) this.#best = -1;
  }

  /** The row of most score of which one more pod fits, the lower row of equals; -1: none fits. */
  find(of: RoomLeft): number {
    // What was best last time is often good again, and what is worse than it need not be looked at.
    const hint = this.#best;
    this.#best = -1;
    this.#bestScore = -1;
    if (hint >= 0) this.#look(this.#at[hint] ?? 0, of);
    if (this.#boxes > 0) this.#visit(0, of);
    return this.#best;
  }

  takeSteps(): number {
    const steps = this.#steps;
    this.#steps = 0;
    return steps;
  }

  #build(first: number, end: number, parent: number): number {
    const box = this.#boxes++;
    this.#first[box] = first;
    this.#end[box] = end;
    this.#parent[box] = parent;
    this.#alive[box] = end - first;
    const axis = this.#measure(box);
    if (end - first <= LEAF_ROWS || axis < 0) {
      for (let at = first; at < end; at++) this.#leafOf[this.#order[at] ?? 0] = box;
      return box;
    }
    const middle = (first + end) >>> 1;
    this.#part({ first, end, middle, axis });
    this.#low[box] = this.#build(first, middle, box);
    this.#high[box] = this.#build(middle, end, box);
    return box;
  }

  /** Puts rows before `middle` that ask for no less of `axis` than those from it on (Hoare's selection). */
  #part(of: { readonly first: number; readonly end: number; readonly middle: number; readonly axis: number }): void {
    const { middle, axis } = of;
    const { axes, requests } = this.#model;
    const order = this.#order;
    let low = of.first;
    let high = of.end - 1;
    while (low < high) {
      const pivot = requests[(order[(low + high) >>> 1] ?? 0) * axes + axis] ?? 0;
      let left = low;
      let right = high;
      while (left <= right) {
        while ((requests[(order[left] ?? 0) * axes + axis] ?? 0) > pivot) left++;
        while ((requests[(order[right] ?? 0) * axes + axis] ?? 0) < pivot) right--;
        if (left > right) break;
        const row = order[left] ?? 0;
        order[left++] = order[right] ?? 0;
        order[right--] = row;
      }
      if (middle <= right) high = right;
      else if (middle >= left) low = left;
      else return;
    }
  }

  /** Notes the box's extent; the axis along which it is widest, -1 when all its rows are equal. */
  #measure(box: number): number {
    const { axes, requests } = this.#model;
    const end = this.#end[box] ?? 0;
    let widest = -1;
    let width = 0;
    for (let axis = 0; axis < axes; axis++) {
      let least = Infinity;
      let most = 0;
      for (let at = this.#first[box] ?? 0; at < end; at++) {
        const request = requests[(this.#order[at] ?? 0) * axes + axis] ?? 0;
        if (request < least) least = request;
        if (request > most) most = request;
      }
      this.#least[box * axes + axis] = least;
      this.#most[box * axes + axis] = most;
      // Relative, as axes have units of their own.
      const spread = most > 0 ? (most - least) / most : 0;
      if (spread <= width) continue;
      width = spread;
      widest = axis;
    }
    return widest;
  }

  #shrinkLeaf(leaf: number): void {
    const { axes } = this.#model;
    const first = this.#first[leaf] ?? 0;
    const end = this.#end[leaf] ?? 0;
    for (let axis = 0; axis < axes; axis++) {
      let least = Infinity;
      let most = 0;
      for (let at = first; at < end; at++) {
        const request = this.#requests[at * axes + axis] ?? 0;
        if (request < least) least = request;
        if (request > most) most = request;
      }
      this.#least[leaf * axes + axis] = least;
      this.#most[leaf * axes + axis] = most;
    }
  }

  #shrinkBox(box: number): void {
    const { axes } = this.#model;
    const low = (this.#low[box] ?? 0) * axes;
    const high = (this.#high[box] ?? 0) * axes;
    for (let axis = 0; axis < axes; axis++) {
      this.#least[box * axes + axis] = Math.min(this.#least[low + axis] ?? 0, this.#least[high + axis] ?? 0);
      this.#most[box * axes + axis] = Math.max(this.#most[low + axis] ?? 0, this.#most[high + axis] ?? 0);
    }
  }

  #visit(box: number, of: RoomLeft): void {
    const low = this.#low[box] ?? 0;
    if (low === 0) return this.#visitLeaf(box, of);
    const high = this.#high[box] ?? 0;
    const lowScore = this.#scoreMax(low, of);
    const highScore = this.#scoreMax(high, of);
    if (lowScore >= highScore) {
      if (lowScore >= this.#bestScore && lowScore >= 0) this.#visit(low, of);
      if (highScore >= this.#bestScore && highScore >= 0) this.#visit(high, of);
    } else {
      if (highScore >= this.#bestScore && highScore >= 0) this.#visit(high, of);
      if (lowScore >= this.#bestScore && lowScore >= 0) this.#visit(low, of);
    }
  }

  /** No row of the box scores more; -1: nothing of it fits. */
  #scoreMax(box: number, { room, weights }: RoomLeft): number {
    if (this.#alive[box] === 0) return -1;
    const { axes } = this.#model;
    this.#steps += axes;
    let score = 0;
    for (let axis = 0, at = box * axes; axis < axes; axis++, at++) {
      const space = room[axis] ?? 0;
      if ((this.#least[at] ?? 0) > space) return -1;
      const most = this.#most[at] ?? 0;
      score += (weights[axis] ?? 0) * (most < space ? most : space);
    }
    return score;
  }

  #visitLeaf(box: number, of: RoomLeft): void {
    const end = this.#end[box] ?? 0;
    for (let at = this.#first[box] ?? 0; at < end; at++) this.#look(at, of);
  }

  /** Takes the row at `at` of `order` for the best, if it is. */
  #look(at: number, { room, weights, taken, left, most, exclusionRoom }: RoomLeft): void {
    const { axes, rowExclusion } = this.#model;
    this.#steps += axes;
    let score = 0;
    for (let axis = 0, i = at * axes; axis < axes; axis++, i++) {
      const request = this.#requests[i] ?? 0;
      if (request > (room[axis] ?? 0)) return;
      score += (weights[axis] ?? 0) * request;
    }
    if (score < this.#bestScore) return;
    const row = this.#order[at] ?? 0;
    if (score === this.#bestScore && row > this.#best) return;
    const there = taken[row] ?? 0;
    if ((left[row] ?? 0) <= there || (most[row] ?? 0) <= there) return;
    const exclusion = rowExclusion[row] ?? -1;
    if (exclusion >= 0 && (exclusionRoom[exclusion] ?? 0) < 1) return;
    this.#bestScore = score;
    this.#best = row;
  }
}
