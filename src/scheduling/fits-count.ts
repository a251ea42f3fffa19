// How many equal pods a node takes at once: what filters would say one pod after the other, in closed form. Room is divided,
// ports and disks allow one, a spread constraint allows what its other domains leave; nothing is placed to find out.
import type { PodShape, Resources } from '../cluster/cluster-objects.ts';
import type { DomainCounter } from './domain-counter.ts';
import type { SpreadCheck } from './pod-topology-spread.ts';
import type { ShapeChecks } from './shape-checks.ts';
import { NO_DOMAIN } from './topology.ts';
import { diskConflict } from './volume-restrictions.ts';

export interface NodeRoom {
  readonly allocatable: Resources;
  readonly requested: Resources;
}

/** How many more pods of the shape the node takes, when it takes one; at most `most`. Where amounts are odd (below zero,
 *  beyond doubles) or devices are claimed it says 1: place that and ask again. */
export function fitsCount(
  checks: ShapeChecks,
  at: { readonly index: number; readonly room: NodeRoom; readonly odd: boolean; readonly most: number },
): number {
  const { shape } = checks;
  const one = at.odd || takesOne(shape) || checks.onceUsers.size > 0;
  if (one || at.most <= 1) return Math.min(1, at.most);
  if (keepsItselfAway(checks.affinity.againstItself, at.index)) return 1;
  let count = Math.min(at.most, roomFor(shape.requests, at.room));
  for (const check of checks.spread) count = Math.min(count, spreadRoom(check, at.index));
  return count;
}

/** A second pod of the shape never fits beside the first, or that cannot be told without placing it. */
function takesOne(shape: PodShape): boolean {
  const { hostPorts, requests, resourceClaims } = shape;
  const untold = requests.exact !== undefined || resourceClaims !== undefined;
  return untold || hostPorts.length > 0 || diskConflict(shape, [shape]) !== undefined;
}

function keepsItselfAway(againstItself: readonly DomainCounter[], index: number): boolean {
  return againstItself.some((counter) => counter.hasDomain(index));
}

function roomFor(requests: Resources, { allocatable, requested }: NodeRoom): number {
  let count = allocatable.pods - requested.pods;
  const limit = (request: number, left: number): void => {
    if (request > 0) count = Math.min(count, Math.floor(left / request));
  };
  limit(requests.cpuMillis, allocatable.cpuMillis - requested.cpuMillis);
  limit(requests.memoryBytes, allocatable.memoryBytes - requested.memoryBytes);
  limit(requests.ephemeralBytes, allocatable.ephemeralBytes - requested.ephemeralBytes);
  for (const [name, amount] of requests.extended) {
    limit(amount, (allocatable.extended.get(name) ?? 0) - (requested.extended.get(name) ?? 0));
  }
  return count;
}

/** Each pod raises the count of the node's domain and, while that is the only least one, the least count too. */
function spreadRoom({ counter, maxSkew, minDomains, self, countsItself }: SpreadCheck, index: number): number {
  if (self === 0 || !countsItself || counter.topology.countedDomainOf(index) === NO_DOMAIN) return Infinity;
  return maxSkew + counter.leastElsewhere(index, minDomains) - counter.countAt(index);
}
