// A better filling of one node where the depth-first search of price-node.ts came to none: row by row, all fillings that are promising,
// those with the same room left as one, and of too many of them those that could still be worth most (a beam). With hundreds of
// pods per node or GPUs beside it finds in a millisecond what the depth-first search does not find in a second. Sets of pods
// that share no node are not looked at while searching: what breaks them is taken off at the end. Above 250 lines because every
// step works on the same columns.
import type { PackingModel } from './packing-model.ts';

const NOISE = 1e-10;
/** Fillings noted between two selections, in parts of those that are kept. */
const NOTED = 4;

export interface SearchAsked {
  readonly offer: number;
  readonly worth: Float64Array;
  /** Worth per unit of each axis, 0 or more. */
  readonly prices: Float64Array;
  /** Rows that are worth something, by worth per price, the highest first; and what that is, per row. */
  readonly order: Int32Array;
  readonly density: Float64Array;
  /** Most pods of each row. */
  readonly most: Int32Array;
  /** Fillings that are carried from row to row. */
  readonly states: number;
  /** What is known to be had. */
  readonly best: number;
}

/** Pods of each row, and what they are worth: above `best`, else undefined; and the steps that it took. */
export function searchNode(
  model: PackingModel,
  asked: SearchAsked,
): { readonly amounts: Int32Array | undefined; readonly worth: number; readonly steps: number } {
  const beam = new Beam(model, asked);
  for (let depth = 0; depth < asked.order.length && beam.isOpen; depth++) beam.advance(depth);
  const amounts = beam.bestAmounts();
  if (amounts === undefined) return { amounts, worth: asked.best, steps: beam.steps };
  let worth = 0;
  amounts.forEach((pods, row) => (worth += pods * (asked.worth[row] ?? 0)));
  return worth > asked.best + NOISE
    ? { amounts, worth, steps: beam.steps }
    : { amounts: undefined, worth: asked.best, steps: beam.steps };
}

/** Fillings side by side. */
interface States {
  count: number;
  readonly room: Float64Array;
  readonly worth: Float64Array;
  /** What they could come to. */
  readonly most: Float64Array;
  /** Latest pods taken: index into the links, -1: none. */
  readonly link: Int32Array;
}

class Beam {
  readonly #model: PackingModel;
  readonly #asked: SearchAsked;
  readonly #rest: Rest;
  /** States by room, open addressing. */
  readonly #slots: Int32Array;
  /** Per pods taken: what was taken before, of which row and how many. */
  readonly #before: number[] = [];
  readonly #row: number[] = [];
  readonly #taken: number[] = [];
  #now: States;
  #next: States;
  #best: number;
  #bestLink = -1;
  steps = 0;

  constructor(model: PackingModel, asked: SearchAsked) {
    const { axes, capacities } = model;
    this.#model = model;
    this.#asked = asked;
    this.#rest = restOf(model, asked);
    const most = NOTED * asked.states;
    this.#slots = new Int32Array(2 * most);
    this.#now = newStates(axes, most);
    this.#next = newStates(axes, most);
    this.#now.count = 1;
    this.#now.link[0] = -1;
    for (let axis = 0; axis < axes; axis++) this.#now.room[axis] = capacities[asked.offer * axes + axis] ?? 0;
    this.#best = asked.best;
    this.steps = 2 * asked.order.length * axes;
  }

  get isOpen(): boolean {
    return this.#now.count > 0;
  }

