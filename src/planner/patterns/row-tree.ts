// Finds the row of most score among those that fit into the room that is left, for a score that is linear in the requests:
// a k-d tree over the requests, whose boxes are passed over when nothing in them fits or scores more. With thousands of
// shapes it looks at a few dozen; with a handful it is one leaf.
import type { PackingModel } from '../bounds/packing-model.ts';

const LEAF_ROWS = 8;

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
  /** Per box: first and end in `order`, children (0 = leaf), least and most request per axis, rows with pods left. */
  readonly #first: number[] = [];
  readonly #end: number[] = [];
  readonly #low: number[] = [];
  readonly #high: number[] = [];
  readonly #least: number[] = [];
  readonly #most: number[] = [];
  readonly #alive: number[] = [];
  readonly #leafOf: Int32Array;
  readonly #parent: number[] = [];
  #best = -1;
  #bestScore = 0;
  #steps = 0;

  constructor(model: PackingModel) {
    this.#model = model;
    this.#order = Int32Array.from({ length: model.rows }, (_, row) => row);
    this.#leafOf = new Int32Array(model.rows);
    if (model.rows > 0) this.#build(0, model.rows, -1);
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
    if (this.#order.length > 0) this.#visit(0, of);
    return this.#best;
  }

  takeSteps(): number {
    const steps = this.#steps;
    this.#steps = 0;
    return steps;
  }

  #build(first: number, end: number, parent: number): number {
    const { axes, requests } = this.#model;
    const box = this.#first.length;
    this.#first.push(first);
    this.#end.push(end);
    this.#low.push(0);
    this.#high.push(0);
    this.#parent.push(parent);
    this.#alive.push(end - first);
    let widest = 0;
    let width = 0;
    for (let axis = 0; axis < axes; axis++) {
      let least = Infinity;
      let most = 0;
      for (let at = first; at < end; at++) {
        const request = requests[(this.#order[at] ?? 0) * axes + axis] ?? 0;
        least = Math.min(least, request);
        most = Math.max(most, request);
      }
      this.#least.push(least);
      this.#most.push(most);
      // Relative, as axes have units of their own.
      const spread = most > 0 ? (most - least) / most : 0;
      if (spread > width) {
        width = spread;
        widest = axis;
      }
    }
    if (end - first <= LEAF_ROWS || width === 0) {
      for (let at = first; at < end; at++) this.#leafOf[this.#order[at] ?? 0] = box;
      return box;
    }
    const request = (row: number): number => requests[row * axes + widest] ?? 0;
    this.#order.subarray(first, end).sort((a, b) => request(b) - request(a) || a - b);
    const middle = (first + end) >>> 1;
    this.#low[box] = this.#build(first, middle, box);
    this.#high[box] = this.#build(middle, end, box);
    return box;
  }

  #visit(box: number, of: RoomLeft): void {
    const low = this.#low[box] ?? 0;
    if (low === 0) {
      this.#visitLeaf(box, of);
      return;
    }
    const high = this.#high[box] ?? 0;
    const lowScore = this.#scoreMax(low, of);
    const highScore = this.#scoreMax(high, of);
    const lowFirst = lowScore >= highScore;
    if (Math.max(lowScore, highScore) >= this.#bestScore && Math.max(lowScore, highScore) >= 0)
      this.#visit(lowFirst ? low : high, of);
    const other = Math.min(lowScore, highScore);
    if (other >= this.#bestScore && other >= 0) this.#visit(lowFirst ? high : low, of);
  }

  /** No row of the box scores more; -1: nothing of it fits. */
  #scoreMax(box: number, { room, weights }: RoomLeft): number {
    if ((this.#alive[box] ?? 0) === 0) return -1;
    const { axes } = this.#model;
    this.#steps += axes;
    let score = 0;
    for (let axis = 0, at = box * axes; axis < axes; axis++, at++) {
      const space = room[axis] ?? 0;
      if ((this.#least[at] ?? 0) > space) return -1;
      score += (weights[axis] ?? 0) * Math.min(this.#most[at] ?? 0, space);
    }
    return score;
  }

  #visitLeaf(box: number, of: RoomLeft): void {
    const { axes, requests, rowExclusion } = this.#model;
    const end = this.#end[box] ?? 0;
    for (let at = this.#first[box] ?? 0; at < end; at++) {
      const row = this.#order[at] ?? 0;
      const taken = of.taken[row] ?? 0;
      if ((of.left[row] ?? 0) <= taken || (of.most[row] ?? 0) <= taken) continue;
      const exclusion = rowExclusion[row] ?? -1;
      if (exclusion >= 0 && (of.exclusionRoom[exclusion] ?? 0) < 1) continue;
      let score = 0;
      for (let axis = 0, i = row * axes; axis < axes; axis++, i++) {
        const request = requests[i] ?? 0;
        if (request > (of.room[axis] ?? 0)) {
          score = -1;
          break;
        }
        score += (of.weights[axis] ?? 0) * request;
      }
      if (score > this.#bestScore || (score === this.#bestScore && score >= 0 && row < this.#best)) {
        this.#bestScore = score;
        this.#best = row;
      }
    }
    this.#steps += (end - (this.#first[box] ?? 0)) * axes;
  }
}
