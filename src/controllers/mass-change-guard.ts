// Judges whether what is seen may be true. If too much vanished at once, or the path to the control plane is sick, then
// nothing is removed until a second source or a person says so. The claims are the baseline: they are durable, so a
// restart forgets nothing. Decides nothing about creating.
import type { NodeClaim } from '../api/node-claim.ts';
import { ANNOTATIONS } from '../api/names.ts';
import type { NodePool } from '../api/node-pool.ts';
import type { WorkloadCluster } from '../api/workload-cluster.ts';
import type { NodeObject } from '../cluster/cluster-objects.ts';
import { ClaimBaseline, isLeaving, type Missing, serverState } from './claim-baseline.ts';
import type { ServerList } from './cloud-facts.ts';

export interface GuardEvidence {
  readonly cluster: WorkloadCluster;
  readonly nowMs: number;
  readonly claims: readonly NodeClaim[];
  readonly nodes: readonly NodeObject[];
  readonly nodePools: readonly NodePool[];
  /** This cluster's servers by a complete list; undefined: there is no list that is fresh enough. */
  readonly servers: ServerList | undefined;
  /** Why the path to the control plane counts as sick; undefined: it is well. */
  readonly pathSick: string | undefined;
  /** Objects that could not be read and without which a removal could be wrong; undefined: all were read. */
  readonly doubtful?: string | undefined;
  /** Of our CRD in the workload cluster. */
  readonly definition: 'ready' | 'deleting' | 'unknown';
}

/** A share above it counts as "too much": one lost rack of three is 33 %, which is worth a person's look. */
const VANISHED_SHARE_MAX = 0.3;
/** Fewer than this are repaired without asking, in any size of cluster: single nodes do die. */
const VANISHED_COUNT_MIN = 3;
/** As cluster-autoscaler's max-total-unready-percentage: above it kubelets have more likely lost the API than their lives. */
const NOT_READY_SHARE_MAX = 0.45;

/** Why nothing may be removed now, with what a person can do; undefined: it may. `baseline`: remembers what is missing. */
export function judgeMassChange(evidence: GuardEvidence, baseline = new ClaimBaseline()): string | undefined {
  if (evidence.definition === 'deleting') {
    return 'The NodePool definition is being deleted in the workload cluster; its pools are kept as they stand.';
  }
  if (evidence.definition === 'unknown') return 'The NodePool definition could not be read in the workload cluster.';
  if (evidence.pathSick !== undefined) return evidence.pathSick;
  if (evidence.doubtful !== undefined) return evidence.doubtful;
  const suspicion = nodesNotReady(evidence) ?? vanished(evidence, baseline.read(evidence));
  if (suspicion === undefined || acceptedByPerson(evidence)) return undefined;
  return `${suspicion} Nothing is removed until that changes, or until the WorkloadCluster is annotated with ${ANNOTATIONS.acceptVanishedUntil}=<RFC 3339 time>.`;
}

/** The latest judgement. Until the first one everything counts as doubtful. */
export class MassChangeGuard {
  readonly #baseline = new ClaimBaseline();
  #reason: string | undefined = 'The cluster has not been looked at yet.';

  /** Judges anew and returns the reason, as judgeMassChange. */
  update(evidence: GuardEvidence): string | undefined {
    this.#reason = judgeMassChange(evidence, this.#baseline);
    return this.#reason;
  }

  reason(): string | undefined {
    return this.#reason;
  }
}

function nodesNotReady(evidence: GuardEvidence): string | undefined {
  const notReady = evidence.nodes.filter((node) => node.ready !== 'True');
  if (notReady.length < VANISHED_COUNT_MIN) return undefined;
  const nodes = new Map(notReady.map((node) => [node.name, node]));
  const once = evidence.claims.filter((claim) => claim.status?.readyAt !== undefined && !isLeaving(claim));
  const lost = once.filter((claim) => nodes.has(claim.metadata.name));
  if (!tooMany(lost.length, once.length, NOT_READY_SHARE_MAX)) return undefined;
  return `${lost.length} of ${once.length} nodes are not ready at once: their path to the control plane is in doubt.`;
}

function vanished(evidence: GuardEvidence, missing: Missing): string | undefined {
  return nodesVanished(evidence, missing) ?? serversVanished(evidence, missing) ?? poolsVanished(evidence, missing);
}

/** Nodes that are gone from the API; their servers' absence from OpenStack confirms it. */
function nodesVanished({ servers }: GuardEvidence, { joined, withoutNode: gone }: Missing): string | undefined {
  if (!tooMany(gone.length, joined.length, VANISHED_SHARE_MAX)) return undefined;
  const doubtful = gone.filter((claim) => serverState(claim, servers) !== 'gone');
  if (doubtful.length === 0) return undefined;
  return `${gone.length} of ${joined.length} nodes vanished, but ${doubtful.length} of their servers may still stand.`;
}

/** Servers that are gone from OpenStack; a node of theirs that is ready denies it. */
function serversVanished({ nodes }: GuardEvidence, { withServer, withoutServer: gone }: Missing): string | undefined {
  if (!tooMany(gone.length, withServer.length, VANISHED_SHARE_MAX)) return undefined;
  const ready = new Set(nodes.filter((node) => node.ready === 'True').map(({ name }) => name));
  const alive = gone.filter((claim) => ready.has(claim.metadata.name));
  if (alive.length === 0) return undefined;
  return `OpenStack no longer lists ${gone.length} of ${withServer.length} servers, but ${alive.length} of their nodes are ready: look at the project, region and credentials.`;
}

function poolsVanished({ nodePools }: GuardEvidence, { pools }: Missing): string | undefined {
  const names = new Set(nodePools.map((pool) => pool.metadata.name));
  const gone = [...pools].filter((name) => !names.has(name));
  if (!tooMany(gone.length, pools.size, VANISHED_SHARE_MAX)) return undefined;
  return `${gone.length} of ${pools.size} node pools that own nodes vanished without being deleted.`;
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
