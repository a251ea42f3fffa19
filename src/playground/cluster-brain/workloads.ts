// Deployments, ReplicaSets and DaemonSets: how many pods there should be, and their making and taking away.
import { createHash } from 'node:crypto';
import { fieldsOf, listOf, numberOf, sameJson, textOf, type Fields } from '../untyped.ts';
import type { KubeObject } from '../kubernetes-api/kube-object.ts';
import type { BrainContext } from './brain-context.ts';

const spec = (object: KubeObject): Fields => fieldsOf(object['spec']);
const phase = (pod: KubeObject): string => textOf(fieldsOf(pod['status'])['phase']);
const nodeOf = (pod: KubeObject): string => textOf(spec(pod)['nodeName']);
const isActive = (pod: KubeObject): boolean =>
  pod.metadata.deletionTimestamp === undefined && phase(pod) !== 'Succeeded' && phase(pod) !== 'Failed';
const controllerUid = (object: KubeObject): string =>
  (object.metadata.ownerReferences ?? []).find((owner) => owner.controller === true)?.uid ?? '';

function ownerReference(owner: KubeObject): Fields {
  const { apiVersion, kind, metadata } = owner;
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true, blockOwnerDeletion: true };
}

function shortHash(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 8);
}

/** Each deployment has one ReplicaSet for its template; those of earlier templates go to zero and away. */
export function runDeployments(context: BrainContext): void {
  const replicaSets = context.list('replicasets');
  for (const deployment of context.list('deployments')) {
    if (deployment.metadata.deletionTimestamp !== undefined) continue;
    const own = replicaSets.filter((each) => controllerUid(each) === deployment.metadata.uid);
    const template = fieldsOf(spec(deployment)['template']);
    const name = `${deployment.metadata.name}-${shortHash(template)}`;
    const replicas = numberOf(spec(deployment)['replicas'], 1);
    const current = own.find((each) => each.metadata.name === name);
    if (current === undefined) createReplicaSet(context, { deployment, name, template, replicas });
    else if (numberOf(spec(current)['replicas'], 0) !== replicas) {
      context.update('replicasets', { ...current, spec: { ...spec(current), replicas } });
    }
    for (const old of own.filter((each) => each.metadata.name !== name)) context.remove('replicasets', old);
    const status = fieldsOf(current?.['status']);
    writeStatus(context, 'deployments', deployment, {
      observedGeneration: deployment.metadata.generation,
      replicas: numberOf(status['replicas'], 0),
      updatedReplicas: numberOf(status['replicas'], 0),
      readyReplicas: numberOf(status['readyReplicas'], 0),
      availableReplicas: numberOf(status['readyReplicas'], 0),
    });
  }
}

function createReplicaSet(
  context: BrainContext,
  what: { deployment: KubeObject; name: string; template: Fields; replicas: number },
): void {
  const { deployment, name, template, replicas } = what;
  const labels = fieldsOf(fieldsOf(template['metadata'])['labels']);
  context.create(
    'replicasets',
    {
      metadata: { name, labels, ownerReferences: [ownerReference(deployment)] },
      spec: { replicas, selector: spec(deployment)['selector'], template },
    },
    deployment.metadata.namespace,
  );
}

function writeStatus(context: BrainContext, plural: string, object: KubeObject, status: Fields): void {
  if (!sameJson(object['status'], status)) context.update(plural, { ...object, status }, 'status');
}

/** Pods up to the wanted number; above it those that do not run yet go first. */
export function runReplicaSets(context: BrainContext): void {
  const podsByOwner = Map.groupBy(context.list('pods'), controllerUid);
  for (const set of context.list('replicasets')) {
    if (set.metadata.deletionTimestamp !== undefined) continue;
    const pods = podsByOwner.get(set.metadata.uid) ?? [];
    const active = pods.filter(isActive);
    const replicas = numberOf(spec(set)['replicas'], 1);
    for (let missing = replicas - active.length; missing > 0; missing -= 1) {
      createPod(context, set, `${set.metadata.name}-`);
    }
    const leastUseful = [...active].sort((left, right) => rank(left) - rank(right));
    for (const pod of leastUseful.slice(0, Math.max(0, active.length - replicas))) context.remove('pods', pod);
    for (const pod of pods.filter((each) => phase(each) === 'Failed')) context.remove('pods', pod, true);
    writeStatus(context, 'replicasets', set, {
      observedGeneration: set.metadata.generation,
      replicas: active.length,
      readyReplicas: active.filter((pod) => phase(pod) === 'Running').length,
    });
  }
}

