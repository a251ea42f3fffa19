// Pools that are the same to the pods in question: same priority, same flavors in the same zones at the same price, taken by
// the same pods. To the packing they are one pool with the room of all; which of them gets a node is decided afterwards.
import type { PackingProblem } from './bounds/packing-problem.ts';
import { isAllowed } from './bounds/packing-problem.ts';
import type { Offer } from './pool-offers.ts';
import type { PoolState } from './pool-state.ts';

/** The pools of `offers`, alike ones together, in the order in which they come; `offers` are the columns of `problem`. */
export function alikePools(offers: readonly Offer[], problem: PackingProblem): readonly (readonly PoolState[])[] {
  const ofPool = new Map<PoolState, string[]>();
  offers.forEach((offer, column) => {
    const known = ofPool.get(offer.pool);
    const key = columnKey(offer, column, problem);
    if (known === undefined) ofPool.set(offer.pool, [key]);
    else known.push(key);
  });
  if (ofPool.size === 1) return [[...ofPool.keys()]];
  const alike = new Map<string, PoolState[]>();
  for (const [pool, keys] of ofPool) {
    const key = `${pool.settings.priority} ${keys.sort().join('\n')}`;
    const known = alike.get(key);
    if (known === undefined) alike.set(key, [pool]);
    else known.push(pool);
  }
  return [...alike.values()];
}

function columnKey({ template, pricePerHour }: Offer, column: number, problem: PackingProblem): string {
  const { axes, shapes, capacities } = problem;
  const room = capacities.subarray(column * axes, column * axes + axes);
  let takers = '';
  for (let word = 0; word < shapes; word += 16) {
    let bits = 0;
    for (let row = word; row < Math.min(word + 16, shapes); row++) {
      if (isAllowed(problem, row, column)) bits |= 1 << (row - word);
    }
    takers += String.fromCharCode(bits);
  }
  return [template.flavor.name, template.zone, pricePerHour, ...room, takers].join(' ');
}
