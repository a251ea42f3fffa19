// Part of check-plan: pool bounds, ceilings, quota and anti-affinity counted again from the claims and the new steps.
// Only what the plan adds can be a fault of the plan: a pool that is over a limit already is not made worse.
import type { NodeClaim, NodeClaimSpec } from '../api/node-claim.ts';
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import { parseQuantity } from '../cluster/quantity.ts';
import type { Finding } from './finding.ts';
import type { Plan } from './plan.ts';
import { pricePerHour } from './price-model.ts';

const ANTI_AFFINITY_MAX = 5;
const MAX_NODES_DEFAULT = 100;
const BYTES_PER_MIB = 2 ** 20;
const COST_TOLERANCE = 1e-6;
/** Phases of a claim that does not stand. */
const GOING: ReadonlySet<string> = new Set(['Failed', 'Draining', 'Deleting']);
const BEFORE_SERVER: ReadonlySet<string> = new Set(['Pending', 'PortReady', 'Creating', 'Unknown']);

interface Sum {
  nodes: number;
  ports: number;
  cores: number;
  memoryMiB: number;
  costPerHour: number;
}

/** Limits that the plan would exceed. All fatal, but a pool left below minNodes by a removal is a warning. */
export function checkLimits(plan: Plan, snapshot: ClusterSnapshot): readonly Finding[] {
  const added = plan.steps.flatMap((step): readonly Many[] =>
    step.kind === 'createClaims' ? [{ spec: step.spec, nodes: step.names.numbers.length }] : [],
  );
  const findings: Finding[] = [...checkMinNodes(plan, snapshot)];
  if (added.length === 0) return findings;
  const existing = snapshot.objects.claims.map(oneOf);
  findings.push(...checkPools(added, snapshot));
  findings.push(...checkCeilings(sumOf([...existing, ...added], snapshot), snapshot));
  findings.push(...checkFlavors(added, snapshot));
  const uncounted = snapshot.objects.claims.filter(isUncounted).map(oneOf);
  findings.push(...checkQuota(sumOf([...uncounted, ...added], snapshot), snapshot));
  return findings;
}

/** Equal nodes. */
interface Many {
  readonly spec: NodeClaimSpec;
  readonly nodes: number;
}

function oneOf({ spec }: NodeClaim): Many {
  return { spec, nodes: 1 };
}

function checkPools(added: readonly Many[], snapshot: ClusterSnapshot): readonly Finding[] {
  const findings: Finding[] = [];
  const standing = countByPool(snapshot.objects.claims.map(oneOf));
  for (const [name, more] of countByPool(added)) {
    const pool = snapshot.objects.nodePools.find((candidate) => candidate.metadata.name === name);
    const nodes = more + (standing.get(name) ?? 0);
    const apart = pool?.spec.antiAffinity === true;
    const strictlyApart = apart && pool.spec.antiAffinityPolicy !== 'Preferred';
    const most = pool?.spec.maxNodes ?? (strictlyApart ? ANTI_AFFINITY_MAX : MAX_NODES_DEFAULT);
    if (nodes > most)
      findings.push(fatal('maxNodes', `pool '${name}' would have ${nodes} nodes, its most is ${most}`, name));
    if (strictlyApart && nodes > ANTI_AFFINITY_MAX) {
      findings.push(fatal('antiAffinity', `pool '${name}' would have ${nodes} nodes on as many hypervisors`, name));
    }
    const members = snapshot.objects.quota.serverGroupMembersMax;
    if (apart && members !== undefined && nodes > members) {
      findings.push(fatal('antiAffinity', `pool '${name}' would have ${nodes} nodes in a group of ${members}`, name));
    }
  }
  return findings;
}

function countByPool(all: readonly Many[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { spec, nodes } of all) counts.set(spec.poolName, (counts.get(spec.poolName) ?? 0) + nodes);
  return counts;
}

function checkCeilings(total: Sum, snapshot: ClusterSnapshot): readonly Finding[] {
  const ceilings = snapshot.objects.cluster.spec.ceilings ?? {};
  const memoryBytes = ceilings.memoryMax === undefined ? undefined : parseQuantity(ceilings.memoryMax);
  const limits: readonly (readonly [name: string, value: number, most: number | undefined])[] = [
    ['nodesMax', total.nodes, ceilings.nodesMax],
    ['coresMax', total.cores, ceilings.coresMax],
    ['memoryMax', total.memoryMiB * BYTES_PER_MIB, memoryBytes],
    [
      'costPerHourMax',
      total.costPerHour - COST_TOLERANCE,
      ceilings.costPerHourMax === undefined ? undefined : Number(ceilings.costPerHourMax),
    ],
  ];
  return limits.flatMap(([name, value, most]) =>
    most !== undefined && value > most
      ? [fatal('ceiling', `ceiling ${name} is ${most}, the plan makes it ${value}`)]
      : [],
  );
}

