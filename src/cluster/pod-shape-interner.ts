// Gives equal pod shapes one object, so that everything later is computed per shape and not per pod.
// A shape is kept by the pods that carry it and by nobody else: each revision of a Deployment brings new ones, and a cache
// that held on to them would grow for as long as people deploy. It is bounded too: when it is full the shape that was made
// longest ago is forgotten; an equal one met later becomes a second object with the same key, which costs time and nothing
// else.
import { LABELS } from '../api/names.ts';
import type { ControllerRef, LabelSelector, PodAffinityTerm, PodShape, Resources } from './cluster-objects.ts';

/** At about 2 KiB each this is at most 130 MiB of a hostile cluster's making; 30,000 real pods have some 2,000 shapes,
 *  or one each where every pod is pinned (DaemonSets) or numbered (StatefulSets). */
const SHAPES_MAX = 65_536;
/** Entries whose shape is gone are looked for after this many new shapes, or a quarter of those that were left: so it costs as
 *  much as a few entries for each of them. */
const SWEEP_AFTER_MIN = 1024;
const SWEEP_AFTER_SHARE = 1 / 4;

/** Texts and owners that pods share are forgotten all together when they are so many: later pods then share others. */
const SHARED_MAX = 65_536;

/** All of a shape but its place in an interner. */
export type ShapeParts = Omit<PodShape, 'index' | 'key'>;

export class PodShapeInterner {
  readonly #texts = new Map<string, string>();
  readonly #controllers = new Map<string, ControllerRef>();
  readonly #shapes = new Map<string, WeakRef<PodShape>>();
  /** The shape that a controller's pods had last. */
  readonly #lastOf = new WeakMap<ControllerRef, WeakRef<PodShape>>();
  readonly #shapesMax: number;
  #next = 0;
  #untilSweep = SWEEP_AFTER_MIN;

