// Whether a list of (pod → node) could come about: there is an order in which every pod fits its node when it comes, all nodes
// being there from the start. Rules that only get harder to meet as pods come (room, ports, disks, volumes, anti-affinity)
// hold at the end exactly if they hold in any order. Two rules can open a node because pods came: affinity (the others must be
// there, but for the first of its kind) and spread (the least domain rises). So pods are taken in the given order, which
// should be the planner's, since it found each of them a place at that point; a pod that these two rules refuse waits and
// is asked again after others came, until a whole pass places nobody. What is left has no place in any order that this finds.
// Two kinds of pods could be in another's way by being early: one that counts for a spread constraint which it does not have
// itself, and one that an affinity selects whose first pod may only go elsewhere as long as it is the first.
// Not seen: that two pods share a claim whose volume is still to be made (where it will be is the driver's choice), and
// devices (DynamicResources).
import { NO_AFFINITY, OWN_ANTI_AFFINITY, THEIR_ANTI_AFFINITY } from './inter-pod-affinity.ts';
import { nodeAffinity } from './node-affinity.ts';
import { nodeDeclaredFeatures } from './node-declared-features.ts';
import { notNamed } from './node-name.ts';
import { meet } from './node-ports.ts';
import { allocatableOf } from './node-resources-fit.ts';
import { nodeUnschedulable } from './node-unschedulable.ts';
import { nodeVolumeLimits } from './node-volume-limits.ts';
import { type PodKind, PodKinds } from './pod-kinds.ts';
import { no, type TwinRefusal } from './refusal.ts';
import { podTrouble } from './run-filters.ts';
import { taintToleration } from './taint-toleration.ts';
import type { V1Node, V1Objects, V1Pod } from './v1.ts';
import { volumeBinding } from './volume-binding.ts';
import { oncePodClaims, sharedDisk } from './volume-restrictions.ts';
import { volumeZone } from './volume-zone.ts';
import { namespaceOf, nodeNameOf, type World, worldOf } from './world.ts';

export interface Placement {
  readonly namespace: string;
  readonly name: string;
  /** What the rules read of the pod; the same object for pods of a kind keeps this fast. */
  readonly pod: V1Pod;
  readonly node: string;
}

export interface Violation {
  /** `namespace/name`. */
  readonly pod: string;
  readonly node: string;
  /** A plugin, or `Packing`: placed twice, unknown node. */
  readonly plugin: string;
  readonly reasons: readonly string[];
}

/** Everything that is wrong with a packing; empty: it is feasible. `objects.nodes` are all nodes, those that are yet to be
 *  made included, with labels, taints and allocatable as they will be; `objects.pods` are bound already (daemon pods too)
 *  and not judged. Cost: linear in pods, nodes and kinds of pods for what has neither affinity nor spread constraints;
 *  those cost a look at each (kind, node) per pass, and a pass places at least one pod per domain. */
export function verifyPacking(objects: V1Objects, placements: readonly Placement[]): readonly Violation[] {
  const world = worldOf(objects);
  const violations: Violation[] = [];
  const state = new PackingState(world, placements);
  const seen = new Set<string>(world.pods.map((pod) => `${namespaceOf(pod)}/${pod.metadata.name}`));
  let waiting: Bundle[] = [];
  for (const bundle of bundles(state, placements)) {
    bundle.placements = bundle.placements.filter((one) => {
      const pod = `${one.namespace}/${one.name}`;
      const twice = seen.has(pod);
      seen.add(pod);
      const unknown = bundle.place === undefined;
      if (twice || unknown) violations.push(broken(one, no('Packing', twice ? 'placed twice' : 'no such node')));
      return !twice && !unknown;
    });
    if (bundle.placements.length > 0) waiting.push(bundle);
  }
  for (let moved = true; moved; ) {
    moved = false;
    const still: Bundle[] = [];
    for (const bundle of waiting) {
      if (serve(state, bundle, violations)) moved = true;
      if (bundle.placements.length > bundle.done) still.push(bundle);
    }
    waiting = still;
  }
  for (const bundle of waiting) {
    for (const one of bundle.placements.slice(bundle.done)) {
      violations.push(broken(one, bundle.refusal ?? no('Packing', 'never asked')));
    }
  }
  return violations;
}

