// Judges whether what is seen may be true. If too much vanished at once, or the path to the control plane is sick, then
// nothing is removed until a second source or a person says so. The claims are the baseline: they are durable, so a
// restart forgets nothing. Decides nothing about creating.
import type { NodeClaim } from '../api/node-claim.ts';
import { ANNOTATIONS } from '../api/names.ts';
import type { NodePool } from '../api/node-pool.ts';
import type { WorkloadCluster } from '../api/workload-cluster.ts';
import type { NodeObject } from '../cluster/cluster-objects.ts';

export interface GuardEvidence {
  readonly cluster: WorkloadCluster;
  readonly nowMs: number;
  readonly claims: readonly NodeClaim[];
  readonly nodes: readonly NodeObject[];
  readonly nodePools: readonly NodePool[];
  /** Ids of this cluster's servers, from a complete list; undefined: there is no list that is fresh enough. */
  readonly serverIds: ReadonlySet<string> | undefined;
  /** Why the path to the control plane counts as sick; undefined: it is well. */
  readonly pathSick: string | undefined;
  /** Of our CRD in the workload cluster. */
  readonly definition: 'ready' | 'deleting' | 'unknown';
}

/** A share above it counts as "too much": one lost rack of three is 33 %, which is worth a person's look. */
const VANISHED_SHARE_MAX = 0.3;
/** Fewer than this are repaired without asking, in any size of cluster: single nodes do die. */
const VANISHED_COUNT_MIN = 3;
/** As cluster-autoscaler's max-total-unready-percentage: above it kubelets have more likely lost the API than their lives. */
const NOT_READY_SHARE_MAX = 0.45;

/** Why nothing may be removed now, with what a person can do; undefined: it may. */
export function judgeMassChange(evidence: GuardEvidence): string | undefined {
  if (evidence.definition === 'deleting') {
    return 'The NodePool definition is being deleted in the workload cluster; its pools are kept as they stand.';
  }
  if (evidence.definition === 'unknown') return 'The NodePool definition could not be read in the workload cluster.';
  if (evidence.pathSick !== undefined) return evidence.pathSick;
  const suspicion = nodesNotReady(evidence) ?? vanished(evidence);
  if (suspicion === undefined || acceptedByPerson(evidence)) return undefined;
  return `${suspicion} Nothing is removed until that changes, or until the WorkloadCluster is annotated with ${ANNOTATIONS.acceptVanishedUntil}=<RFC 3339 time>.`;
}

/** The latest judgement. Until the first one everything counts as doubtful. */
export class MassChangeGuard {
  #reason: string | undefined = 'The cluster has not been looked at yet.';

  /** Judges anew and returns the reason, as judgeMassChange. */
  update(evidence: GuardEvidence): string | undefined {
    this.#reason = judgeMassChange(evidence);
    return this.#reason;
  }

  reason(): string | undefined {
    return this.#reason;
  }
}

function nodesNotReady(evidence: GuardEvidence): string | undefined {
  const nodes = new Map(evidence.nodes.map((node) => [node.name, node]));
  const once = evidence.claims.filter((claim) => claim.status?.readyAt !== undefined && !leaving(claim));
  const lost = once.filter((claim) => {
    const node = nodes.get(claim.metadata.name);
    return node !== undefined && node.ready !== 'True';
  });
  if (!tooMany(lost.length, once.length, NOT_READY_SHARE_MAX)) return undefined;
  return `${lost.length} of ${once.length} nodes are not ready at once: their path to the control plane is in doubt.`;
}

function vanished(evidence: GuardEvidence): string | undefined {
  const staying = evidence.claims.filter((claim) => !leaving(claim));
  const { serverIds } = evidence;
  const nodeByName = new Map(evidence.nodes.map((node) => [node.name, node]));

  const joined = staying.filter((claim) => claim.status?.registeredAt !== undefined);
  const nodesGone = joined.filter((claim) => !nodeByName.has(claim.metadata.name));
  if (tooMany(nodesGone.length, joined.length, VANISHED_SHARE_MAX)) {
    const confirmed = nodesGone.filter(
      (claim) => serverIds !== undefined && !serverIds.has(claim.status?.serverId ?? ''),
    );
    if (confirmed.length < nodesGone.length) {
      return `${nodesGone.length} of ${joined.length} nodes vanished, but ${nodesGone.length - confirmed.length} of their servers may still stand.`;
    }
  }

  const withServer = staying.filter((claim) => claim.status?.serverId !== undefined);
  const serversGone =
    serverIds === undefined ? [] : withServer.filter((claim) => !serverIds.has(claim.status?.serverId ?? ''));
  if (tooMany(serversGone.length, withServer.length, VANISHED_SHARE_MAX)) {
    const alive = serversGone.filter((claim) => nodeByName.get(claim.metadata.name)?.ready === 'True');
    if (alive.length > 0) {
      return `OpenStack no longer lists ${serversGone.length} of ${withServer.length} servers, but ${alive.length} of their nodes are ready: look at the project, region and credentials.`;
    }
  }

  const poolUids = new Set(evidence.nodePools.map((pool) => pool.metadata.uid));
  const poolsClaimed = new Set(staying.map((claim) => claim.spec.poolUid));
  const poolsGone = [...poolsClaimed].filter((uid) => !poolUids.has(uid));
  if (tooMany(poolsGone.length, poolsClaimed.size, VANISHED_SHARE_MAX)) {
    return `${poolsGone.length} of ${poolsClaimed.size} node pools that own nodes vanished without being deleted.`;
  }
  return undefined;
}

/** Meant to go: its absence says nothing. */
function leaving(claim: NodeClaim): boolean {
  return claim.metadata.deletionTimestamp !== undefined || claim.status?.removal !== undefined;
}

function tooMany(count: number, total: number, shareMax: number): boolean {
  return count >= VANISHED_COUNT_MIN && count / total > shareMax;
}

function acceptedByPerson(evidence: GuardEvidence): boolean {
  const until = evidence.cluster.metadata.annotations?.[ANNOTATIONS.acceptVanishedUntil];
  if (until === undefined) return false;
  const untilMs = Date.parse(until);
  return !Number.isNaN(untilMs) && evidence.nowMs < untilMs;
}
