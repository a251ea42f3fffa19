// Where the nodes of a pattern may stand: its offer in all zones that its pods cannot tell apart.
import { isAllowed, type PackingProblem, type Pattern } from './bounds/packing-problem.ts';
import type { Offer } from './pool-offers.ts';
import type { PoolState } from './pool-state.ts';

/** Per pool and name of a flavor, where its offers stand in the list: one per zone. */
export type SameFlavor = ReadonlyMap<PoolState, ReadonlyMap<string, readonly number[]>>;

/** Once per problem: patterns are many, and so may offers be. */
export function byFlavor(offers: readonly Offer[]): SameFlavor {
  const byPool = new Map<PoolState, Map<string, number[]>>();
  offers.forEach(({ pool, template }, at) => {
    let flavors = byPool.get(pool);
    if (flavors === undefined) byPool.set(pool, (flavors = new Map()));
    const places = flavors.get(template.flavor.name);
    if (places === undefined) flavors.set(template.flavor.name, [at]);
    else places.push(at);
  });
  return byPool;
}

/** The pattern's offer and its like in other zones, in the order of `offers`, which are the columns of `problem`. */
export function twinsOf(
  of: { readonly offers: readonly Offer[]; readonly problem: PackingProblem; readonly sameFlavor: SameFlavor },
  pattern: Pattern,
): readonly Offer[] {
  const { offers, problem, sameFlavor } = of;
  const own = offers[pattern.offer];
  if (own === undefined) throw new Error(`pattern of offer ${pattern.offer}: there are ${offers.length}`);
  const { axes, capacities } = problem;
  const roomOf = (offer: number): Float64Array => capacities.subarray(offer * axes, offer * axes + axes);
  const room = roomOf(pattern.offer);
  return (sameFlavor.get(own.pool)?.get(own.template.flavor.name) ?? []).flatMap((offer) => {
    if (!roomOf(offer).every((amount, axis) => amount >= (room[axis] ?? 0))) return [];
    return pattern.shapes.every((item) => isAllowed(problem, item, offer)) ? (offers[offer] ?? []) : [];
  });
}
