// Which of equal pods gets which of their places, where a spread rule looks at them. A plan says how many go to a node; that
// they may be there at the end says nothing of the way: pods that the scheduler binds one after the other, each to the node that
// it was named, must keep within the skew all the time. So the pods are dealt in the order of its queue, each to the domain
// that has fewest of them. The queue goes by the last try in vain, which the scheduler writes to the pod, so the order of these
// writes is that of the queue. Creation is told in whole seconds: by it three of fifty equal pods were refused by their own
// node, as another had not come yet that they were dealt after.
// Pods that are named to a node and not there yet count there already, on this node alone: two equal pods with a skew of one
// refuse each other. So no more than the skew are named to a node at a time, and the others when those are there.
import type { PodObject, PodShape } from '../cluster/cluster-objects.ts';
import { selectorMatches } from '../cluster/label-selector.ts';
import { byKey } from '../cluster/pending-groups.ts';
import type { PlacedNode } from './name-pods.ts';

/** Equal pods. */
interface Hand {
  readonly pods: PodObject[];
  /** Places, by the number of the node. */
  readonly places: Map<number, number>;
}

/** The same nodes, each with as many pods of each kind as before, without those that have to wait until others are there. Cost:
 *  pods with spread rules × nodes that take their kind. */
export function dealSpreadPods(nodes: readonly PlacedNode[]): readonly PlacedNode[] {
  const hands = new Map<PodShape, Map<number, Hand>>();
  const dealt = nodes.map(({ pods }) => pods.filter(({ shape }) => shape.spread.length === 0));
  for (const [at, { pods }] of nodes.entries()) {
    for (const pod of pods) if (pod.shape.spread.length > 0) take(handOf(hands, pod), pod, at);
  }
  for (const [shape, byPriority] of hands) {
    const keys = shape.spread.map(({ topologyKey }) => topologyKey);
    const most = mostNamed(shape);
    for (const hand of byPriority.values()) {
      const counts = new Map<number, number>();
      for (const [pod, at] of dealHand(hand, { keys, nodes })) {
        const count = counts.get(at) ?? nodes[at]?.named.filter((other) => other.shape === shape).length ?? 0;
        counts.set(at, count + 1);
        if (count < most) dealt[at]?.push(pod);
      }
    }
  }
  return nodes.map((node, at) => ({ ...node, pods: dealt[at] ?? [] }));
}

function handOf(hands: Map<PodShape, Map<number, Hand>>, { shape, priority }: PodObject): Hand {
  let byPriority = hands.get(shape);
  if (byPriority === undefined) hands.set(shape, (byPriority = new Map()));
  let hand = byPriority.get(priority);
  if (hand === undefined) byPriority.set(priority, (hand = { pods: [], places: new Map() }));
  return hand;
}

function take({ pods, places }: Hand, pod: PodObject, at: number): void {
  pods.push(pod);
  places.set(at, (places.get(at) ?? 0) + 1);
}

/** Equal pods that may have the name of one node at the same time. */
function mostNamed({ spread, labels }: PodShape): number {
  const own = spread.filter(({ selector }) => selectorMatches(selector, labels));
  return Math.min(...own.map(({ maxSkew }) => maxSkew));
}

/** Ties go to the node that was dealt fewest of them, then to the first of the nodes. */
function* dealHand(
  { pods, places }: Hand,
  { keys, nodes }: { readonly keys: readonly string[]; readonly nodes: readonly PlacedNode[] },
): Generator<readonly [PodObject, number]> {
  /** Pods dealt to a domain of each key. */
  const counts = keys.map(() => new Map<string, number>());
  const dealtTo = new Map<number, number>();
  const domainOf = (at: number, key: string): string => nodes[at]?.placed.labels.get(key) ?? '';
  const fewer = (left: number, right: number): boolean => {
    for (const [rule, key] of keys.entries()) {
      const count = counts[rule];
      const difference = (count?.get(domainOf(left, key)) ?? 0) - (count?.get(domainOf(right, key)) ?? 0);
      if (difference !== 0) return difference < 0;
    }
    return (dealtTo.get(left) ?? 0) < (dealtTo.get(right) ?? 0);
  };
  for (const pod of pods.toSorted(longestUntried)) {
    let best: number | undefined;
    for (const [at, free] of places) if (free > 0 && (best === undefined || fewer(at, best))) best = at;
    if (best === undefined) return;
    places.set(best, (places.get(best) ?? 0) - 1);
    dealtTo.set(best, (dealtTo.get(best) ?? 0) + 1);
    for (const [rule, key] of keys.entries()) {
      const domain = domainOf(best, key);
      counts[rule]?.set(domain, (counts[rule].get(domain) ?? 0) + 1);
    }
    yield [pod, best];
  }
}

function longestUntried(left: PodObject, right: PodObject): number {
  return left.version - right.version || left.createdMs - right.createdMs || byKey(left, right);
}
