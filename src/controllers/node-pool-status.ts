// What a NodePool's status says, computed from one pass. Pure: when and whether it is written is write-status.ts's.
import { type PoolSettings, poolSettings } from '../api/defaults.ts';
import { applyConditions, type ConditionInput } from '../api/conditions.ts';
import { LABELS } from '../api/names.ts';
import type { NodeClaim } from '../api/node-claim.ts';
import type { NodePool, NodePoolStatus } from '../api/node-pool.ts';
import { validateNodePool } from '../api/validate-node-pool.ts';
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import type { ClusterObjects, Resources } from '../cluster/cluster-objects.ts';
import type { Finding } from '../planner/finding.ts';
import type { Plan } from '../planner/plan.ts';
import { pricePerHour } from '../planner/price-model.ts';
import { claimsOfPool } from './claims-of-pools.ts';

/** What a pass came to, as far as a pool's status says it. */
interface Pass {
  readonly snapshot: ClusterSnapshot;
  readonly plan: Plan;
  readonly findings: readonly Finding[];
}

/** How a pool's claims stand. */
export interface PoolCounts {
  readonly ready: number;
  readonly upcoming: number;
  readonly leaving: number;
  readonly failed: number;
  readonly upToDate: number;
}

/** The status of `pool` after a pass, on top of `before` (its transition times are kept). */
export function nodePoolStatus(pool: NodePool, pass: Pass, before: NodePoolStatus | undefined): NodePoolStatus {
  const { objects } = pass.snapshot;
  const claims = claimsOfPool(objects.claims, pool.metadata.name);
  const counts = countClaims(claims, pool, objects);
  const { generation } = pool.metadata;
  const at = { nowMs: objects.observedAtMs, ...(generation === undefined ? {} : { generation }) };
  return {
    currentNodes: claims.length - counts.failed,
    availableNodes: counts.ready,
    upToDateNodes: counts.upToDate,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    selector: `${LABELS.nodePool}=${pool.metadata.name}`,
    flavors: flavorStatuses(claims, pool, pass.snapshot),
    conditions: applyConditions(before?.conditions ?? [], conditionsOf(pool, counts, pass), at),
  };
}

/** The last counts by list of claims, with what else they follow from. */
const counted = new WeakMap<
  readonly NodeClaim[],
  Pick<ClusterObjects, 'cluster' | 'targets'> & { readonly pool: NodePool; readonly counts: PoolCounts }
>();

/** Counts the claims of one pool, unless it is all as it was. */
export function countClaims(claims: readonly NodeClaim[], pool: NodePool, objects: ClusterObjects): PoolCounts {
  const { cluster, targets } = objects;
  const known = counted.get(claims);
  if (known?.pool === pool && known.cluster === cluster && known.targets === targets) return known.counts;
  const counts = countAnew(claims, pool, objects);
  counted.set(claims, { pool, cluster, targets, counts });
  return counts;
}

function countAnew(claims: readonly NodeClaim[], pool: NodePool, objects: ClusterObjects): PoolCounts {
  const settings = poolSettings(pool, objects.cluster);
  const counts = { ready: 0, upcoming: 0, leaving: 0, failed: 0, upToDate: 0 };
  for (const claim of claims) {
    const { phase, removal } = claim.status ?? {};
    if (phase === 'Failed') counts.failed += 1;
    else if (removal !== undefined || claim.metadata.deletionTimestamp !== undefined) counts.leaving += 1;
    else if (phase === 'Ready') counts.ready += 1;
    else counts.upcoming += 1;
    if (phase !== 'Failed' && isUpToDate(claim, settings, objects)) counts.upToDate += 1;
  }
  return counts;
}

/** Would a new server of this flavor be made of the same image, network and groups? Labels and taints are asserted on
 *  standing nodes and so never out of date. */
function isUpToDate(claim: NodeClaim, settings: PoolSettings, objects: ClusterObjects): boolean {
  const { spec } = claim;
  const image = objects.targets.images.find((candidate) => candidate.flavors?.includes(spec.flavor) ?? true);
  return (
    settings.flavors.includes(spec.flavor) &&
    spec.imageId === image?.id &&
    spec.networkIds[0] === objects.targets.networkId &&
    spec.subnetId === objects.targets.subnetId &&
    spec.keyPair === objects.cluster.spec.openstack.keyPair &&
    sameItems(spec.securityGroups, settings.securityGroups)
  );
}

function sameItems(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((item, position) => item === right[position]);
}

function conditionsOf(pool: NodePool, counts: PoolCounts, pass: Pass): readonly ConditionInput[] {
  const size = pass.plan.report.pools.find((candidate) => candidate.pool === pool.metadata.name);
  const wanted = size?.desiredNodes ?? counts.ready + counts.upcoming;
  const deleting = pool.metadata.deletionTimestamp !== undefined;
  const enough = !deleting && counts.ready >= wanted;
  const nodes = `${counts.ready} of ${wanted} nodes are ready`;
  return [
    {
      type: 'Ready',
      status: enough ? 'True' : 'False',
      reason: deleting ? 'Deleting' : enough ? 'AsDesired' : counts.upcoming > 0 ? 'ScalingUp' : 'NodesNotReady',
      message: deleting ? `The pool is being deleted; ${counts.leaving} nodes are on their way out.` : `${nodes}.`,
    },
    scaling(counts, deleting),
    updating(counts),
    blocked(pool, pass),
    valid(pool),
  ];
}