/** Pods of one kind that go to one node. */
interface Bundle {
  readonly kind: PodKind;
  readonly place: NodeState | undefined;
  placements: Placement[];
  /** How many of them are placed or judged. */
  done: number;
  /** Why the next one waits. */
  refusal?: TwinRefusal;
}

function bundles(state: PackingState, placements: readonly Placement[]): Iterable<Bundle> {
  const byKind = new Map<PodKind, Map<string, Bundle>>();
  const all: Bundle[] = [];
  for (const placement of placements) {
    const kind = state.kinds.of(placement.pod);
    const byNode = byKind.get(kind) ?? new Map<string, Bundle>();
    byKind.set(kind, byNode);
    let bundle = byNode.get(placement.node);
    if (bundle === undefined) {
      bundle = { kind, place: state.nodes.get(placement.node), placements: [], done: 0 };
      byNode.set(placement.node, bundle);
      all.push(bundle);
    }
    bundle.placements.push(placement);
  }
  return all;
}

/** Places what can be placed now; true when it did. What can never be placed is a violation. */
function serve(state: PackingState, bundle: Bundle, violations: Violation[]): boolean {
  const { kind, place, placements } = bundle;
  if (place === undefined) return false;
  let moved = false;
  for (let one = placements[bundle.done]; one !== undefined; one = placements[bundle.done]) {
    const never = state.neverFits(kind, place);
    const refusal = never ?? state.notNow(kind, place);
    if (refusal !== undefined && never === undefined) {
      bundle.refusal = refusal;
      return moved;
    }
    if (refusal === undefined) {
      state.put(kind, place, one.pod);
      moved = true;
    } else {
      violations.push(broken(one, refusal));
    }
    bundle.done += 1;
  }
  return moved;
}

function broken(placement: Placement, refusal: TwinRefusal): Violation {
  const { namespace, name, node } = placement;
  return { pod: `${namespace}/${name}`, node, plugin: refusal.plugin, reasons: refusal.reasons };
}

interface NodeState {
  readonly node: V1Node;
  readonly allocatable: ReadonlyMap<string, number>;
  readonly used: Map<string, number>;
  podCount: number;
  /** Kinds on it that hold host ports. */
  readonly portHolders: PodKind[];
  /** Pods on it with volumes. */
  readonly volumeUsers: V1Pod[];
  /** Kinds that the rules which depend on nothing else allow here. */
  readonly allowed: Set<PodKind>;
}

class PackingState {
  readonly kinds: PodKinds;
  readonly nodes: ReadonlyMap<string, NodeState>;
  readonly #world: World;
  /** `namespace/claim` of ReadWriteOncePod claims in use. */
  readonly #onceUsed = new Set<string>();

  constructor(world: World, placements: readonly Placement[]) {
    this.#world = world;
    this.kinds = new PodKinds([...world.pods, ...placements.map((one) => one.pod)], world);
    this.nodes = new Map(world.nodes.map((node) => [node.metadata.name, emptyState(node)]));
    for (const pod of world.pods) {
      const place = this.nodes.get(nodeNameOf(pod));
      if (place !== undefined) this.put(this.kinds.of(pod), place, pod);
    }
  }

