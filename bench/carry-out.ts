// What a cluster looks like after a plan was carried out in an instant: claims gone with their nodes, new nodes Ready, pods
// bound where the plan has them, evicted ones waiting, desiredNodes as patched. Objects in, objects out; nothing of the controllers runs.
import type { NodeClaim } from '../src/api/node-claim.ts';
import type { ClusterObjects, NodeObject, PodObject } from '../src/cluster/cluster-objects.ts';
import { arrayOf } from '../src/cluster/listed.ts';
import { belongsToNode } from '../src/cluster/pending-groups.ts';
import { namesIn } from '../src/planner/node-names.ts';
import { type Plan, podsIn, type PodRun, shareOf } from '../src/planner/plan.ts';
import { type CreateClaim, singleSteps } from '../src/planner/single-steps.ts';

/** The objects after `plan`. */
export function carriedOut(objects: ClusterObjects, plan: Plan): ClusterObjects {
  const removed = new Set(plan.steps.flatMap((step) => (step.kind === 'removeClaim' ? [step.claim] : [])));
  const created = singleSteps(plan.steps).flatMap((step) =>
    step.kind === 'createClaim' ? [claimOf(step, objects)] : [],
  );
  const places = new Map<PodObject, string>();
  for (const { pods, target } of placesOf(plan)) for (const pod of pods) places.set(pod, target);
  const pods = [...objects.pods].flatMap((pod): readonly PodObject[] => {
    const place = places.get(pod);
    if (place !== undefined) return [{ ...pod, nodeName: place, phase: 'Running' }];
    if (pod.nodeName === '' || !removed.has(pod.nodeName)) return [pod];
    return belongsToNode(pod) ? [] : [evicted(pod)];
  });
  return {
    ...objects,
    pods,
    nodePools: poolsAfter(objects, plan),
    claims: [...objects.claims.filter((claim) => !removed.has(claim.metadata.name)), ...created],
    nodes: [...arrayOf(objects.nodes).filter((node) => !removed.has(node.name)), ...created.map(nodeOf)],
  };
}

/** Pods that get a node, by node. */
export function placesOf(plan: Plan): readonly { readonly pods: readonly PodObject[]; readonly target: string }[] {
  return plan.report.pods.flatMap((run) =>
    run.target === '' || run.outcome === 'waitingForPreemption' ? [] : placesOfRun(run),
  );
}

function placesOfRun(run: PodRun): ReturnType<typeof placesOf> {
  const targets = run.targets === undefined ? [run.target] : namesIn(run.targets);
  return targets.map((target, index) => ({ pods: podsIn([shareOf(run, index, targets.length)]), target }));
}

/** With desiredNodes as patched. */
export function poolsAfter({ nodePools }: ClusterObjects, plan: Plan): ClusterObjects['nodePools'] {
  const desired = new Map(
    plan.steps.flatMap((step) => (step.kind === 'setDesiredNodes' ? [[step.pool, step.to]] : [])),
  );
  return nodePools.map((pool) => {
    const desiredNodes = desired.get(pool.metadata.name);
    return desiredNodes === undefined ? pool : { ...pool, spec: { ...pool.spec, desiredNodes } };
  });
}

/** What its controller makes in its place. */
export function evicted(pod: PodObject): PodObject {
  return { ...pod, nodeName: '', phase: 'Pending', unschedulable: true };
}

/** The claim of the step, its node Ready. */
export function claimOf(step: CreateClaim, { observedAtMs }: ClusterObjects): NodeClaim {
  const at = new Date(observedAtMs).toISOString();
  return {
    metadata: { name: step.name, uid: step.name, resourceVersion: '1', creationTimestamp: at },
    spec: step.spec,
    status: { phase: 'Ready', serverId: step.name, nodeName: step.name, nodeUid: step.name, readyAt: at },
  };
}

/** The Node of such a claim. */
export function nodeOf(claim: NodeClaim): NodeObject {
  const { name } = claim.metadata;
  const { expected, labels, taints } = claim.spec;
  if (expected === undefined) throw new Error(`claim '${name}' says nothing of its node's room`);
  const createdMs = Date.parse(claim.metadata.creationTimestamp ?? '');
  return {
    uid: name,
    name,
    resourceVersion: '1',
    createdMs,
    deleting: false,
    labels: new Map([...Object.entries(labels), ['kubernetes.io/hostname', name]]),
    annotations: new Map(),
    finalizers: [],
    taints: taints.map((taint) => ({ ...taint, value: taint.value ?? '' })),
    unschedulable: false,
    providerId: `openstack:///${name}`,
    allocatable: { ...expected, extended: new Map(Object.entries(expected.extended ?? {})) },
    ready: 'True',
    readyChangedMs: createdMs,
    volumesAttached: 0,
  };
}
