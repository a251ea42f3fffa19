// TaintToleration: every taint NoSchedule or NoExecute of the node must be tolerated; PreferNoSchedule never refuses.
// A toleration matches when its effect is empty or equal, its key is empty or equal, and its operator
//  - Equal or empty: the values are equal (also with an empty key),
//  - Exists: in any case,
//  - anything else (Lt and Gt are behind a gate that is off): never.
import { no, type TwinRefusal } from './refusal.ts';
import type { V1Node, V1Pod, V1Taint } from './v1.ts';

export function taintToleration(pod: V1Pod, node: V1Node): TwinRefusal | undefined {
  return toleratesAll(pod, node) ? undefined : no('TaintToleration', 'node(s) had untolerated taint(s)');
}

export function toleratesAll(pod: V1Pod, node: V1Node): boolean {
  return (node.spec?.taints ?? []).every(
    (taint) => (taint.effect !== 'NoSchedule' && taint.effect !== 'NoExecute') || isTolerated(pod, taint),
  );
}

export function isTolerated(pod: V1Pod, taint: V1Taint): boolean {
  return (pod.spec.tolerations ?? []).some((toleration) => {
    const effect = toleration.effect ?? '';
    const key = toleration.key ?? '';
    if (effect !== '' && effect !== taint.effect) return false;
    if (key !== '' && key !== taint.key) return false;
    const operator = toleration.operator ?? '';
    if (operator === 'Exists') return true;
    return (operator === '' || operator === 'Equal') && (toleration.value ?? '') === (taint.value ?? '');
  });
}