  put(kind: PodKind, place: NodeState, pod: V1Pod): void {
    for (const [name, amount] of kind.requests) place.used.set(name, (place.used.get(name) ?? 0) + amount);
    place.podCount += 1;
    if (kind.ports.length > 0) place.portHolders.push(kind);
    if ((pod.spec.volumes ?? []).length > 0) place.volumeUsers.push(pod);
    for (const claim of oncePodClaims(pod, this.#world)) this.#onceUsed.add(`${namespaceOf(pod)}/${claim}`);
    for (const counts of kind.raises) counts.add(place.node);
    if (pod.metadata.deletionTimestamp) return;
    for (const counts of kind.raisesUnlessTerminating) counts.add(place.node);
  }

  /** What no pod that is still to come can change. */
  neverFits(kind: PodKind, place: NodeState): TwinRefusal | undefined {
    return (
      this.#forbidden(kind, place) ??
      shortage(kind, place) ??
      this.#volumeTrouble(kind, place) ??
      (kind.antiAffinity.some((counts) => counts.at(place.node) > 0)
        ? no('InterPodAffinity', OWN_ANTI_AFFINITY)
        : undefined) ??
      (kind.keptAwayBy.some((counts) => counts.at(place.node) > 0)
        ? no('InterPodAffinity', THEIR_ANTI_AFFINITY)
        : undefined)
    );
  }

  /** What pods that are still to come may change: spread and affinity. */
  notNow(kind: PodKind, { node }: NodeState): TwinRefusal | undefined {
    for (const { constraint, counts, self } of kind.spread) {
      const skewed = "node(s) didn't match pod topology spread constraints";
      if (counts.domainOf(node) === undefined) return no('PodTopologySpread', `${skewed} (missing required label)`);
      const skew = counts.at(node) + self - counts.least(constraint.minDomains ?? 1);
      if (skew > (constraint.maxSkew ?? 0)) return no('PodTopologySpread', skewed);
    }
    const { affinity } = kind;
    const hasKeys = affinity.every((counts) => counts.domainOf(node) !== undefined);
    const together = affinity.every((counts) => counts.at(node) > 0);
    const first = kind.matchesItself && affinity.every((counts) => counts.total === 0);
    return hasKeys && (together || first) ? undefined : no('InterPodAffinity', NO_AFFINITY);
  }

  /** Rules that look at pod and node alone, asked once per kind and node. */
  #forbidden(kind: PodKind, place: NodeState): TwinRefusal | undefined {
    if (place.allowed.has(kind)) return undefined;
    const { pod } = kind;
    const { node } = place;
    const refusal =
      podTrouble(pod, this.#world) ??
      notNamed(pod, node) ??
      nodeUnschedulable(pod, node) ??
      taintToleration(pod, node) ??
      nodeAffinity(pod, node) ??
      volumeBinding(pod, node, this.#world) ??
      volumeZone(pod, node, this.#world) ??
      nodeDeclaredFeatures(pod, node);
    if (refusal === undefined) place.allowed.add(kind);
    return refusal;
  }

  #volumeTrouble({ pod }: PodKind, { node, volumeUsers }: NodeState): TwinRefusal | undefined {
    if ((pod.spec.volumes ?? []).length === 0) return undefined;
    const once = oncePodClaims(pod, this.#world).find((claim) => this.#onceUsed.has(`${namespaceOf(pod)}/${claim}`));
    if (once !== undefined)
      return no('VolumeRestrictions', `claim ${once} is ReadWriteOncePod and used by another pod`);
    return sharedDisk(pod, volumeUsers) ?? nodeVolumeLimits(pod, { node, others: volumeUsers, world: this.#world });
  }
}

function emptyState(node: V1Node): NodeState {
  return {
    node,
    allocatable: new Map([...allocatableOf(node)].map(([name, amount]) => [name, Number(amount)])),
    used: new Map(),
    podCount: 0,
    portHolders: [],
    volumeUsers: [],
    allowed: new Set(),
  };
}

/** NodeResourcesFit and NodePorts, from sums. */
function shortage(kind: PodKind, place: NodeState): TwinRefusal | undefined {
  const { allocatable, used } = place;
  const reasons = place.podCount + 1 > (allocatable.get('pods') ?? 0) ? ['Too many pods'] : [];
  for (const [name, amount] of kind.requests) {
    if (amount > 0 && amount > (allocatable.get(name) ?? 0) - (used.get(name) ?? 0))
      reasons.push(`Insufficient ${name}`);
  }
  if (reasons.length > 0) return no('NodeResourcesFit', ...reasons);
  const taken = kind.ports.length === 0 ? [] : place.portHolders.flatMap((holder) => holder.ports);
  if (!kind.ports.some((port) => taken.some((other) => meet(port, other)))) return undefined;
  return no('NodePorts', "node(s) didn't have free ports for the requested pod ports");
}
