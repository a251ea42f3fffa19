// An independent look at a plan before it is executed: counts again, from the snapshot alone, what must never be
// exceeded, and refuses what must never be done. Shares no code with the planning phases, so that a mistake there is
// caught here. A fatal finding stops the steps of its pool, or the whole plan if it names none; a warning is reported.
import type { Finding } from './finding.ts';
import type { NodeClaim } from '../api/node-claim.ts';
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import { checkConsolidation } from './check-consolidation.ts';
import { checkDisruptions } from './check-disruptions.ts';
import { checkLimits } from './check-limits.ts';
import { checkNewClaims } from './check-new-claims.ts';
import { checkPods } from './check-pods.ts';
import type { Plan, PlanStep } from './plan.ts';

/** Reasons for which a frozen cluster may lose nodes: the operator deletes it. */
const REMOVES_WHILE_FROZEN = 'ClusterDeleted';
/** Phases of a claim that is on its way out. */
const GOING: ReadonlySet<string> = new Set(['Draining', 'Deleting']);

/** What is wrong with `plan` on `snapshot`; empty when nothing is. */
export function checkPlan(plan: Plan, snapshot: ClusterSnapshot): readonly Finding[] {
  const findings: Finding[] = [];
  if (plan.basedOn !== snapshot.version) {
    findings.push(fatal('stale', `the plan stands on snapshot ${plan.basedOn}, not ${snapshot.version}`));
  }
  if (snapshot.objects.cluster.spec.paused === true && plan.steps.length > 0) {
    findings.push(fatal('paused', `the cluster is paused and the plan has ${plan.steps.length} steps`));
  }
  findings.push(
    ...checkTargets(plan, snapshot),
    ...checkNewClaims(plan, snapshot),
    ...checkDesiredNodes(plan, snapshot),
    ...checkLimits(plan, snapshot),
    ...checkDisruptions(plan, snapshot),
    ...checkConsolidation(plan, snapshot),
    ...checkPods(plan, snapshot),
  );
  return findings;
}

/** Removals and timers: only of claims of this cluster that are there, once, and as the claim's own pool says. */
function checkTargets(plan: Plan, snapshot: ClusterSnapshot): readonly Finding[] {
  const findings: Finding[] = [];
  if (!plan.steps.some((step) => step.kind === 'removeClaim' || step.kind === 'setTimer')) return findings;
  const named = new Set(plan.steps.flatMap((step) => ('claim' in step ? [step.claim] : [])));
  const targets = snapshot.objects.claims.filter((claim) => named.has(claim.metadata.name));
  const claims = new Map(targets.map((claim) => [claim.metadata.name, claim]));
  const seen = new Set<string>();
  for (const step of plan.steps) {
    if (step.kind !== 'removeClaim' && step.kind !== 'setTimer') continue;
    const claim = claims.get(step.claim);
    const key = step.kind === 'removeClaim' ? `remove ${step.claim}` : `${step.timer} ${step.claim}`;
    if (seen.has(key)) findings.push(fatal('duplicateStep', `two steps of the plan do the same: ${key}`));
    seen.add(key);
    if (claim === undefined || claim.metadata.uid !== step.claimUid) {
      const pool = step.kind === 'removeClaim' ? step.pool : undefined;
      findings.push(
        fatal('unknownClaim', `claim '${step.claim}' with uid ${step.claimUid} is not in the snapshot`, pool),
      );
    } else if (claim.spec.clusterUid !== snapshot.objects.cluster.metadata.uid) {
      findings.push(fatal('foreignClaim', `claim '${step.claim}' belongs to cluster ${claim.spec.clusterUid}`));
    } else if (step.kind === 'removeClaim') {
      findings.push(...checkRemoval(step, claim, snapshot));
    }
  }
  return findings;
}