  constructor(options: { readonly shapesMax?: number } = {}) {
    this.#shapesMax = options.shapesMax ?? SHAPES_MAX;
    if (!(this.#shapesMax >= 1)) throw new Error(`shapesMax must be at least 1: ${this.#shapesMax}`);
  }

  /** Shapes in the cache; some of them may be gone. */
  get size(): number {
    return this.#shapes.size;
  }

  /** The one text that is equal to it, for those that many pods say: JSON.parse makes a new one for each. */
  text(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (this.#texts.size >= SHARED_MAX) this.#texts.clear();
    this.#texts.set(text, text);
    return text;
  }

  /** The one object that is equal to it: the pods of a Deployment have one owner. */
  controller(controller: ControllerRef | undefined): ControllerRef | undefined {
    if (controller === undefined) return undefined;
    const { uid, kind, name } = controller;
    const known = this.#controllers.get(uid);
    if (known?.kind === kind && known.name === name) return known;
    if (this.#controllers.size >= SHARED_MAX) this.#controllers.clear();
    this.#controllers.set(uid, controller);
    return controller;
  }

  /** The one object of this shape. Maps may come in any order; lists keep theirs, because reasons follow it. `owner`: an
   *  interned controller of the pod, whose pods are mostly alike. */
  intern(parts: ShapeParts, owner?: ControllerRef): PodShape {
    if (owner === undefined) return this.#internByKey(parts);
    const last = this.#lastOf.get(owner)?.deref();
    // A fifth of what the key costs, and a tenth of reading a pod.
    if (last !== undefined && sameParts(last, parts)) return last;
    const shape = this.#internByKey(parts);
    this.#lastOf.set(owner, new WeakRef(shape));
    return shape;
  }

  #internByKey(parts: ShapeParts): PodShape {
    const key = shapeKey(parts);
    const known = this.#shapes.get(key)?.deref();
    if (known !== undefined) return known;
    this.#untilSweep -= 1;
    if (this.#untilSweep <= 0) this.#sweep();
    if (this.#shapes.size >= this.#shapesMax) {
      const oldest = this.#shapes.keys().next();
      if (oldest.done !== true) this.#shapes.delete(oldest.value);
    }
    const shape: PodShape = { ...parts, index: this.#next, key };
    this.#next += 1;
    // As the newest: what is gone may have stood there.
    this.#shapes.delete(key);
    this.#shapes.set(key, new WeakRef(shape));
    return shape;
  }

  #sweep(): void {
    for (const [key, shape] of this.#shapes) if (shape.deref() === undefined) this.#shapes.delete(key);
    this.#untilSweep = Math.max(SWEEP_AFTER_MIN, Math.round(this.#shapes.size * SWEEP_AFTER_SHARE));
  }
}

/** Whether a shape has these parts, and so their key. What every pod has is compared field by field: this is asked of each. */
function sameParts(shape: ShapeParts, parts: ShapeParts): boolean {
  return (
    shape.namespace === parts.namespace &&
    sameTexts(shape.labels, parts.labels) &&
    sameResources(shape.requests, parts.requests) &&
    sameTexts(shape.nodeSelector, parts.nodeSelector) &&
    sameTolerations(shape.tolerations, parts.tolerations) &&
    same(shape.nodeAffinity, parts.nodeAffinity) &&
    same(shape.hostPorts, parts.hostPorts) &&
    same(shape.spread, parts.spread) &&
    same(shape.podAffinity, parts.podAffinity) &&
    same(shape.podAntiAffinity, parts.podAntiAffinity) &&
    same(shape.volumes, parts.volumes) &&
    same(shape.disks, parts.disks) &&
    same(shape.features, parts.features) &&
    same(shape.resourceClaims, parts.resourceClaims) &&
    same(shape.containerDevices, parts.containerDevices) &&
    same(shape.faults, parts.faults)
  );
}

function sameTexts(left: ReadonlyMap<string, string>, right: ReadonlyMap<string, string>): boolean {
  if (left === right) return true;
  if (left.size !== right.size) return false;
  for (const [key, value] of left) if (right.get(key) !== value) return false;
  return true;
}

function sameResources(left: Resources, right: Resources): boolean {
  return (
    left.cpuMillis === right.cpuMillis &&
    left.memoryBytes === right.memoryBytes &&
    left.ephemeralBytes === right.ephemeralBytes &&
    left.pods === right.pods &&
    same(left.extended, right.extended) &&
    same(left.exact, right.exact)
  );
}

function sameTolerations(left: PodShape['tolerations'], right: PodShape['tolerations']): boolean {
  return (
    left.length === right.length &&
    left.every((one, index) => {
      const other = right[index];
      return (
        one.key === other?.key &&
        one.operator === other.operator &&
        one.value === other.value &&
        one.effect === other.effect
      );
    })
  );
}

/** Equal all the way down. */
function same(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left)) {
    return Array.isArray(right) && left.length === right.length && left.every((item, at) => same(item, right[at]));
  }
  if (left instanceof Map) {
    return (
      right instanceof Map && left.size === right.size && [...left].every(([key, value]) => same(value, right.get(key)))
    );
  }
  const [ours, theirs] = [Object.entries(left), Object.entries(right)];
  return ours.length === theirs.length && ours.every((entry, at) => same(entry, theirs[at]));
}

/** From Kubernetes 1.35 on, binding a pod copies these labels of its node onto it (PodTopologyLabelsAdmission). */
const LABELS_OF_BINDING: readonly string[] = [LABELS.zone, LABELS.region];

/** The key that equal pods share whether they wait or have a node: without what binding adds. Selectors do see that, so
 *  `key` keeps it. */
export function keyBeforeBinding(shape: PodShape): string {
  if (!LABELS_OF_BINDING.some((label) => shape.labels.has(label))) return shape.key;
  return shapeKey({
    ...shape,
    labels: new Map([...shape.labels].filter(([label]) => !LABELS_OF_BINDING.includes(label))),
  });
}

function shapeKey(parts: ShapeParts): string {
  return JSON.stringify([
    parts.namespace,
    sorted(parts.labels),
    resourcesKey(parts.requests),
    sorted(parts.nodeSelector),
    parts.nodeAffinity ?? null,
    parts.tolerations.map(({ key, operator, value, effect }) => [key, operator, value, effect]),
    parts.hostPorts.map(({ protocol, hostIp, port }) => [protocol, hostIp, port]),
    parts.spread.map((constraint) => [
      constraint.topologyKey,
      constraint.maxSkew,
      constraint.minDomains,
      selectorKey(constraint.selector),
      constraint.nodeAffinityPolicy,
      constraint.nodeTaintsPolicy,
    ]),
    parts.podAffinity.map(affinityKey),
    parts.podAntiAffinity.map(affinityKey),
    parts.volumes.map(({ claim, ephemeral }) => [claim, ephemeral]),
    ...rareParts(parts),
  ]);
}

/** What few pods have; nothing for all others, whose keys stay short. */
function rareParts(parts: ShapeParts): readonly unknown[] {
  const { disks, features, resourceClaims, containerDevices, faults } = parts;
  if ((disks ?? features ?? resourceClaims ?? containerDevices ?? faults) === undefined) return [];
  return [
    disks?.map(({ kind, id, readOnly, monitors }) => [kind, id, readOnly, monitors]) ?? null,
    features ?? null,
    resourceClaims ?? null,
    containerDevices?.map(({ index, lasting, amounts }) => [index, lasting, [...amounts]]) ?? null,
    [faults?.spread ?? null, faults?.affinity ?? null],
  ];
}

const NO_ENTRIES: readonly never[] = [];

function sorted<T>(map: ReadonlyMap<string, T>): readonly (readonly [string, T])[] {
  if (map.size === 0) return NO_ENTRIES;
  const entries = [...map];
  // Those that were parsed are in order.
  for (let index = 1; index < entries.length; index += 1) {
    if ((entries[index - 1]?.[0] ?? '') > (entries[index]?.[0] ?? '')) {
      return entries.sort(([left], [right]) => (left < right ? -1 : 1));
    }
  }
  return entries;
}

function resourcesKey(resources: Resources): readonly unknown[] {
  const { cpuMillis, memoryBytes, ephemeralBytes, pods, extended, exact } = resources;
  const key = [cpuMillis, memoryBytes, ephemeralBytes, pods, sorted(extended)];
  return exact === undefined ? key : [...key, sorted(exact).map(([name, amount]) => [name, String(amount)])];
}

function selectorKey(selector: LabelSelector | undefined): unknown {
  return selector === undefined ? null : selector.requirements.map((one) => [one.key, one.operator, one.values]);
}

function affinityKey(term: PodAffinityTerm): readonly unknown[] {
  return [term.topologyKey, selectorKey(term.selector), term.namespaces, selectorKey(term.namespaceSelector)];
}