/** Not bound, bound, running: in this order pods are given up. */
function rank(pod: KubeObject): number {
  return phase(pod) === 'Running' ? 2 : nodeOf(pod) === '' ? 0 : 1;
}

function createPod(context: BrainContext, owner: KubeObject, generateName: string, change: Fields = {}): void {
  const template = fieldsOf(spec(owner)['template']);
  const { labels, annotations } = fieldsOf(template['metadata']);
  context.create(
    'pods',
    {
      metadata: {
        generateName,
        ...(labels === undefined ? {} : { labels }),
        ...(annotations === undefined ? {} : { annotations }),
        ownerReferences: [ownerReference(owner)],
      },
      spec: { ...fieldsOf(template['spec']), ...change },
    },
    owner.metadata.namespace,
  );
}

/** Tolerations that the DaemonSet controller adds: its pods run on nodes that are not ready or cordoned. */
const DAEMON_TOLERATIONS = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
];

/** One pod per node that the node selector takes and whose taints are tolerated. */
export function runDaemonSets(context: BrainContext): void {
  const nodes = context.list('nodes').filter((node) => node.metadata.deletionTimestamp === undefined);
  const podsByOwner = Map.groupBy(context.list('pods'), controllerUid);
  for (const set of context.list('daemonsets')) {
    if (set.metadata.deletionTimestamp !== undefined) continue;
    const active = (podsByOwner.get(set.metadata.uid) ?? []).filter(isActive);
    const podSpec = fieldsOf(fieldsOf(spec(set)['template'])['spec']);
    const tolerations = [...listOf(podSpec['tolerations']), ...DAEMON_TOLERATIONS];
    const eligible = nodes.filter((node) => takesDaemon(node, podSpec, tolerations));
    for (const node of eligible) {
      if (active.some((pod) => targetOf(pod) === node.metadata.name)) continue;
      createPod(context, set, `${set.metadata.name}-`, {
        tolerations,
        affinity: pinnedTo(node.metadata.name),
      });
    }
    const names = new Set(eligible.map((node) => node.metadata.name));
    for (const pod of active.filter((each) => !names.has(targetOf(each)))) context.remove('pods', pod);
    writeStatus(context, 'daemonsets', set, {
      observedGeneration: set.metadata.generation,
      desiredNumberScheduled: eligible.length,
      currentNumberScheduled: active.length,
      numberReady: active.filter((pod) => phase(pod) === 'Running').length,
      numberMisscheduled: 0,
    });
  }
}

function pinnedTo(node: string): Fields {
  const matchFields = [{ key: 'metadata.name', operator: 'In', values: [node] }];
  return {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields }] } },
  };
}

/** The node that a daemon pod is pinned to. */
function targetOf(pod: KubeObject): string {
  const affinity = fieldsOf(fieldsOf(spec(pod)['affinity'])['nodeAffinity']);
  const required = fieldsOf(affinity['requiredDuringSchedulingIgnoredDuringExecution']);
  const term = fieldsOf(listOf(required['nodeSelectorTerms'])[0]);
  return textOf(listOf(fieldsOf(listOf(term['matchFields'])[0])['values'])[0]);
}

function takesDaemon(node: KubeObject, podSpec: Fields, tolerations: readonly unknown[]): boolean {
  const labels = node.metadata.labels ?? {};
  const selected = Object.entries(fieldsOf(podSpec['nodeSelector'])).every(([key, value]) => labels[key] === value);
  const taints = listOf(spec(node)['taints'])
    .map(fieldsOf)
    .filter((taint) => taint['effect'] !== 'PreferNoSchedule' && taint['key'] !== 'node.kubernetes.io/not-ready');
  return selected && taints.every((taint) => tolerations.some((each) => tolerates(fieldsOf(each), taint)));
}

function tolerates(toleration: Fields, taint: Fields): boolean {
  const effect = textOf(toleration['effect']);
  if (effect !== '' && effect !== taint['effect']) return false;
  const key = textOf(toleration['key']);
  if (key === '') return toleration['operator'] === 'Exists';
  if (key !== taint['key']) return false;
  return toleration['operator'] === 'Exists' || textOf(toleration['value']) === textOf(taint['value']);
}
