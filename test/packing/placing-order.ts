// Looks for an order in which pods may be put on given nodes under kube-scheduler's rules for spread, affinity and
// anti-affinity (both ways), for the kinds of pods of the bench inputs. Counts matching pods per domain and nothing else.
// Greedy from the first pod: whoever may be placed is; pods without a constraint come only when nobody else may, since they
// help some (affinity) and hinder others (spread). When that gets stuck, greedy from the last pod: whoever may have come
// last is taken off. Taking pods off only helps the others while the least domain stays as it is, so for spread over
// more hosts than pods the second way finds an order whenever there is one. Last comes the order that the
// packing's maker found, if it told one.
import type { WorkloadGroup } from '../../bench/inputs/read-workload.ts';

/** `count` pods of one group on one node. */
export interface PlacedGroup {
  readonly group: number;
  readonly node: number;
  readonly count: number;
}

interface Scene {
  readonly groups: readonly WorkloadGroup[];
  /** Number of the zone of each node. */
  readonly zoneOfNode: readonly number[];
  readonly zones: number;
  readonly placed: readonly PlacedGroup[];
}

/** How many pods that carry label `pair` are in each domain. */
class DomainCounts {
  readonly #counts: Int32Array;
  readonly #countable: readonly number[];
  /** Domains by their count; spread reads the least. */
  readonly #histogram: number[] = [];
  #least = 0;
  total = 0;

  /** `countable`: domains that exist, which is those with nodes. */
  constructor(domains: number, countable: readonly number[]) {
    this.#counts = new Int32Array(domains);
    this.#countable = countable;
    this.#histogram[0] = countable.length;
  }

  of(domain: number): number {
    return this.#counts[domain] ?? 0;
  }

  get least(): number {
    return this.#countable.length === 0 ? 0 : this.#least;
  }

  take(domain: number): void {
    const before = this.of(domain);
    this.#counts[domain] = before - 1;
    this.total -= 1;
    this.#histogram[before] = (this.#histogram[before] ?? 0) - 1;
    this.#histogram[before - 1] = (this.#histogram[before - 1] ?? 0) + 1;
    this.#least = Math.min(this.#least, before - 1);
    this.#raise();
  }

  add(domain: number): void {
    const before = this.of(domain);
    this.#counts[domain] = before + 1;
    this.total += 1;
    this.#histogram[before] = (this.#histogram[before] ?? 0) - 1;
    this.#histogram[before + 1] = (this.#histogram[before + 1] ?? 0) + 1;
    this.#raise();
  }

  #raise(): void {
    while (this.#countable.length > 0 && (this.#histogram[this.#least] ?? 0) === 0) this.#least += 1;
  }
}

/** MaxSkew of every spread constraint of the inputs. */
const MAX_SKEW = 1;

/** What of `scene.placed` no order was found for; empty: all of it can be placed. `said`: the same pods in an order that is
 *  claimed to work; each of its steps is looked at as well. */
export function findOrder(scene: Scene, said?: readonly PlacedGroup[]): readonly PlacedGroup[] {
  const left = fromTheFirst(scene);
  if (left.length === 0 || fromTheLast(scene)) return [];
  return said !== undefined && asSaid(scene, said) ? [] : left;
}

/** The order that somebody claims to have found; who may not be put down yet waits until others are there. */
function asSaid(scene: Scene, said: readonly PlacedGroup[]): boolean {
  const world = new World(scene);
  let waiting: readonly Waiting[] = [];
  for (const next of said) {
    const own = { ...next };
    while (own.count > 0 && world.may(own)) {
      world.put(own);
      own.count -= 1;
      if (waiting.length > 0) waiting = settle(world, waiting);
    }
    if (own.count > 0) waiting = [...waiting, own];
  }
  return settle(world, waiting).length === 0;
}

/** Is there an order, seen from its end? */
function fromTheLast(scene: Scene): boolean {
  const world = new World(scene);
  const all = scene.placed.map((one) => ({ ...one }));
  for (const one of all) for (let pod = 0; pod < one.count; pod += 1) world.put(one);
  const isBound = ({ group }: Waiting): boolean => scene.groups[group]?.kind !== 'generic';
  let bound: readonly Waiting[] = all.filter(isBound);
  const free = all.filter((one) => !isBound(one));
  for (;;) {
    const takenOff = bound.filter((one) => takeOff(world, one)).length;
    bound = bound.filter(({ count }) => count > 0);
    if (takenOff > 0) continue;
    // One at a time: what is not bound may be what others lean on.
    if (!free.some((one) => takeOff(world, one))) break;
  }
  return bound.length === 0 && free.every(({ count }) => count === 0);
}

/** Takes one pod off when it may have come after all the others that are still there. */
function takeOff(world: World, one: Waiting): boolean {
  if (one.count === 0) return false;
  world.take(one);
  if (world.may(one)) {
    one.count -= 1;
    return true;
  }
  world.put(one);
  return false;
}

