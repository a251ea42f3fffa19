// The most that a node can be worth, proven where the search of price-node.ts could not: row by row, all fillings that could
// still be worth more than a given goal, those with the same room left as one; and the filling itself. Gives up with a bound that is still true when
// there are too many of them. Sets of pods that share no node are not looked at: without them a node is worth more at most. Above 250 lines
// because the bound of what may still be added works on the same columns.
import type { PackingModel } from './packing-model.ts';
import { PodTrail } from './pod-trail.ts';

/** Fillings that are told apart: 8 MiB with four axes. */
const STATES_MAX = 100_000;
const NOISE = 1e-10;

interface States {
  count: number;
  /** Per state and axis. */
  readonly room: Float64Array;
  readonly worth: Float64Array;
  /** Per state, where its pods stand in the trail. */
  readonly trail: Int32Array;
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

export interface Proof {
  /** No filling of the offer is worth more than this, or than the goal, whichever is more. */
  readonly worthMax: number;
  /** Pods per row of the filling that is worth most, if that is more than the goal. */
  readonly best: Int32Array | undefined;
  readonly steps: number;
}

/** At first without the axes that cost nothing, which leaves fewer fillings to tell apart; with them where that does not come down to
 *  the goal. */
export function proveNode(model: PackingModel, asked: ProofAsked): Proof {
  const { axes } = model;
  const isPriced = Array.from({ length: axes }, (_, axis) => (asked.prices[axis] ?? 0) > 0);
  const rough = proveOn(model, asked, isPriced);
  if (rough.worthMax <= asked.goal + NOISE) return rough;
  const whole = isPriced.every((priced) => priced) ? rough : proveOn(model, asked, isPriced.fill(true));
  const worthMax = Math.min(rough.worthMax, whole.worthMax);
  return { worthMax, best: whole.best, steps: whole === rough ? rough.steps : rough.steps + whole.steps };
}

/** With the limits of some axes only: without the others a node is worth more at most. */
function proveOn(model: PackingModel, asked: ProofAsked, isPriced: readonly boolean[]): Proof {
  const { axes, requests, capacities } = model;
  const { offer, goal } = asked;
  const { rows, density } = byDensity(model, asked);
  // No more than there can be: small nodes need small columns.
  const statesMax = rows.reduce(
    (most, row) => Math.min(most * (1 + (model.most[offer]?.[row] ?? 0)), asked.statesMax ?? STATES_MAX),
    1,
  );
  let now = newStates(axes, statesMax);
  let next = newStates(axes, statesMax);
  const allSlots = new Int32Array(4 * statesMax);
  now.count = 1;
  isPriced.forEach((priced, axis) => (now.room[axis] = priced ? (capacities[offer * axes + axis] ?? 0) : 0));
  let best = goal;
  let bestAt = -1;
  let steps = 0;
  const trail = new PodTrail();
  const found = (): Int32Array | undefined => (best > goal ? trail.amounts(bestAt, model.rows) : undefined);
  const rest = restOf(model, { rows, density, isPriced });
  for (const [depth, row] of rows.entries()) {
    // As many slots as there can be states now: wiping all of them would cost more than the rest.
    const slots = allSlots.subarray(
      0,
      Math.min(allSlots.length, 4 * now.count * (1 + (model.most[offer]?.[row] ?? 0))),
    );
    slots.fill(-1);
    next.count = 0;
    for (let state = 0; state < now.count; state++) {
      const from = state * axes;
      const pods = fitOf(model, { offer, row, room: now.room, from, isPriced });
      for (let taken = 0; taken <= pods; taken++) {
        steps += axes;
        const worth = (now.worth[state] ?? 0) + taken * (asked.worth[row] ?? 0);
        const to = next.count * axes;
        for (let axis = 0; axis < axes; axis++) {
          const request = isPriced[axis] === true ? (requests[row * axes + axis] ?? 0) : 0;
          next.room[to + axis] = (now.room[from + axis] ?? 0) - taken * request;
        }
        const before = now.trail[state] ?? -1;
        if (worth > best) {
          best = worth;
          bestAt = taken === 0 ? before : trail.add(before, row, taken);
        }
        if (worth + mostOf(rest, { room: next.room, at: to, depth: depth + 1, prices: asked.prices }) <= best + NOISE)
          continue;
        const kept = keep(next, { axes, worth, slots });
        if (kept === 'full') return { worthMax: openBound(now, { asked, best, rest, depth }), best: found(), steps };
        if (kept >= 0) next.trail[kept] = taken === 0 ? before : trail.add(before, row, taken);
      }
    }
    [now, next] = [next, now];
    if (now.count === 0) break;
  }
  return { worthMax: best, best: found(), steps };
}

/** Pods of `row` that fit in the room of a state. */
function fitOf(
  { axes, requests, most }: PackingModel,
  of: {
    readonly offer: number;
    readonly row: number;
    readonly room: Float64Array;
    readonly from: number;
    readonly isPriced: readonly boolean[];
  },
): number {
  let pods = most[of.offer]?.[of.row] ?? 0;
  for (let axis = 0; axis < axes; axis++) {
    const request = requests[of.row * axes + axis] ?? 0;
    if (request > 0 && of.isPriced[axis] === true)
      pods = Math.min(pods, Math.floor((of.room[of.from + axis] ?? 0) / request));
  }
  return pods;
}

/** Keeps the state that stands behind the last one, unless one with the same room is worth as much (-1): where it is now. */
function keep(
  states: States,
  of: { readonly axes: number; readonly worth: number; readonly slots: Int32Array },
): number | 'full' {
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
      if (states.count >= states.worth.length) return 'full';
      slots[slot] = states.count;
      states.worth[states.count] = worth;
      states.count += 1;
      return states.count - 1;
    }
    let same = true;
    for (let axis = 0; axis < axes; axis++)
      if (states.room[known * axes + axis] !== states.room[at + axis]) same = false;
    if (!same) continue;
    if ((states.worth[known] ?? 0) >= worth) return -1;
    states.worth[known] = worth;
    return known;
  }
}

