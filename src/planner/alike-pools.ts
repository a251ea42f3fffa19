// Pools that are the same to the pods in question: same priority, same flavors in the same zones at the same price, taken by
// the same pods. To the packing they are one pool with the room of all; which of them gets a node is decided afterwards.
import type { PackingProblem } from './bounds/packing-problem.ts';
import { isAllowed } from './bounds/packing-problem.ts';
import { compareText } from './claim-facts.ts';
import type { Offer } from './pool-offers.ts';
import type { PoolState } from './pool-state.ts';

/** The pools of `offers`, alike ones together, in the order in which they come; `offers` are the columns of `problem`. */
export function alikePools(offers: readonly Offer[], problem: PackingProblem): readonly (readonly PoolState[])[] {
  const columns = new Map<PoolState, number[]>();
  offers.forEach(({ pool }, column) => {
    const known = columns.get(pool);
    if (known === undefined) columns.set(pool, [column]);
    else known.push(column);
  });
  if (columns.size === 1) return [[...columns.keys()]];
  const keysOfFlavors = new Map([...columns].map(([pool, own]) => [pool, flavorsKey(own, offers)]));
  const sameFlavors = new Map<string, number>();
  for (const key of keysOfFlavors.values()) sameFlavors.set(key, (sameFlavors.get(key) ?? 0) + 1);
  const rows = unlikeRows(problem);
  const alike = new Map<string, PoolState[]>();
  for (const [pool, own] of columns) {
    const flavors = keysOfFlavors.get(pool) ?? '';
    // A pool of its own flavors is like no other one: with many flavors, most are told apart by that alone.
    const alone = sameFlavors.get(flavors) === 1;
    const keys = alone ? [] : own.map((column) => columnKey(offers[column], { column, problem, rows }));
    const key = `${pool.settings.priority} ${flavors}\n${keys.sort().join('\n')}`;
    const known = alike.get(key);
    if (known === undefined) alike.set(key, [pool]);
    else known.push(pool);
  }
  return [...alike.values()];
}

/** Equal where two pools offer the same flavors. */
function flavorsKey(own: readonly number[], offers: readonly Offer[]): string {
  return own
    .map((column) => offers[column]?.template.flavor.name ?? '')
    .sort(compareText)
    .join(' ');
}

function columnKey(
  offer: Offer | undefined,
  of: { readonly column: number; readonly problem: PackingProblem; readonly rows: readonly number[] },
): string {
  const { column, problem, rows } = of;
  const { axes, capacities } = problem;
  let key = `${offer?.template.flavor.name} ${offer?.template.zone} ${offer?.pricePerHour}`;
  for (let at = column * axes; at < column * axes + axes; at++) key += ` ${capacities[at]}`;
  key += ' ';
  for (const row of rows) key += isAllowed(problem, row, column) ? '1' : '0';
  return key;
}

/** One row each of those that different offers take. */
function unlikeRows({ shapes, offers, allowed }: PackingProblem): readonly number[] {
  const words = (offers + 31) >>> 5;
  const known = new Map<string, number>();
  for (let row = 0; row < shapes; row++) {
    if (row > 0 && isLikeTheLast(allowed, row * words, words)) continue;
    const key = allowed.subarray(row * words, row * words + words).join(' ');
    if (!known.has(key)) known.set(key, row);
  }
  return [...known.values()];
}

/** Words from `at` on are those before them. */
function isLikeTheLast(bits: Uint32Array, at: number, words: number): boolean {
  for (let word = at; word < at + words; word++) if (bits[word] !== bits[word - words]) return false;
  return true;
}
