// NodeUnschedulable: a cordoned node (spec.unschedulable) takes only pods that tolerate the taint that stands for it. The
// field decides, whether or not the node carries the taint.
import { no, type TwinRefusal } from './refusal.ts';
import { isTolerated } from './taint-toleration.ts';
import type { V1Node, V1Pod } from './v1.ts';

export function nodeUnschedulable(pod: V1Pod, node: V1Node): TwinRefusal | undefined {
  if (node.spec?.unschedulable !== true) return undefined;
  const stand = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
  return isTolerated(pod, stand) ? undefined : no('NodeUnschedulable', 'node(s) were unschedulable');
}
