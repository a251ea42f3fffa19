// What the claims of a cluster lead one to expect, and what of it is missing: worked out again only when claims, names of Nodes or
// the list of servers change, as the guard asks before every decision and most of a large cluster stays as it is.
import type { NodeClaim } from '../api/node-claim.ts';
import type { NodeObject } from '../cluster/cluster-objects.ts';
import type { ServerList } from './cloud-facts.ts';

export interface Missing {
  /** Claims that are not meant to go. */
  readonly staying: readonly NodeClaim[];
  /** Those of them whose node had registered, and of these the ones whose Node is not listed. */
  readonly joined: readonly NodeClaim[];
  readonly withoutNode: readonly NodeClaim[];
  /** Those that have a server, and of these the ones whose server is gone. */
  readonly withServer: readonly NodeClaim[];
  readonly withoutServer: readonly NodeClaim[];
  /** Pools that the claims name. */
  readonly pools: ReadonlySet<string>;
}

export interface BaselineEvidence {
  readonly claims: readonly NodeClaim[];
  readonly nodes: readonly NodeObject[];
  readonly servers: ServerList | undefined;
}

export class ClaimBaseline {
  #last: (BaselineEvidence & { readonly missing: Missing }) | undefined;

  /** What is missing by this evidence. */
  read(evidence: BaselineEvidence): Missing {
    const { claims, nodes, servers } = evidence;
    const last = this.#last?.claims === claims ? this.#last : undefined;
    const expected = last?.missing ?? expectedOf(claims);
    const sameNodes = last !== undefined && haveSameNames(last.nodes, nodes);
    const sameServers = last !== undefined && last.servers === servers;
    const missing =
      last !== undefined && sameNodes && sameServers
        ? last.missing
        : {
            ...expected,
            withoutNode: last !== undefined && sameNodes ? last.missing.withoutNode : absent(expected.joined, nodes),
            withoutServer:
              last !== undefined && sameServers
                ? last.missing.withoutServer
                : expected.withServer.filter((claim) => serverState(claim, servers) === 'gone'),
          };
    this.#last = { claims, nodes, servers, missing };
    return missing;
  }
}

/** Meant to go: its absence says nothing. */
export function isLeaving(claim: NodeClaim): boolean {
  return claim.metadata.deletionTimestamp !== undefined || claim.status?.removal !== undefined;
}

/** A server that was created while or after the list was taken is not missing from it. */
export function serverState(claim: NodeClaim, servers: ServerList | undefined): 'stands' | 'gone' | 'unknown' {
  const { serverId, createAttemptedAt } = claim.status ?? {};
  if (servers === undefined || serverId === undefined) return 'unknown';
  if (servers.ids.has(serverId)) return 'stands';
  return createAttemptedAt !== undefined && Date.parse(createAttemptedAt) < servers.listedAtMs ? 'gone' : 'unknown';
}

function expectedOf(claims: readonly NodeClaim[]): Omit<Missing, 'withoutNode' | 'withoutServer'> {
  const staying = claims.filter((claim) => !isLeaving(claim));
  return {
    staying,
    joined: staying.filter((claim) => claim.status?.registeredAt !== undefined),
    withServer: staying.filter((claim) => claim.status?.serverId !== undefined),
    pools: new Set(staying.map((claim) => claim.spec.poolName)),
  };
}

function absent(claims: readonly NodeClaim[], nodes: readonly NodeObject[]): readonly NodeClaim[] {
  const names = new Set(nodes.map(({ name }) => name));
  return claims.filter((claim) => !names.has(claim.metadata.name));
}

/** At the same places, where lists of a store have them while none comes or goes. */
function haveSameNames(before: readonly NodeObject[], after: readonly NodeObject[]): boolean {
  if (before === after) return true;
  if (before.length !== after.length) return false;
  for (let index = 0; index < after.length; index += 1) {
    if (before[index] !== after[index] && before[index]?.name !== after[index]?.name) return false;
  }
  return true;
}