/** What the fillings up to a row could come to at most. */
function openBound(
  states: States,
  of: { readonly asked: ProofAsked; readonly best: number; readonly rest: Rest; readonly depth: number },
): number {
  const { rest, depth } = of;
  let most = of.best;
  for (let state = 0; state < states.count; state++) {
    const room = { room: states.room, at: state * rest.axes, depth, prices: of.asked.prices };
    most = Math.max(most, (states.worth[state] ?? 0) + mostOf(rest, room));
  }
  return most;
}

/** What is known of the rows from each depth on. */
interface Rest {
  readonly axes: number;
  /** Per depth: the most worth per price. */
  readonly density: Float64Array;
  /** Per depth and axis: of the rows that ask nothing of the axis. */
  readonly without: Float64Array;
  /** Per depth, axis and other axis: the least of the other one that a row takes which asks for the axis. */
  readonly least: Float64Array;
}

function restOf(
  model: PackingModel,
  of: { readonly rows: readonly number[]; readonly density: readonly number[]; readonly isPriced: readonly boolean[] },
): Rest {
  const { axes, requests } = model;
  const depths = of.rows.length + 1;
  const density = new Float64Array(depths);
  const without = new Float64Array(depths * axes);
  const least = new Float64Array(depths * axes * axes).fill(Infinity);
  for (let depth = depths - 2; depth >= 0; depth--) {
    const row = of.rows[depth] ?? 0;
    const own = of.density[depth] ?? 0;
    density[depth] = own;
    for (let axis = 0; axis < axes; axis++) {
      const at = depth * axes + axis;
      const asks = of.isPriced[axis] === true && (requests[row * axes + axis] ?? 0) > 0;
      without[at] = asks ? (without[at + axes] ?? 0) : Math.max(own, without[at + axes] ?? 0);
      for (let other = 0; other < axes; other++) {
        const later = least[(at + axes) * axes + other] ?? 0;
        const request = of.isPriced[other] === true ? (requests[row * axes + other] ?? 0) : 0;
        least[at * axes + other] = asks ? Math.min(later, request) : later;
      }
    }
  }
  return { axes, density, without, least };
}

/** The most that the rows from `depth` on can add: room at its prices, times the best worth per price. Room of an axis of which no
 *  row can take any, for want of room on another one, adds nothing, and neither do rows that ask for it. */
function mostOf(
  rest: Rest,
  of: { readonly room: Float64Array; readonly at: number; readonly depth: number; readonly prices: Float64Array },
): number {
  const { axes } = rest;
  let density = rest.density[of.depth] ?? 0;
  let left = 0;
  for (let axis = 0; axis < axes; axis++) {
    const price = of.prices[axis] ?? 0;
    if (price <= 0) continue;
    const at = of.depth * axes + axis;
    let usable = true;
    for (let other = 0; other < axes; other++) {
      if ((rest.least[at * axes + other] ?? 0) > (of.room[of.at + other] ?? 0)) usable = false;
    }
    if (usable) left += (of.room[of.at + axis] ?? 0) * price;
    else density = Math.min(density, rest.without[at] ?? 0);
  }
  // Rows that ask for nothing that has a price fit into no room at all.
  return density === Infinity ? Infinity : density * left;
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
  return {
    count: 0,
    room: new Float64Array((most + 1) * axes),
    worth: new Float64Array(most),
    trail: new Int32Array(most).fill(-1),
  };
}
