// What a cluster looks like after a plan was carried out in an instant: claims gone with their nodes, new nodes Ready, pods
// bound where the plan has them, evicted ones waiting, desiredNodes as patched. Objects in, objects out; nothing of the controllers runs.
import type { NodeClaim } from '../src/api/node-claim.ts';
import type { ClusterObjects, NodeObject, PodObject } from '../src/cluster/cluster-objects.ts';
import { belongsToNode } from '../src/cluster/pending-groups.ts';
import { type Plan, type PlanStep, podsIn } from '../src/planner/plan.ts';

/** The objects after `plan`. */
export function carriedOut(objects: ClusterObjects, plan: Plan): ClusterObjects {
  const removed = new Set(plan.steps.flatMap((step) => (step.kind === 'removeClaim' ? [step.claim] : [])));
  const created = plan.steps.flatMap((step) => (step.kind === 'createClaim' ? [claimOf(step, objects)] : []));
  const places = new Map<PodObject, string>();
  for (const run of plan.report.pods) {
    if (run.target === '' || run.outcome === 'waitingForPreemption') continue;
    for (const pod of podsIn([run])) places.set(pod, run.target);
  }
  const pods = [...objects.pods].flatMap((pod): readonly PodObject[] => {
    const place = places.get(pod);
    if (place !== undefined) return [{ ...pod, nodeName: place, phase: 'Running' }];
    if (pod.nodeName === '' || !removed.has(pod.nodeName)) return [pod];
    return belongsToNode(pod) ? [] : [evicted(pod)];
  });
  const desired = new Map(
    plan.steps.flatMap((step) => (step.kind === 'setDesiredNodes' ? [[step.pool, step.to]] : [])),
  );
  return {
    ...objects,
    pods,
    nodePools: objects.nodePools.map((pool) => {
      const desiredNodes = desired.get(pool.metadata.name);
      return desiredNodes === undefined ? pool : { ...pool, spec: { ...pool.spec, desiredNodes } };
    }),
    claims: [...objects.claims.filter((claim) => !removed.has(claim.metadata.name)), ...created],
    nodes: [...objects.nodes.filter((node) => !removed.has(node.name)), ...created.map(nodeOf)],
  };
}

/** The cluster without the node `name`, as if its server were gone: the claim has failed, the pods are made anew. */
export function withoutNode(objects: ClusterObjects, name: string): ClusterObjects {
  return {
    ...objects,
    nodes: objects.nodes.filter((node) => node.name !== name),
    claims: objects.claims.map((claim) =>
      claim.metadata.name === name ? { ...claim, status: { ...claim.status, phase: 'Failed' as const } } : claim,
    ),
    pods: [...objects.pods].flatMap((pod) =>
      pod.nodeName !== name ? [pod] : belongsToNode(pod) ? [] : [evicted(pod)],
    ),
  };
}

/** What its controller makes in its place. */
function evicted(pod: PodObject): PodObject {
  return { ...pod, nodeName: '', phase: 'Pending', unschedulable: true };
}

function claimOf(step: PlanStep & { readonly kind: 'createClaim' }, objects: ClusterObjects): NodeClaim {
  const at = new Date(objects.observedAtMs).toISOString();
  return {
    metadata: { name: step.name, uid: step.name, resourceVersion: '1', creationTimestamp: at },
    spec: step.spec,
    status: { phase: 'Ready', serverId: step.name, nodeName: step.name, nodeUid: step.name, readyAt: at },
  };
}

function nodeOf(claim: NodeClaim): NodeObject {
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
