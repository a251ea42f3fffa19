// PodTopologySpread, DoNotSchedule constraints in their order: the domain's count with the pod, less the least domain's,
// stays within maxSkew. `{}` counts no pod and yet matches the pod itself; that is the scheduler's way.
import type { LabelSelector, PodShape, SpreadConstraint } from '../cluster/cluster-objects.ts';
import { selectorMatches } from '../cluster/label-selector.ts';
import type { Eligibility } from './counter-book.ts';
import type { DomainCounter } from './domain-counter.ts';
import { matchesNodeAffinity } from './node-affinity.ts';
import { type Refusal, refuse } from './refusal.ts';
import { toleratesAll } from './taint-toleration.ts';

const PLUGIN = 'PodTopologySpread';
const SKEWED = "node(s) didn't match pod topology spread constraints";

export interface SpreadCheck {
  readonly counter: DomainCounter;
  readonly maxSkew: number;
  readonly minDomains: number;
  /** 1 when the pod itself matches the selector. */
  readonly self: number;
  /** A pod of the shape that is placed counts itself (where nodes are eligible). */
  readonly countsItself: boolean;
}

/** Other than a missing label, this may pass when pods come elsewhere. */
export const TOO_SKEWED: Refusal = refuse(PLUGIN, SKEWED);
const NO_LABEL: Refusal = refuse(PLUGIN, `${SKEWED} (missing required label)`);

export function podTopologySpread(checks: readonly SpreadCheck[], node: number): Refusal | undefined {
  for (const { counter, maxSkew, minDomains, self } of checks) {
    if (!counter.hasDomain(node)) return NO_LABEL;
    if (counter.countAt(node) + self - counter.least(minDomains) > maxSkew) return TOO_SKEWED;
  }
  return undefined;
}

/** Where pods are counted for one constraint of a shape: nodes with all its topology keys that its policies admit. */
export function spreadEligibility(shape: PodShape, constraint: SpreadConstraint): Eligibility {
  const { nodeAffinityPolicy, nodeTaintsPolicy } = constraint;
  const { nodeSelector, nodeAffinity, tolerations } = shape;
  const keys = shape.spread.map((one) => one.topologyKey);
  const asked = nodeAffinityPolicy === 'Ignore' ? null : [[...nodeSelector], nodeAffinity ?? null];
  const requirements = (nodeAffinity ?? []).reduce((sum, term) => sum + term.expressions.length, nodeSelector.size);
  return {
    key: JSON.stringify([keys, asked, nodeTaintsPolicy === 'Ignore' ? null : tolerations]),
    eligible: (node) =>
      keys.every((key) => node.labels.has(key)) &&
      (nodeAffinityPolicy === 'Ignore' || matchesNodeAffinity(shape, node)) &&
      (nodeTaintsPolicy === 'Ignore' || toleratesAll(tolerations, node.taints)),
    cost: 1 + keys.length + requirements,
  };
}

/** Whether a pod of `other` counts for a constraint with the selector of a pod in the namespace. */
export function countsForSpread(namespace: string, selector: LabelSelector | undefined, other: PodShape): boolean {
  if (other.namespace !== namespace || selector?.requirements.length === 0) return false;
  return selectorMatches(selector, other.labels);
}
