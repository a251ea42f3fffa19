// Claims by pool and by phase, counted once per list: a pass asks for every pool and phase, and the list stays the same one for
// as long as no claim changes.
import type { NodeClaim } from '../api/node-claim.ts';

type Claims = readonly NodeClaim[];

const grouped = new WeakMap<Claims, ReadonlyMap<string, Claims>>();
const phases = new WeakMap<Claims, ReadonlyMap<string, number>>();
const NO_CLAIMS: Claims = [];

/** The claims of each pool that has some, in the order of the list. */
export function claimsByPool(claims: Claims): ReadonlyMap<string, Claims> {
  let known = grouped.get(claims);
  if (known === undefined) grouped.set(claims, (known = Map.groupBy(claims, ({ spec }) => spec.poolName)));
  return known;
}

/** The claims of the pool of this name, in the order of the list. */
export function claimsOfPool(claims: Claims, pool: string): Claims {
  return claimsByPool(claims).get(pool) ?? NO_CLAIMS;
}

/** How many claims are in each phase; one that says nothing is Pending. */
export function countPhases(claims: Claims): ReadonlyMap<string, number> {
  let known = phases.get(claims);
  if (known === undefined) {
    const counts = new Map<string, number>();
    for (const { status } of claims)
      counts.set(status?.phase ?? 'Pending', (counts.get(status?.phase ?? 'Pending') ?? 0) + 1);
    phases.set(claims, (known = counts));
  }
  return known;
}
