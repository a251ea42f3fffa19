// The most that a node can be worth, proven where the search of price-node.ts could not: row by row, all fillings that could
// still be worth more than a given goal, those with the same room left as one. Gives up with a bound that is still true when
// there are too many of them. Sets of pods that share no node are not looked at: without them a node is worth more at most.
import type { PackingModel } from './packing-model.ts';

/** Fillings that are told apart: 8 MiB with four axes. */
const STATES_MAX = 100_000;
const NOISE = 1e-10;

interface States {
  count: number;
  /** Per state and axis. */
  readonly room: Float64Array;
  readonly worth: Float64Array;
}

export interface ProofAsked {
  readonly offer: number;
  readonly worth: Float64Array;
  /** Worth per unit of each axis, 0 or more: what is left of a node is worth no more than its room at these prices, once the rows
   *  are taken in order of their worth per price. */
  readonly prices: Float64Array;
  /** Below it nothing is of interest. */
  readonly goal: number;
  /** Default: STATES_MAX. */
  readonly statesMax?: number;
}

/** No filling of the offer is worth more than this, or than the goal, whichever is more; and the steps that it took. */
export function proveNode(
  model: PackingModel,
  asked: ProofAsked,
): { readonly worthMax: number; readonly steps: number } {
  const { axes, requests, capacities } = model;
  const { offer, goal } = asked;
  // Axes that cost nothing are left out: without their limits a node is worth more at most.
  const isPriced = Array.from({ length: axes }, (_, axis) => (asked.prices[axis] ?? 0) > 0);
  const { rows, density } = byDensity(model, asked);
  // No more than there can be: small nodes need small columns.
  const statesMax = rows.reduce(
    (most, row) => Math.min(most * (1 + (model.most[offer]?.[row] ?? 0)), asked.statesMax ?? STATES_MAX),
    1,
  );
  let now = newStates(axes, statesMax);
  let next = newStates(axes, statesMax);
  const slots = new Int32Array(4 * statesMax);
  now.count = 1;
  isPriced.forEach((priced, axis) => (now.room[axis] = priced ? (capacities[offer * axes + axis] ?? 0) : 0));
  let best = goal;
  let steps = 0;
  for (const [depth, row] of rows.entries()) {
    const after = density[depth + 1] ?? 0;
    slots.fill(-1);
    next.count = 0;
    for (let state = 0; state < now.count; state++) {
      const from = state * axes;
      let pods = model.most[offer]?.[row] ?? 0;
      for (let axis = 0; axis < axes; axis++) {
        const request = requests[row * axes + axis] ?? 0;
        if (request > 0 && isPriced[axis] === true)
          pods = Math.min(pods, Math.floor((now.room[from + axis] ?? 0) / request));
      }
      for (let taken = 0; taken <= pods; taken++) {
        steps += axes;
        const worth = (now.worth[state] ?? 0) + taken * (asked.worth[row] ?? 0);
        let left = 0;
        const to = next.count * axes;
        for (let axis = 0; axis < axes; axis++) {
          const request = isPriced[axis] === true ? (requests[row * axes + axis] ?? 0) : 0;
          const room = (now.room[from + axis] ?? 0) - taken * request;
          next.room[to + axis] = room;
          left += room * (asked.prices[axis] ?? 0);
        }
        if (worth > best) best = worth;
        if (worth + after * left <= best + NOISE) continue;
        if (!keep(next, { axes, worth, slots }))
          return { worthMax: openBound(now, { model, asked, best, density: density[depth] ?? 0 }), steps };
      }
    }
    [now, next] = [next, now];
    if (now.count === 0) break;
  }
  return { worthMax: best, steps };
}

/** Keeps the state that stands behind the last one, unless one with the same room is worth as much. False: full. */
function keep(
  states: States,
  of: { readonly axes: number; readonly worth: number; readonly slots: Int32Array },
): boolean {
  const { axes, worth, slots } = of;
  const at = states.count * axes;
  let hash = 0;
  for (let axis = 0; axis < axes; axis++) {
    const room = states.room[at + axis] ?? 0;
    hash = Math.imul(hash ^ (room | 0) ^ Math.floor(room / 2 ** 32), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  for (let slot = (hash >>> 0) % slots.length; ; slot = (slot + 1) % slots.length) {
    const known = slots[slot] ?? -1;
    if (known < 0) {
      if (states.count >= states.worth.length) return false;
      slots[slot] = states.count;
      states.worth[states.count] = worth;
      states.count += 1;
      return true;
    }
    let same = true;
    for (let axis = 0; axis < axes; axis++)
      if (states.room[known * axes + axis] !== states.room[at + axis]) same = false;
    if (!same) continue;
    states.worth[known] = Math.max(states.worth[known] ?? 0, worth);
    return true;
  }
}

/** What the fillings up to a row could come to at most. */
function openBound(
  states: States,
  of: { readonly model: PackingModel; readonly asked: ProofAsked; readonly best: number; readonly density: number },
): number {
  const { axes } = of.model;
  let most = of.best;
  for (let state = 0; state < states.count; state++) {
    let left = 0;
    for (let axis = 0; axis < axes; axis++)
      left += (states.room[state * axes + axis] ?? 0) * (of.asked.prices[axis] ?? 0);
    most = Math.max(most, (states.worth[state] ?? 0) + of.density * left);
  }
  return most;
}

/** Rows that are worth something, by worth per price, the highest first. */
function byDensity(
  model: PackingModel,
  { offer, worth, prices }: ProofAsked,
): { readonly rows: readonly number[]; readonly density: readonly number[] } {
  const { axes, requests } = model;
  const ranked: { readonly row: number; readonly density: number }[] = [];
  for (let row = 0; row < model.rows; row++) {
    if ((worth[row] ?? 0) <= NOISE || (model.most[offer]?.[row] ?? 0) === 0) continue;
    let paid = 0;
    for (let axis = 0; axis < axes; axis++) paid += (prices[axis] ?? 0) * (requests[row * axes + axis] ?? 0);
    ranked.push({ row, density: paid > 0 ? (worth[row] ?? 0) / paid : Infinity });
  }
  ranked.sort((a, b) => b.density - a.density || a.row - b.row);
  return { rows: ranked.map(({ row }) => row), density: ranked.map(({ density }) => density) };
}

/** One more room than states: where the next one is tried. */
function newStates(axes: number, most: number): States {
  return { count: 0, room: new Float64Array((most + 1) * axes), worth: new Float64Array(most) };
}
