// Finds the row of most score among those that fit into the room that is left, for a score that is linear in the requests:
// a k-d tree over the requests, whose boxes are passed over when nothing in them fits or scores more. With thousands of
// shapes it looks at a few dozen; with a handful it is one leaf.
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
  /** Per box: first and end in `order`, children (0 = leaf), parent, rows with pods left. */
  readonly #first: Int32Array;
  readonly #end: Int32Array;
  readonly #low: Int32Array;
  readonly #high: Int32Array;
  readonly #parent: Int32Array;
  readonly #alive: Int32Array;
  /** Per box and axis: least and most request. */
  readonly #least: Float64Array;
  readonly #most: Float64Array;
  readonly #leafOf: Int32Array;
  #boxes = 0;
  #best = -1;
  #bestScore = 0;
  #steps = 0;

  constructor(model: PackingModel) {
    // Halving gives leaves of more than LEAF_ROWS / 2 rows, unless all rows of a box are equal.
    const boxesMax = 4 * Math.ceil(model.rows / LEAF_ROWS) + 1;
    this.#model = model;
    this.#order = Int32Array.from({ length: model.rows }, (_, row) => row);
    this.#first = new Int32Array(boxesMax);
    this.#end = new Int32Array(boxesMax);
    this.#low = new Int32Array(boxesMax);
    this.#high = new Int32Array(boxesMax);
    this.#parent = new Int32Array(boxesMax);
    this.#alive = new Int32Array(boxesMax);
    this.#least = new Float64Array(boxesMax * model.axes);
    this.#most = new Float64Array(boxesMax * model.axes);
    this.#leafOf = new Int32Array(model.rows);
    if (model.rows > 0) this.#build(0, model.rows, -1);
    const { axes, requests } = model;
    this.#requests = new Float64Array(model.rows * axes);
    this.#order.forEach((row, at) => this.#requests.set(requests.subarray(row * axes, row * axes + axes), at * axes));
  }

  /** Tells that no pod of `row` is left. */
  close(row: number): void {
    for (let box = this.#leafOf[row] ?? -1; box >= 0; box = this.#parent[box] ?? -1) {
      this.#alive[box] = (this.#alive[box] ?? 0) - 1;
    }
  }

  /** The row of most score of which one more pod fits, the lower row of equals; -1: none fits. */
  find(of: RoomLeft): number {
    this.#best = -1;
    this.#bestScore = -1;
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
    const { axes, requests } = this.#model;
    const request = (row: number): number => requests[row * axes + axis] ?? 0;
    this.#order.subarray(first, end).sort((a, b) => request(b) - request(a) || a - b);
    const middle = (first + end) >>> 1;
    this.#low[box] = this.#build(first, middle, box);
    this.#high[box] = this.#build(middle, end, box);
    return box;
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
    const { axes, rowExclusion } = this.#model;
    const { room, weights } = of;
    const end = this.#end[box] ?? 0;
    const first = this.#first[box] ?? 0;
    this.#steps += (end - first) * axes;
    for (let at = first, i = first * axes; at < end; at++, i += axes) {
      let score = 0;
      for (let axis = 0; axis < axes; axis++) {
        const request = this.#requests[i + axis] ?? 0;
        if (request > (room[axis] ?? 0)) {
          score = -1;
          break;
        }
        score += (weights[axis] ?? 0) * request;
      }
      if (score < 0 || score < this.#bestScore) continue;
      const row = this.#order[at] ?? 0;
      if (score === this.#bestScore && row > this.#best) continue;
      const taken = of.taken[row] ?? 0;
      if ((of.left[row] ?? 0) <= taken || (of.most[row] ?? 0) <= taken) continue;
      const exclusion = rowExclusion[row] ?? -1;
      if (exclusion >= 0 && (of.exclusionRoom[exclusion] ?? 0) < 1) continue;
      this.#bestScore = score;
      this.#best = row;
    }
  }
}
