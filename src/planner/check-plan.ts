// An independent look at a plan before it is executed: counts again, from the snapshot alone, what must never be
// exceeded, and refuses what must never be done. Shares no code with the planning phases, so that a mistake there is
// caught here. A fatal finding stops the whole plan; a warning is reported.
import { FINALIZERS, LABELS } from '../api/names.ts';
import type { Finding } from './finding.ts';
import type { NodeClaim, NodeClaimSpec } from '../api/node-claim.ts';
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import { checkDisruptions } from './check-disruptions.ts';
import { checkLimits } from './check-limits.ts';
import { checkPods } from './check-pods.ts';
import type { Plan, PlanStep } from './plan.ts';

/** Nova and Kubernetes both take such names; the pool's name leads it. */
const CLAIM_NAME = /^[a-z]([a-z0-9-]*[a-z0-9])?-node-[0-9a-f]{6}$/;
/** A DNS label, because a node name is one. */
const CLAIM_NAME_LENGTH_MAX = 63;
/** Reasons for which a frozen cluster may lose nodes: the operator deletes it. */
const REMOVES_WHILE_FROZEN = 'ClusterDeleted';

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
    ...checkPods(plan, snapshot),
  );
  return findings;
}

/** Removals and timers: only of claims of this cluster that are there, once, and as the claim's own pool says. */
function checkTargets(plan: Plan, snapshot: ClusterSnapshot): readonly Finding[] {
  const findings: Finding[] = [];
  const claims = new Map(snapshot.objects.claims.map((claim) => [claim.metadata.name, claim]));
  const seen = new Set<string>();
  for (const step of plan.steps) {
    if (step.kind !== 'removeClaim' && step.kind !== 'setTimer') continue;
    const claim = claims.get(step.claim);
    const key = step.kind === 'removeClaim' ? `remove ${step.claim}` : `${step.timer} ${step.claim}`;
    if (seen.has(key)) findings.push(fatal('duplicateStep', `two steps of the plan do the same: ${key}`));
    seen.add(key);
    if (claim === undefined || claim.metadata.uid !== step.claimUid) {
      findings.push(fatal('unknownClaim', `claim '${step.claim}' with uid ${step.claimUid} is not in the snapshot`));
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
    findings.push(fatal('malformed', `claim '${step.claim}' is of pool '${claim.spec.poolName}', not '${step.pool}'`));
  }
  const pool = nodePools.find((candidate) => candidate.metadata.name === step.pool);
  if (step.reason === 'ClusterDeleted') {
    if (cluster.metadata.deletionTimestamp === undefined || cluster.spec.onDelete === 'KeepNodes') {
      findings.push(fatal('unfounded', `claim '${step.claim}' would go with a cluster that stays or keeps its nodes`));
    }
  } else if (pool === undefined) {
    findings.push(fatal('unfounded', `pool '${step.pool}' of claim '${step.claim}' is not in the list`));
  } else if (step.reason === 'PoolDeleted' && pool.metadata.deletionTimestamp === undefined) {
    findings.push(fatal('unfounded', `claim '${step.claim}' would go with pool '${step.pool}', which is not deleted`));
  } else if ((step.reason === 'ScaleDown' || step.reason === 'Unready') && pool.spec.autoscale !== true) {
    findings.push(fatal('unfounded', `claim '${step.claim}' would be scaled down and its pool does not autoscale`));
  }
  if (claim.status?.removal !== undefined) {
    findings.push(warning('repeated', `the removal of claim '${step.claim}' is recorded already`));
  }
  return findings;
}

/** New claims: free names, a pool that is there, a spec that says all and agrees with the cluster. */
function checkNewClaims(plan: Plan, snapshot: ClusterSnapshot): readonly Finding[] {
  const { objects } = snapshot;
  const findings: Finding[] = [];
  const taken = new Set([
    ...objects.claims.map((claim) => claim.metadata.name),
    ...objects.nodes.map((node) => node.name),
  ]);
  const checked = new Map<NodeClaimSpec, string>();
  const pools = new Map(objects.nodePools.map((pool) => [pool.metadata.name, pool]));
  for (const step of plan.steps) {
    if (step.kind !== 'createClaim') continue;
    const { name, spec } = step;
    if (taken.has(name)) findings.push(fatal('nameTaken', `the name '${name}' of a new claim is taken`));
    taken.add(name);
    if (!CLAIM_NAME.test(name) || name.length > CLAIM_NAME_LENGTH_MAX || !name.startsWith(`${step.pool}-node-`)) {
      findings.push(
        fatal('malformed', `'${name}' must be '${step.pool}-node-' and six hex digits, at most 63 characters`),
      );
    }
    if (objects.cluster.metadata.deletionTimestamp !== undefined) {
      findings.push(fatal('unfounded', `claim '${name}' would be created in a cluster that is being deleted`));
    }
    const pool = pools.get(step.pool);
    if (pool === undefined || pool.metadata.deletionTimestamp !== undefined) {
      findings.push(
        fatal('unfounded', `claim '${name}' is for pool '${step.pool}', which is not there or being deleted`),
      );
      continue;
    }
    // Claims of equal nodes share their spec; what is wrong with it is said of the first.
    if (checked.get(spec) === step.pool) continue;
    checked.set(spec, step.pool);
    const expected: readonly (readonly [field: string, given: string, wanted: string])[] = [
      ['poolName', spec.poolName, step.pool],
      ['poolUid', spec.poolUid, pool.metadata.uid],
      ['clusterUid', spec.clusterUid, objects.cluster.metadata.uid],
      ['projectId', spec.projectId, objects.cluster.spec.openstack.projectId],
      ['region', spec.region, objects.targets.region],
      ['networkIds', spec.networkIds.join(), objects.targets.networkId],
      [`labels['${LABELS.nodePool}']`, spec.labels[LABELS.nodePool] ?? '', step.pool],
      [`labels['${LABELS.zone}']`, spec.labels[LABELS.zone] ?? '', spec.zone],
    ];
    for (const [field, given, wanted] of expected) {
      if (given !== wanted) {
        findings.push(fatal('malformed', `spec.${field} of claim '${name}' must be '${wanted}', not '${given}'`));
      }
    }
    findings.push(...checkCloudNames(step, pool.spec.flavors ?? [pool.spec.flavor ?? ''], snapshot));
  }
  return findings;
}

function checkCloudNames(
  step: PlanStep & { readonly kind: 'createClaim' },
  flavorsOfPool: readonly string[],
  snapshot: ClusterSnapshot,
): readonly Finding[] {
  const { flavors, targets } = snapshot.objects;
  const { name, spec } = step;
  const findings: Finding[] = [];
  if (!flavors.some((flavor) => flavor.name === spec.flavor && flavor.id === spec.flavorId)) {
    findings.push(
      fatal('malformed', `flavor '${spec.flavor}' (${spec.flavorId}) of claim '${name}' is not the project's`),
    );
  }
  if (!flavorsOfPool.includes(spec.flavor)) {
    findings.push(fatal('malformed', `flavor '${spec.flavor}' of claim '${name}' is not one of pool '${step.pool}'`));
  }
  if (!targets.images.some((image) => image.id === spec.imageId)) {
    findings.push(fatal('malformed', `image '${spec.imageId}' of claim '${name}' is not one of the cluster's`));
  }
  if (spec.zone !== '' && !targets.zones.includes(spec.zone)) {
    findings.push(fatal('malformed', `zone '${spec.zone}' of claim '${name}' takes no servers`));
  }
  if ((spec.finalizers ?? []).includes(FINALIZERS.nodeClaim)) {
    findings.push(fatal('malformed', `claim '${name}' would put our own finalizer on its node`));
  }
  return findings;
}

/** A patch of desiredNodes says what stands once the plan is executed. */
function checkDesiredNodes(plan: Plan, snapshot: ClusterSnapshot): readonly Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  const removed = new Set(plan.steps.flatMap((step) => (step.kind === 'removeClaim' ? [step.claim] : [])));
  for (const step of plan.steps) {
    if (step.kind !== 'setDesiredNodes') continue;
    if (seen.has(step.pool)) findings.push(fatal('duplicateStep', `two steps set desiredNodes of '${step.pool}'`));
    seen.add(step.pool);
    const pool = snapshot.objects.nodePools.find((candidate) => candidate.metadata.name === step.pool);
    if (pool === undefined || pool.metadata.uid !== step.poolUid) {
      findings.push(fatal('unknownPool', `pool '${step.pool}' with uid ${step.poolUid} is not in the snapshot`));
      continue;
    }
    if (pool.spec.autoscale !== true) {
      findings.push(fatal('unfounded', `desiredNodes of '${step.pool}' is a person's: it does not autoscale`));
    }
    const stands = snapshot.objects.claims.filter(
      ({ metadata, spec, status }) =>
        spec.poolName === step.pool &&
        !removed.has(metadata.name) &&
        metadata.deletionTimestamp === undefined &&
        status?.removal === undefined &&
        !['Draining', 'Deleting'].includes(status?.phase ?? '') &&
        (status?.phase !== 'Failed' || snapshot.objects.frozen !== undefined),
    ).length;
    const added = plan.steps.filter((other) => other.kind === 'createClaim' && other.pool === step.pool).length;
    if (step.to !== stands + added) {
      findings.push(
        fatal('desiredNodes', `desiredNodes of '${step.pool}' would be ${step.to} with ${stands + added} claims`),
      );
    }
  }
  return findings;
}

function fatal(kind: string, message: string): Finding {
  return { severity: 'fatal', kind, message };
}

function warning(kind: string, message: string): Finding {
  return { severity: 'warning', kind, message };
}