function fromTheFirst(scene: Scene): readonly PlacedGroup[] {
  const world = new World(scene);
  const waiting = scene.placed.map((one) => ({ ...one }));
  const bound = waiting.filter(({ group }) => scene.groups[group]?.kind !== 'generic');
  const free = waiting.filter(({ group }) => scene.groups[group]?.kind === 'generic');
  let left = settle(world, bound);
  for (const one of free) {
    if (left.length === 0 && world.indifferent(one.group)) continue;
    while (one.count > 0 && world.may(one)) {
      world.put(one);
      one.count -= 1;
    }
    if (left.length > 0 && world.changed(one.group)) left = settle(world, left);
  }
  return [...left, ...free.filter(({ group, count }) => count > 0 && !(left.length === 0 && world.indifferent(group)))];
}

type Waiting = { readonly group: number; readonly node: number; count: number };

/** Places who may be placed, one pod of each at a time, until nobody may; returns who is left. */
function settle(world: World, bound: readonly Waiting[]): readonly Waiting[] {
  let left = bound.filter(({ count }) => count > 0);
  for (;;) {
    let progress = false;
    for (const one of left) {
      if (!world.may(one)) continue;
      world.put(one);
      one.count -= 1;
      progress = true;
    }
    if (!progress) return left;
    left = left.filter(({ count }) => count > 0);
  }
}

class World {
  readonly #scene: Scene;
  /** By label pair, for pairs that some selector names. */
  readonly #byHost = new Map<string, DomainCounts>();
  readonly #byZone = new Map<string, DomainCounts>();
  /** By selector of anti-affinity: pods that carry such a term. */
  readonly #repelling = new Map<string, DomainCounts>();

  constructor(scene: Scene) {
    this.#scene = scene;
    const nodes = scene.zoneOfNode.map((_, node) => node);
    const zones = [...new Set(scene.zoneOfNode)];
    for (const { selector, kind } of scene.groups) {
      if (selector === '' || this.#byHost.has(selector)) {
        if (kind === 'anti-host' && !this.#repelling.has(selector)) {
          this.#repelling.set(selector, new DomainCounts(nodes.length, nodes));
        }
        continue;
      }
      this.#byHost.set(selector, new DomainCounts(nodes.length, nodes));
      this.#byZone.set(selector, new DomainCounts(scene.zones, zones));
      if (kind === 'anti-host') this.#repelling.set(selector, new DomainCounts(nodes.length, nodes));
    }
  }

  /** Nobody selects pods of this group: they may come at any time. */
  indifferent(group: number): boolean {
    return !this.changed(group);
  }

  /** Placing pods of this group changes what others may do. */
  changed(group: number): boolean {
    return this.#byHost.has(this.#scene.groups[group]?.label ?? '');
  }

  /** May one more pod of this group be put on this node now? */
  may({ group, node }: { readonly group: number; readonly node: number }): boolean {
    const { kind, label, selector } = this.#groupAt(group);
    if ((this.#repelling.get(label)?.of(node) ?? 0) > 0) return false;
    const zone = this.#scene.zoneOfNode[node] ?? -1;
    const self = label === selector ? 1 : 0;
    const byHost = this.#byHost.get(selector);
    const byZone = this.#byZone.get(selector);
    if (byHost === undefined || byZone === undefined) return true;
    switch (kind) {
      case 'spread-host':
        return byHost.of(node) + self - byHost.least <= MAX_SKEW;
      case 'spread-zone':
        return byZone.of(zone) + self - byZone.least <= MAX_SKEW;
      case 'aff-zone':
        // The first of its kind may go anywhere, when it is of the kind that it looks for.
        return byZone.of(zone) > 0 || (byZone.total === 0 && self === 1);
      case 'anti-host':
        return byHost.of(node) === 0;
      case 'generic':
      default:
        return true;
    }
  }

  put({ group, node }: { readonly group: number; readonly node: number }): void {
    const { kind, label, selector } = this.#groupAt(group);
    this.#byHost.get(label)?.add(node);
    this.#byZone.get(label)?.add(this.#scene.zoneOfNode[node] ?? -1);
    if (kind === 'anti-host') this.#repelling.get(selector)?.add(node);
  }

  /** Takes back a put. */
  take({ group, node }: { readonly group: number; readonly node: number }): void {
    const { kind, label, selector } = this.#groupAt(group);
    this.#byHost.get(label)?.take(node);
    this.#byZone.get(label)?.take(this.#scene.zoneOfNode[node] ?? -1);
    if (kind === 'anti-host') this.#repelling.get(selector)?.take(node);
  }

  #groupAt(group: number): WorkloadGroup {
    const found = this.#scene.groups[group];
    if (found === undefined) throw new Error(`there is no group ${group}`);
    return found;
  }
}
