// Part of check-plan: replacements of nodes by cheaper ones. New claims name nodes of this cluster that stand in pools which want
// that, each in one replacement only, and cost less than those together; nodes go as consolidated from such pools alone. All fatal.
import type { NodeClaim } from '../api/node-claim.ts';
import type { NodePool } from '../api/node-pool.ts';
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import type { Finding } from './finding.ts';
import { nameAt } from './node-names.ts';
import type { Plan, PlanStep } from './plan.ts';
import { pricePerHour } from './price-model.ts';

const COST_TOLERANCE = 1e-9;

type Create = PlanStep & { readonly kind: 'createClaims' };

/** Replacements that the plan begins or carries on. */
export function checkConsolidation(plan: Plan, snapshot: ClusterSnapshot): readonly Finding[] {
  const creates = plan.steps.filter(
    (step): step is Create => step.kind === 'createClaims' && step.spec.replaces !== undefined,
  );
  const removes = plan.steps.filter((step) => step.kind === 'removeClaim' && step.reason === 'Consolidated');
  if (creates.length === 0 && removes.length === 0) return [];
  const pools = new Map(snapshot.objects.nodePools.map((pool) => [pool.metadata.name, pool]));
  const findings = removes.flatMap((step): readonly Finding[] => {
    if (step.kind !== 'removeClaim' || wantsIt(pools.get(step.pool))) return [];
    return [
      fatal('unfounded', `claim '${step.claim}' would be consolidated and its pool does not ask for that`, step.pool),
    ];
  });
  const sets = new Map<string, Create[]>();
  for (const step of creates) {
    const key = JSON.stringify([...(step.spec.replaces ?? [])].sort());
    sets.set(key, [...(sets.get(key) ?? []), step]);
  }
  const taken = new Set(snapshot.objects.claims.filter(stands).flatMap(({ spec }) => spec.replaces ?? []));
  for (const steps of sets.values()) {
    findings.push(...checkReplaced(steps, { snapshot, pools, taken }));
    for (const name of steps[0]?.spec.replaces ?? []) taken.add(name);
  }
  return findings;
}

/** `steps`: new claims that replace the same ones. */
function checkReplaced(
  steps: readonly Create[],
  of: {
    readonly snapshot: ClusterSnapshot;
    readonly pools: ReadonlyMap<string, NodePool>;
    readonly taken: ReadonlySet<string>;
  },
): readonly Finding[] {
  const { objects } = of.snapshot;
  const [first] = steps;
  const names = new Set(first?.spec.replaces);
  if (first === undefined || names.size === 0) return [fatal('replacement', 'a new claim replaces none', first?.pool)];
  const findings: Finding[] = [];
  const say = (message: string): void => void findings.push(fatal('replacement', message, first.pool));
  const replaced = objects.claims.filter((claim) => names.has(claim.metadata.name));
  if (replaced.length < names.size)
    say(`claim '${nameAt(first.names, 0)}' would replace claims that are not in the snapshot`);
  for (const claim of replaced) {
    const { name } = claim.metadata;
    if (claim.spec.clusterUid !== objects.cluster.metadata.uid)
      say(`claim '${name}' to be replaced is of another cluster`);
    if (claim.status?.phase !== 'Ready' || !stands(claim))
      say(`claim '${name}' to be replaced is not a node that stands`);
    if (!wantsIt(of.pools.get(claim.spec.poolName)))
      say(`claim '${name}' to be replaced is of a pool that does not ask for it`);
    if (of.taken.has(name)) say(`claim '${name}' is to be replaced by another one already`);
  }
  const before = costOf(
    replaced.map(({ spec }) => spec.flavor),
    of.snapshot,
  );
  const after = costOf(
    steps.flatMap(({ names, spec }) => names.numbers.map(() => spec.flavor)),
    of.snapshot,
  );
  if (!(after < before - COST_TOLERANCE))
    say(`nodes that cost ${before} per hour would be replaced by ones for ${after}`);
  return findings;
}

/** A flavor that the project does not list costs nobody knows what. */
function costOf(names: readonly string[], { objects }: ClusterSnapshot): number {
  return names.reduce((sum, name) => {
    const flavor = objects.flavors.find((one) => one.name === name);
    return sum + (flavor === undefined ? Number.NaN : pricePerHour(flavor, objects.prices));
  }, 0);
}

function wantsIt(pool: NodePool | undefined): boolean {
  return pool?.spec.autoscale === true && pool.spec.autoscaling?.consolidate === true;
}

function stands({ metadata, status }: NodeClaim): boolean {
  const leaving = ['Failed', 'Draining', 'Deleting'].includes(status?.phase ?? '');
  return !leaving && metadata.deletionTimestamp === undefined && status?.removal === undefined;
}

function fatal(kind: string, message: string, pool?: string): Finding {
  return { severity: 'fatal', kind, message, ...(pool === undefined ? {} : { pool }) };
}
