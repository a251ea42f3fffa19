// PodTopologySpread, DoNotSchedule constraints in their order: the domain's count with the pod, less the least domain's,
// stays within maxSkew. `{}` counts no pod and yet matches the pod itself; that is the scheduler's way.
import type { PodShape, SpreadConstraint } from '../cluster/cluster-objects.ts';
import { selectorMatches } from '../cluster/label-selector.ts';
import type { CounterOptions, DomainCounter } from './domain-counter.ts';
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
}

export function podTopologySpread(checks: readonly SpreadCheck[], node: number): Refusal | undefined {
  for (const { counter, maxSkew, minDomains, self } of checks) {
    if (!counter.hasDomain(node)) return refuse(PLUGIN, `${SKEWED} (missing required label)`);
    if (counter.countAt(node) + self - counter.least(minDomains) > maxSkew) return refuse(PLUGIN, SKEWED);
  }
  return undefined;
}

/** Where pods are counted for one constraint of a shape: nodes with all its topology keys that its policies admit. */
export function spreadCounterOptions(shape: PodShape, constraint: SpreadConstraint): CounterOptions {
  const keys = shape.spread.map((one) => one.topologyKey);
  return {
    topologyKey: constraint.topologyKey,
    skipTerminating: true,
    eligible: (node) =>
      keys.every((key) => node.labels.has(key)) &&
      (constraint.nodeAffinityPolicy === 'Ignore' || matchesNodeAffinity(shape, node)) &&
      (constraint.nodeTaintsPolicy === 'Ignore' || toleratesAll(shape.tolerations, node.taints)),
  };
}

/** Whether a pod of `other` counts for a constraint of a pod of `shape`. */
export function countsForSpread(shape: PodShape, constraint: SpreadConstraint, other: PodShape): boolean {
  if (other.namespace !== shape.namespace || constraint.selector?.requirements.length === 0) return false;
  return selectorMatches(constraint.selector, other.labels);
}
