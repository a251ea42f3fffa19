// What the control plane does about nodes: signs their requests, lifts the taint of arrival, notices silence, and ends the
// pods of nodes that are gone.
import { fieldsOf, listOf, textOf, type Fields } from '../untyped.ts';
import type { KubeObject } from '../kubernetes-api/kube-object.ts';
import type { BrainContext } from './brain-context.ts';

const NOT_READY = 'node.kubernetes.io/not-ready';
const UNREACHABLE = 'node.kubernetes.io/unreachable';
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';
const LIFECYCLE_TAINTS: ReadonlySet<string> = new Set([NOT_READY, UNREACHABLE, UNSCHEDULABLE]);
const SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';

/** Answers signing requests of kubelets: here the certificate is a token for that node. */
export function signRequests(context: BrainContext): void {
  for (const request of context.list('certificatesigningrequests')) {
    const spec = fieldsOf(request['spec']);
    if (fieldsOf(request['status'])['certificate'] !== undefined || spec['signerName'] !== SIGNER) continue;
    const user = Buffer.from(textOf(spec['request']), 'base64').toString();
    const node = /^system:node:(.+)$/.exec(user)?.[1];
    if (node === undefined) continue;
    const certificate = Buffer.from(context.api.identities.issueNodeToken(node)).toString('base64');
    const conditions = [{ type: 'Approved', status: 'True', reason: 'AutoApproved', message: '' }];
    context.update('certificatesigningrequests', { ...request, status: { certificate, conditions } }, 'status');
  }
}

/** Taints follow conditions; silent nodes become Ready=Unknown. Returns the soonest time at which to look again. */
export function runNodeLifecycle(context: BrainContext, nowMs: number): number | undefined {
  let wakeMs: number | undefined;
  for (const node of context.list('nodes')) {
    const ready = conditionOf(node);
    const silentAtMs = ready === undefined ? undefined : lastHeardMs(context, node) + context.timings.nodeGraceMs;
    let current = node;
    if (silentAtMs !== undefined && ready?.['status'] === 'True') {
      if (silentAtMs <= nowMs) current = markUnknown(context, node, nowMs);
      else wakeMs = Math.min(wakeMs ?? Infinity, silentAtMs);
    }
    syncTaints(context, current);
  }
  return wakeMs;
}

function conditionOf(node: KubeObject): Fields | undefined {
  const conditions = listOf(fieldsOf(node['status'])['conditions']).map(fieldsOf);
  return conditions.find((condition) => condition['type'] === 'Ready');
}

function lastHeardMs(context: BrainContext, node: KubeObject): number {
  const lease = context.get('leases', node.metadata.name, 'kube-node-lease');
  const renewed = Date.parse(textOf(fieldsOf(lease?.['spec'])['renewTime']));
  const reported = Date.parse(textOf(conditionOf(node)?.['lastHeartbeatTime']));
  return Math.max(Number.isNaN(renewed) ? 0 : renewed, Number.isNaN(reported) ? 0 : reported);
}

function markUnknown(context: BrainContext, node: KubeObject, nowMs: number): KubeObject {
  const status = fieldsOf(node['status']);
  const now = `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
  const conditions = listOf(status['conditions'])
    .map(fieldsOf)
    .map((condition) =>
      condition['type'] === 'Ready'
        ? { ...condition, status: 'Unknown', reason: 'NodeStatusUnknown', lastTransitionTime: now }
        : condition,
    );
  return context.update('nodes', { ...node, status: { ...status, conditions } }, 'status');
}

function syncTaints(context: BrainContext, node: KubeObject): void {
  const spec = fieldsOf(node['spec']);
  const before = listOf(spec['taints']).map(fieldsOf);
  const status = textOf(conditionOf(node)?.['status']);
  const wanted: Fields[] = [];
  if (spec['unschedulable'] === true) wanted.push({ key: UNSCHEDULABLE, effect: 'NoSchedule' });
  if (status === 'Unknown') {
    wanted.push({ key: UNREACHABLE, effect: 'NoSchedule' }, { key: UNREACHABLE, effect: 'NoExecute' });
  } else if (status !== 'True') wanted.push({ key: NOT_READY, effect: 'NoSchedule' });
  const kept = before.filter((taint) => !LIFECYCLE_TAINTS.has(textOf(taint['key'])));
  const name = (taint: Fields): string => `${textOf(taint['key'])}:${textOf(taint['effect'])}`;
  const after = [...kept, ...wanted];
  if (before.map(name).sort().join() === after.map(name).sort().join()) return;
  context.update('nodes', { ...node, spec: { ...spec, taints: after } });
}

/** Pods whose node does not exist any more end without a kubelet. */
export function collectOrphanedPods(context: BrainContext): void {
  const nodes = new Set(context.list('nodes').map((node) => node.metadata.name));
  for (const pod of context.list('pods')) {
    const nodeName = textOf(fieldsOf(pod['spec'])['nodeName']);
    if (nodeName !== '' && !nodes.has(nodeName)) context.remove('pods', pod, true);
  }
}