  /** All states with none, one, … as many as fit of the row at `depth`. */
  advance(depth: number): void {
    const { axes, requests } = this.#model;
    const row = this.#asked.order[depth] ?? 0;
    const gain = this.#asked.worth[row] ?? 0;
    const limit = this.#asked.most[row] ?? 0;
    const now = this.#now;
    const next = this.#next;
    next.count = 0;
    this.#slots.fill(-1);
    for (let state = 0; state < now.count; state++) {
      const from = state * axes;
      let pods = limit;
      for (let axis = 0, i = row * axes; axis < axes; axis++, i++) {
        const request = requests[i] ?? 0;
        const room = now.room[from + axis] ?? 0;
        if (request * pods > room) pods = Math.floor(room / request);
      }
      this.steps += 3 * axes * (pods + 1);
      const worth = now.worth[state] ?? 0;
      for (let taken = pods; taken >= 0; taken--) {
        if (next.count >= next.worth.length) this.#select();
        const to = next.count * axes;
        for (let axis = 0, i = row * axes; axis < axes; axis++, i++) {
          next.room[to + axis] = (now.room[from + axis] ?? 0) - taken * (requests[i] ?? 0);
        }
        const own = worth + taken * gain;
        const most = own + this.#mostOfRest(to, depth + 1);
        if (own <= this.#best && most <= this.#best + NOISE) continue;
        this.#note(own, { most, row, taken, link: now.link[state] ?? -1 });
      }
    }
    if (next.count > this.#asked.states) this.#select();
    this.#now = next;
    this.#next = now;
  }

  /** Per row, of the best filling; undefined: nothing is better than what was known. */
  bestAmounts(): Int32Array | undefined {
    if (this.#bestLink < 0) return undefined;
    const { rows, rowExclusion, exclusionMax } = this.#model;
    const amounts = new Int32Array(rows);
    const room = exclusionMax.slice();
    for (let link = this.#bestLink; link >= 0; link = this.#before[link] ?? -1) {
      const row = this.#row[link] ?? 0;
      const exclusion = rowExclusion[row] ?? -1;
      const pods = exclusion < 0 ? (this.#taken[link] ?? 0) : Math.min(this.#taken[link] ?? 0, room[exclusion] ?? 0);
      if (exclusion >= 0) room[exclusion] = (room[exclusion] ?? 0) - pods;
      amounts[row] = pods;
    }
    return amounts;
  }

  /** What the rows from `depth` on can add to the state whose room stands at `at`, at most: its room at its prices, times the best worth
   *  per price. Room of which no row takes as little adds nothing, and neither do rows that ask for it. */
  #mostOfRest(at: number, depth: number): number {
    const { axes } = this.#model;
    const { prices } = this.#asked;
    const { density, without, least } = this.#rest;
    const { room } = this.#next;
    let best = density[depth] ?? 0;
    let left = 0;
    for (let axis = 0, i = depth * axes; axis < axes; axis++, i++) {
      const price = prices[axis] ?? 0;
      if (price <= 0) continue;
      const space = room[at + axis] ?? 0;
      if ((least[i] ?? 0) <= space) left += space * price;
      else if ((without[i] ?? 0) < best) best = without[i] ?? 0;
    }
    // Rows that ask for nothing that has a price fit into no room at all.
    return best === Infinity ? Infinity : best * left;
  }

  /** Keeps the state that stands behind the last one, unless one with the same room is worth as much. */
  #note(
    worth: number,
    of: { readonly most: number; readonly row: number; readonly taken: number; readonly link: number },
  ): void {
    const next = this.#next;
    const slot = this.#slotOf(next.count);
    const known = this.#slots[slot] ?? -1;
    if (known >= 0 && (next.worth[known] ?? 0) >= worth) return;
    const state = known < 0 ? next.count++ : known;
    let { link } = of;
    if (of.taken > 0) {
      this.#before.push(link);
      this.#row.push(of.row);
      link = this.#taken.push(of.taken) - 1;
    }
    this.#slots[slot] = state;
    next.worth[state] = worth;
    next.most[state] = of.most;
    next.link[state] = link;
    if (worth <= this.#best) return;
    this.#best = worth;
    this.#bestLink = link;
  }

  /** Where a state with the room of `state` stands or would. */
  #slotOf(state: number): number {
    const { axes } = this.#model;
    const { room } = this.#next;
    const slots = this.#slots;
    const at = state * axes;
    let hash = 0;
    for (let axis = 0; axis < axes; axis++) {
      const left = room[at + axis] ?? 0;
      hash = Math.imul(hash ^ (left | 0) ^ Math.floor(left / 2 ** 32), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    for (let slot = (hash >>> 0) % slots.length; ; slot = slot + 1 === slots.length ? 0 : slot + 1) {
      const known = slots[slot] ?? -1;
      if (known < 0) return slot;
      let same = true;
      for (let axis = 0; axis < axes && same; axis++) same = room[known * axes + axis] === room[at + axis];
      if (same) return slot;
    }
  }

  /** Of the next states, those that could be worth most. */
  #select(): void {
    const { axes } = this.#model;
    const { states } = this.#asked;
    const next = this.#next;
    const ranked = next.most.slice(0, next.count);
    const least = nth(ranked, Math.max(0, next.count - states));
    this.steps += next.count * (axes + 6);
    let kept = 0;
    for (let state = 0; state < next.count && kept < states; state++) {
      if ((next.most[state] ?? 0) < least) continue;
      for (let axis = 0; axis < axes; axis++) next.room[kept * axes + axis] = next.room[state * axes + axis] ?? 0;
      next.worth[kept] = next.worth[state] ?? 0;
      next.most[kept] = next.most[state] ?? 0;
      next.link[kept] = next.link[state] ?? -1;
      kept++;
    }
    next.count = 0;
    this.#slots.fill(-1);
    for (; next.count < kept; next.count++) this.#slots[this.#slotOf(next.count)] = next.count;
  }
}

/** What is known of the rows from each depth on. */
interface Rest {
  /** Per depth: the most worth per price. */
  readonly density: Float64Array;
  /** Per depth and axis: that of the rows that ask nothing of the axis. */
  readonly without: Float64Array;
  /** Per depth and axis: the least that a row asks for which asks for any. */
  readonly least: Float64Array;
}

function restOf({ axes, requests }: PackingModel, { order, density: of }: SearchAsked): Rest {
  const depths = order.length + 1;
  const density = new Float64Array(depths);
  const without = new Float64Array(depths * axes);
  const least = new Float64Array(depths * axes).fill(Infinity);
  for (let depth = depths - 2; depth >= 0; depth--) {
    const row = order[depth] ?? 0;
    const own = of[row] ?? 0;
    density[depth] = own;
    for (let axis = 0, i = depth * axes; axis < axes; axis++, i++) {
      const request = requests[row * axes + axis] ?? 0;
      without[i] = request > 0 ? (without[i + axes] ?? 0) : Math.max(own, without[i + axes] ?? 0);
      least[i] = request > 0 ? Math.min(request, least[i + axes] ?? 0) : (least[i + axes] ?? 0);
    }
  }
  return { density, without, least };
}

/** The value that stands at `place` when `values` are in order; they are moved around. */
function nth(values: Float64Array, place: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const pivot = values[(low + high) >>> 1] ?? 0;
    let i = low;
    let j = high;
    while (i <= j) {
      while ((values[i] ?? 0) < pivot) i++;
      while ((values[j] ?? 0) > pivot) j--;
      if (i > j) break;
      const kept = values[i] ?? 0;
      values[i++] = values[j] ?? 0;
      values[j--] = kept;
    }
    if (place <= j) high = j;
    else if (place >= i) low = i;
    else break;
  }
  return values[place] ?? 0;
}

/** One more room than states: where the next one is tried. */
function newStates(axes: number, most: number): States {
  return {
    count: 0,
    room: new Float64Array((most + 1) * axes),
    worth: new Float64Array(most),
    most: new Float64Array(most),
    link: new Int32Array(most),
  };
}