function checkFlavors(added: readonly Many[], snapshot: ClusterSnapshot): readonly Finding[] {
  const allowed = snapshot.objects.cluster.spec.ceilings?.flavorsAllowed;
  if (allowed === undefined) return [];
  const wrong = new Map(
    added
      .filter(({ spec }) => !allowed.includes(spec.flavor))
      .map(({ spec }) => [JSON.stringify([spec.poolName, spec.flavor]), spec]),
  );
  return [...wrong.values()].map(({ flavor, poolName }) =>
    fatal('ceiling', `flavor '${flavor}' is not among the operator's flavorsAllowed`, poolName),
  );
}

function checkQuota(taken: Sum, snapshot: ClusterSnapshot): readonly Finding[] {
  const { quota } = snapshot.objects;
  const limits: readonly (readonly [name: string, value: number, left: number | undefined])[] = [
    ['servers', taken.nodes, quota.serversLeft],
    ['ports', taken.ports, quota.portsLeft],
    ['cores', taken.cores, quota.coresLeft],
    ['MiB of memory', taken.memoryMiB, quota.memoryMiBLeft],
  ];
  return limits.flatMap(([name, value, left]) =>
    left !== undefined && value > left ? [fatal('quota', `${value} ${name} would be taken and ${left} are left`)] : [],
  );
}

function checkMinNodes(plan: Plan, snapshot: ClusterSnapshot): readonly Finding[] {
  const byChoice = new Map<string, number>();
  for (const step of plan.steps) {
    if (step.kind !== 'removeClaim' || !['ScaleDown', 'Unready', 'Consolidated', 'ManualSize'].includes(step.reason))
      continue;
    byChoice.set(step.pool, (byChoice.get(step.pool) ?? 0) + 1);
  }
  const findings: Finding[] = [];
  if (byChoice.size === 0) return findings;
  const removed = new Set(plan.steps.flatMap((step) => (step.kind === 'removeClaim' ? [step.claim] : [])));
  const standing = countByPool(
    snapshot.objects.claims.flatMap(({ metadata, spec, status }) => {
      const leaving = metadata.deletionTimestamp !== undefined || status?.removal !== undefined;
      return leaving || removed.has(metadata.name) || GOING.has(status?.phase ?? '') ? [] : [{ spec, nodes: 1 }];
    }),
  );
  for (const [name, count] of byChoice) {
    const pool = snapshot.objects.nodePools.find((candidate) => candidate.metadata.name === name);
    const least = pool?.spec.minNodes ?? 0;
    const stands = standing.get(name) ?? 0;
    const added = plan.steps.reduce(
      (sum, step) => sum + (step.kind === 'createClaims' && step.pool === name ? step.names.numbers.length : 0),
      0,
    );
    if (stands + added < least) {
      findings.push(
        fatal('minNodes', `pool '${name}' would lose ${count} nodes and have ${stands + added} of ${least}`, name),
      );
    }
  }
  return findings;
}

/** A server may still be made for it, and Nova does not count it yet. */
function isUncounted({ metadata, status }: NodeClaim): boolean {
  if (status?.serverId !== undefined || !BEFORE_SERVER.has(status?.phase ?? 'Pending')) return false;
  const leaving = status?.removal !== undefined || metadata.deletionTimestamp !== undefined;
  return !leaving || status?.phase === 'Creating' || status?.phase === 'Unknown';
}

function sumOf(all: readonly Many[], snapshot: ClusterSnapshot): Sum {
  const sum: Sum = { nodes: 0, ports: 0, cores: 0, memoryMiB: 0, costPerHour: 0 };
  const flavors = new Map(snapshot.objects.flavors.map((flavor) => [flavor.name, flavor]));
  for (const { spec, nodes } of all) {
    sum.nodes += nodes;
    sum.ports += (1 + (spec.additionalNetworks ?? []).length) * nodes;
    const flavor = flavors.get(spec.flavor);
    if (flavor === undefined) continue;
    sum.cores += flavor.vcpus * nodes;
    sum.memoryMiB += flavor.memoryMiB * nodes;
    sum.costPerHour += pricePerHour(flavor, snapshot.objects.prices) * nodes;
  }
  return sum;
}

function fatal(kind: string, message: string, pool?: string): Finding {
  return { severity: 'fatal', kind, message, ...(pool === undefined ? {} : { pool }) };
}