function checkRemoval(
  step: PlanStep & { readonly kind: 'removeClaim' },
  claim: NodeClaim,
  snapshot: ClusterSnapshot,
): readonly Finding[] {
  const { frozen, cluster, nodePools } = snapshot.objects;
  const findings: Finding[] = [];
  if (frozen !== undefined && step.reason !== REMOVES_WHILE_FROZEN) {
    findings.push(fatal('frozen', `claim '${step.claim}' would be removed while nothing may be: ${frozen}`));
  }
  if (step.pool !== claim.spec.poolName) {
    findings.push(
      fatal('malformed', `claim '${step.claim}' is of pool '${claim.spec.poolName}', not '${step.pool}'`, step.pool),
    );
  }
  const pool = nodePools.find((candidate) => candidate.metadata.name === step.pool);
  if (step.reason === 'ClusterDeleted') {
    if (cluster.metadata.deletionTimestamp === undefined || cluster.spec.onDelete === 'KeepNodes') {
      findings.push(fatal('unfounded', `claim '${step.claim}' would go with a cluster that stays or keeps its nodes`));
    }
  } else if (pool === undefined) {
    findings.push(fatal('unfounded', `pool '${step.pool}' of claim '${step.claim}' is not in the list`, step.pool));
  } else if (step.reason === 'PoolDeleted' && pool.metadata.deletionTimestamp === undefined) {
    findings.push(
      fatal('unfounded', `claim '${step.claim}' would go with pool '${step.pool}', which is not deleted`, step.pool),
    );
  } else if ((step.reason === 'ScaleDown' || step.reason === 'Unready') && pool.spec.autoscale !== true) {
    findings.push(
      fatal('unfounded', `claim '${step.claim}' would be scaled down and its pool does not autoscale`, step.pool),
    );
  }
  if (claim.status?.removal !== undefined) {
    findings.push(warning('repeated', `the removal of claim '${step.claim}' is recorded already`));
  }
  return findings;
}

/** A patch of desiredNodes says what stands once the plan is executed. */
function checkDesiredNodes(plan: Plan, snapshot: ClusterSnapshot): readonly Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  if (!plan.steps.some((step) => step.kind === 'setDesiredNodes')) return findings;
  const standing = nodesAfter(plan, snapshot);
  const pools = new Map(snapshot.objects.nodePools.map((pool) => [pool.metadata.name, pool]));
  for (const step of plan.steps) {
    if (step.kind !== 'setDesiredNodes') continue;
    if (seen.has(step.pool))
      findings.push(fatal('duplicateStep', `two steps set desiredNodes of '${step.pool}'`, step.pool));
    seen.add(step.pool);
    const pool = pools.get(step.pool);
    if (pool === undefined || pool.metadata.uid !== step.poolUid) {
      findings.push(
        fatal('unknownPool', `pool '${step.pool}' with uid ${step.poolUid} is not in the snapshot`, step.pool),
      );
      continue;
    }
    if (pool.spec.autoscale !== true) {
      findings.push(
        fatal('unfounded', `desiredNodes of '${step.pool}' is a person's: it does not autoscale`, step.pool),
      );
    }
    const stands = standing.get(step.pool) ?? 0;
    if (step.to !== stands) {
      findings.push(
        fatal('desiredNodes', `desiredNodes of '${step.pool}' would be ${step.to} with ${stands} claims`, step.pool),
      );
    }
  }
  return findings;
}

/** How many claims of each pool stand once the plan is executed. */
function nodesAfter(plan: Plan, { objects }: ClusterSnapshot): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const count = (pool: string, nodes: number): void => void counts.set(pool, (counts.get(pool) ?? 0) + nodes);
  const removed = new Set(plan.steps.flatMap((step) => (step.kind === 'removeClaim' ? [step.claim] : [])));
  for (const { metadata, spec, status } of objects.claims) {
    const leaving = metadata.deletionTimestamp !== undefined || status?.removal !== undefined;
    const failed = status?.phase === 'Failed' && objects.frozen === undefined;
    if (!leaving && !GOING.has(status?.phase ?? '') && !failed && !removed.has(metadata.name)) count(spec.poolName, 1);
  }
  for (const step of plan.steps) if (step.kind === 'createClaims') count(step.pool, step.names.numbers.length);
  return counts;
}

function fatal(kind: string, message: string, pool?: string): Finding {
  return { severity: 'fatal', kind, message, ...(pool === undefined ? {} : { pool }) };
}

function warning(kind: string, message: string): Finding {
  return { severity: 'warning', kind, message };
}
