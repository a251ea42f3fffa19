// NodeUnschedulable: a cordoned node takes only pods that tolerate the taint of cordoning, whether or not it is there.
import type { PodShape, Taint } from '../cluster/cluster-objects.ts';
import type { NodeFacts } from './node-facts.ts';
import { type Refusal, refuse } from './refusal.ts';
import { tolerates } from './taint-toleration.ts';

/** What a pod must tolerate to go to a cordoned node. */
export const CORDON_TAINT: Taint = { key: 'node.kubernetes.io/unschedulable', value: '', effect: 'NoSchedule' };

export function nodeUnschedulable(shape: PodShape, node: NodeFacts): Refusal | undefined {
  if (!node.unschedulable || tolerates(shape.tolerations, CORDON_TAINT)) return undefined;
  return refuse('NodeUnschedulable', 'node(s) were unschedulable');
}
