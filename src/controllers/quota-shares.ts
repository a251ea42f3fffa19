// One cluster's part in its project's quota, which other clusters of the process draw on too. What this one has in flight
// is held before a claim is written, so that two plans of the same moment cannot both spend what is left; it is let go
// when a reading of the limits counts the servers, or their claims have failed.
import type { NodeClaim } from '../api/node-claim.ts';
import type { ClusterObjects, Flavor, Quota } from '../cluster/cluster-objects.ts';
import { mayStillTakeQuota, portsOf } from '../planner/claim-facts.ts';
import type { QuotaHolds, QuotaUse } from './ports.ts';

const NOTHING: QuotaUse = { servers: 0, ports: 0, cores: 0, memoryMiB: 0 };

export class QuotaShares {
  readonly #holds: QuotaHolds;
  /** Of this cluster: claims that may still get a server, and servers that the reading does not count. */
  #own = NOTHING;
  /** Of the others, when the quota was given out. */
  #others = NOTHING;

  constructor(holds: QuotaHolds) {
    this.#holds = holds;
  }

  /** What a plan of this cluster may use of `quota`: less its own servers that the reading does not count, less what the
   *  others hold. Its claims without a server the planner counts itself. */
  share(
    quota: Quota,
    own: {
      readonly claims: readonly NodeClaim[];
      readonly uncounted: readonly NodeClaim[];
      readonly flavors: readonly Flavor[];
    },
  ): Quota {
    const uncounted = useOf(own.uncounted, own.flavors);
    this.#own = plus(uncounted, useOf(own.claims.filter(mayStillTakeQuota), own.flavors));
    this.#holds.set(this.#own);
    this.#others = this.#holds.others();
    return less(quota, plus(uncounted, this.#others));
  }

  /** Holds what a plan's new nodes need. Returns why not: `objects.quota` was given out before another cluster took of
   *  it, and the plan does not fit into the rest. Nothing is awaited between the look and the hold. */
  hold(
    steps: readonly Pick<NodeClaim, 'spec'>[],
    objects: Pick<ClusterObjects, 'claims' | 'flavors' | 'quota'>,
  ): string | undefined {
    if (steps.length === 0) return undefined;
    const wanted = useOf(steps, objects.flavors);
    const pending = useOf(objects.claims.filter(mayStillTakeQuota), objects.flavors);
    const others = this.#holds.others();
    const more: QuotaUse = {
      servers: others.servers - this.#others.servers,
      ports: others.ports - this.#others.ports,
      cores: others.cores - this.#others.cores,
      memoryMiB: others.memoryMiB - this.#others.memoryMiB,
    };
    const tookMore = more.servers > 0 || more.ports > 0 || more.cores > 0 || more.memoryMiB > 0;
    const needed = plus(plus(pending, wanted), more);
    const { serversLeft, coresLeft, memoryMiBLeft, portsLeft } = objects.quota;
    const fits =
      needed.servers <= (serversLeft ?? Infinity) &&
      needed.ports <= (portsLeft ?? Infinity) &&
      needed.cores <= (coresLeft ?? Infinity) &&
      needed.memoryMiB <= (memoryMiBLeft ?? Infinity);
    if (tookMore && !fits) return "another cluster of the project took of its quota since the plan's snapshot";
    this.#own = plus(this.#own, wanted);
    this.#holds.set(this.#own);
    return undefined;
  }
}

function useOf(claims: readonly Pick<NodeClaim, 'spec'>[], flavors: readonly Flavor[]): QuotaUse {
  if (claims.length === 0) return NOTHING;
  const byId = new Map(flavors.map((flavor) => [flavor.id, flavor]));
  let ports = 0;
  let cores = 0;
  let memoryMiB = 0;
  for (const { spec } of claims) {
    const flavor = byId.get(spec.flavorId);
    ports += portsOf(spec);
    cores += flavor?.vcpus ?? 0;
    memoryMiB += flavor?.memoryMiB ?? 0;
  }
  return { servers: claims.length, ports, cores, memoryMiB };
}

function plus(left: QuotaUse, right: QuotaUse): QuotaUse {
  return {
    servers: left.servers + right.servers,
    ports: left.ports + right.ports,
    cores: left.cores + right.cores,
    memoryMiB: left.memoryMiB + right.memoryMiB,
  };
}

function less(quota: Quota, use: QuotaUse): Quota {
  const rest = (left: number | undefined, used: number) => (left === undefined ? undefined : Math.max(0, left - used));
  return {
    serversLeft: rest(quota.serversLeft, use.servers),
    // Ports of servers that just came may be counted twice until the next reading.
    portsLeft: rest(quota.portsLeft, use.ports),
    coresLeft: rest(quota.coresLeft, use.cores),
    memoryMiBLeft: rest(quota.memoryMiBLeft, use.memoryMiB),
  };
}
