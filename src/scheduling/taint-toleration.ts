// TaintToleration: NoSchedule and NoExecute taints must be tolerated. Also answers for others who ask about taints.
// Lt and Gt tolerations never match (their feature gate is off in 1.37); tolerationSeconds is not read.
import type { PodShape, Taint, Toleration } from '../cluster/cluster-objects.ts';
import type { NodeFacts } from './node-facts.ts';
import { type Refusal, refuse } from './refusal.ts';

export function taintToleration(shape: PodShape, node: NodeFacts): Refusal | undefined {
  return toleratesAll(shape.tolerations, node.taints)
    ? undefined
    : refuse('TaintToleration', 'node(s) had untolerated taint(s)');
}

/** Every taint that keeps pods away is tolerated; PreferNoSchedule ones keep nobody away. */
export function toleratesAll(tolerations: readonly Toleration[], taints: readonly Taint[]): boolean {
  for (const taint of taints) {
    if (taint.effect !== 'PreferNoSchedule' && !tolerates(tolerations, taint)) return false;
  }
  return true;
}

/** Some toleration matches the taint. */
export function tolerates(tolerations: readonly Toleration[], taint: Taint): boolean {
  return tolerations.some((toleration) => {
    if (toleration.effect !== '' && toleration.effect !== taint.effect) return false;
    if (toleration.key !== '' && toleration.key !== taint.key) return false;
    if (toleration.operator === 'Exists') return true;
    return (toleration.operator === '' || toleration.operator === 'Equal') && toleration.value === taint.value;
  });
}