function scaling(counts: PoolCounts, deleting: boolean): ConditionInput {
  const { upcoming, leaving } = counts;
  const moving = `${upcoming} nodes are coming up, ${leaving} are on their way out.`;
  if (upcoming === 0 && leaving === 0) {
    return { type: 'Scaling', status: 'False', reason: 'AsDesired', message: 'No node is coming or going.' };
  }
  const reason = deleting ? 'Deleting' : upcoming > 0 ? 'ScalingUp' : 'ScalingDown';
  return { type: 'Scaling', status: 'True', reason, message: moving };
}

function updating(counts: PoolCounts): ConditionInput {
  const standing = counts.ready + counts.upcoming + counts.leaving;
  const outdated = standing - counts.upToDate;
  if (outdated <= 0) {
    return { type: 'Updating', status: 'False', reason: 'UpToDate', message: 'All nodes are as a new one would be.' };
  }
  const message = `${outdated} nodes were made of another image, network or flavor; new nodes follow the present one.`;
  return { type: 'Updating', status: 'False', reason: 'NotStarted', message };
}

function blocked(pool: NodePool, pass: Pass): ConditionInput {
  const { objects } = pass.snapshot;
  if (objects.cluster.spec.paused === true) {
    const message = 'The operator has paused this cluster (WorkloadCluster spec.paused).';
    return { type: 'Blocked', status: 'True', reason: 'Paused', message };
  }
  const refused = pass.findings.find(
    (finding) => finding.severity === 'fatal' && (finding.pool ?? pool.metadata.name) === pool.metadata.name,
  );
  if (refused !== undefined) {
    const message =
      `The plan for this pool broke a rule that always holds and is not carried out: ${refused.message}. ` +
      'It is planned again; if this stays, the operator should report it as a fault of Sluice.';
    return { type: 'Blocked', status: 'True', reason: 'PlanRefused', message };
  }
  const own = pass.plan.blocked.filter((entry) => entry.pool === pool.metadata.name);
  const first = own[0];
  if (first !== undefined) {
    const message = [...new Set(own.map((entry) => entry.message))].join(' ');
    return { type: 'Blocked', status: 'True', reason: first.reason, message };
  }
  if (objects.frozen !== undefined) {
    return { type: 'Blocked', status: 'True', reason: 'Frozen', message: objects.frozen };
  }
  return { type: 'Blocked', status: 'False', reason: 'Unblocked', message: 'Nothing stands in the way.' };
}

function valid(pool: NodePool): ConditionInput {
  const problems = validateNodePool(pool);
  const first = problems[0];
  if (first === undefined) {
    return { type: 'Valid', status: 'True', reason: 'Accepted', message: 'The spec is accepted.' };
  }
  const message = problems.map((problem) => `${problem.message}.`).join(' ');
  return { type: 'Valid', status: 'False', reason: first.reason, message };
}

/** Most flavors that the schema lets a status hold. */
const FLAVORS_MAX = 64;

function flavorStatuses(
  claims: readonly NodeClaim[],
  pool: NodePool,
  snapshot: ClusterSnapshot,
): NonNullable<NodePoolStatus['flavors']> {
  const { objects } = snapshot;
  const names = new Set([...poolSettings(pool, objects.cluster).flavors, ...claims.map((claim) => claim.spec.flavor)]);
  return [...names]
    .sort()
    .slice(0, FLAVORS_MAX)
    .map((name) => {
      const own = claims.filter((claim) => claim.spec.flavor === name);
      const flavor = objects.flavors.find((candidate) => candidate.name === name);
      const nodeOf = (claim: NodeClaim) =>
        snapshot.nodes[snapshot.nodeIndexByName.get(claim.metadata.name) ?? -1]?.node;
      const seen = own.find((claim) => nodeOf(claim) !== undefined);
      const allocatable = seen === undefined ? undefined : nodeOf(seen)?.allocatable;
      // Without a price list there is no price in money, and the model's figure would be read as one.
      const price =
        objects.prices?.has(name) === true && flavor !== undefined ? pricePerHour(flavor, objects.prices) : undefined;
      return {
        name,
        nodes: own.length,
        ...(allocatable === undefined ? {} : { allocatable: quantities(allocatable) }),
        ...(price === undefined ? {} : { pricePerHour: String(price) }),
      };
    });
}

/** Most entries that the schema lets one allocatable hold, less cpu, memory, storage and pods. */
const EXTENDED_MAX = 28;

function quantities(resources: Resources): Record<string, string> {
  const extended = [...resources.extended].sort(([left], [right]) => (left < right ? -1 : 1)).slice(0, EXTENDED_MAX);
  return {
    cpu: `${resources.cpuMillis}m`,
    memory: String(resources.memoryBytes),
    'ephemeral-storage': String(resources.ephemeralBytes),
    pods: String(resources.pods),
    ...Object.fromEntries(extended.map(([name, amount]): [string, string] => [name, String(amount)])),
  };
}
