// Pods in columns, as they go from one thread to another: what each has for itself in lists and numbers, what many share
// (their shape with it) once. Pure: the other thread's interner is not this one's, so shapes are interned again where they
// arrive, one for many pods.
import type { PodObject } from './cluster-objects.ts';
import type { PodShapeInterner, ShapeParts } from './pod-shape-interner.ts';

/** What pods share with their like. */
export type SharedPart = Omit<PodObject, 'uid' | 'name' | 'createdMs' | 'version' | 'nodeName'>;

export interface PodColumns {
  /** Numbers that were given before mean nothing any more. */
  readonly renumbered: boolean;
  /** New ones; they have the next numbers. */
  readonly parts: readonly SharedPart[];
  /** Number of each pod's shared part. */
  readonly partOf: Uint32Array<ArrayBuffer>;
  readonly uids: readonly string[];
  readonly names: readonly string[];
  readonly createdMs: Float64Array<ArrayBuffer>;
  /** As they are: a whole number that came as a double would make V8 change all pods that it has seen before. */
  readonly versions: readonly number[];
  readonly nodeNames: readonly string[];
}

/** Parts with a number: at some 3 KiB each these are 50 MiB on either side, of a hostile cluster's making. 150,000 pods of
 *  5,000 Deployments have twice as many parts as shapes. */
const PARTS_MAX = 16_384;
/** Pods of one shape that differ otherwise (phase, priority) are few; a tenant who makes them many gets them as new ones. */
const LOOKED_AT_MAX = 8;

interface Numbered {
  readonly part: SharedPart;
  readonly number: number;
}

/** Puts pods of one interner into columns, for one PodUnpacker. */
export class PodPacker {
  readonly #byShape = new Map<PodObject['shape'], Numbered[]>();
  readonly #partsMax: number;
  #next = 0;

  constructor(options: { readonly partsMax?: number } = {}) {
    this.#partsMax = options.partsMax ?? PARTS_MAX;
  }

  pack(pods: readonly PodObject[]): PodColumns {
    const renumbered = this.#next >= this.#partsMax;
    if (renumbered) {
      this.#byShape.clear();
      this.#next = 0;
    }
    const parts: SharedPart[] = [];
    return {
      renumbered,
      parts,
      partOf: Uint32Array.from(pods, (pod) => this.#numberOf(pod, parts)),
      uids: pods.map(({ uid }) => uid),
      names: pods.map(({ name }) => name),
      createdMs: Float64Array.from(pods, ({ createdMs }) => createdMs),
      versions: pods.map(({ version }) => version),
      nodeNames: pods.map(({ nodeName }) => nodeName),
    };
  }

  #numberOf(pod: PodObject, parts: SharedPart[]): number {
    const known = this.#byShape.get(pod.shape);
    const found = known?.slice(-LOOKED_AT_MAX).find(({ part }) => isPartOf(part, pod));
    if (found !== undefined) return found.number;
    const part = sharedPart(pod);
    const numbered = { part, number: this.#next };
    if (known === undefined) this.#byShape.set(pod.shape, [numbered]);
    else known.push(numbered);
    parts.push(part);
    this.#next += 1;
    return numbered.number;
  }
}

export function sharedPart({
  uid: _uid,
  name: _name,
  createdMs: _createdMs,
  version: _version,
  nodeName: _nodeName,
  ...part
}: PodObject): SharedPart {
  return part;
}

function isPartOf(part: SharedPart, pod: PodObject): boolean {
  return (
    part.namespace === pod.namespace &&
    part.deleting === pod.deleting &&
    part.phase === pod.phase &&
    part.nominatedNodeName === pod.nominatedNodeName &&
    part.schedulerName === pod.schedulerName &&
    part.priority === pod.priority &&
    part.gated === pod.gated &&
    part.unschedulable === pod.unschedulable &&
    part.controller === pod.controller &&
    part.mirror === pod.mirror &&
    part.safeToEvict === pod.safeToEvict &&
    part.doNotDisrupt === pod.doNotDisrupt &&
    part.localStorage === pod.localStorage
  );
}

/** Makes pods of the columns of one PodPacker, which must come in their order. */
export class PodUnpacker {
  readonly #interner: PodShapeInterner;
  #parts: SharedPart[] = [];

  constructor(interner: PodShapeInterner) {
    this.#interner = interner;
  }

  unpack(columns: PodColumns): readonly PodObject[] {
    const { partOf, uids, names, createdMs, versions, nodeNames } = columns;
    if (columns.renumbered) this.#parts = [];
    for (const part of columns.parts) this.#parts.push(this.#interned(part));
    return names.map((name, index) => {
      const part = this.#parts[partOf[index] ?? -1];
      if (part === undefined) throw new Error('Columns of pods must come in their order');
      return podOf(part, {
        uid: uids[index] ?? '',
        name,
        createdMs: createdMs[index] ?? 0,
        version: versions[index] ?? 0,
        nodeName: this.#interner.text(nodeNames[index] ?? ''),
      });
    });
  }

  #interned(part: SharedPart): SharedPart {
    const interner = this.#interner;
    return {
      ...part,
      namespace: interner.text(part.namespace),
      schedulerName: interner.text(part.schedulerName),
      controller: interner.controller(part.controller),
      shape: interner.intern(shapeParts(part.shape)),
    };
  }
}

/** Put together as parsePodShape does it, so that V8 keeps all shapes alike: they are what decisions read most. */
function shapeParts(shape: PodObject['shape']): ShapeParts {
  const {
    index: _index,
    key: _key,
    namespace,
    labels,
    requests,
    nodeSelector,
    nodeAffinity,
    tolerations,
    ...more
  } = shape;
  const { hostPorts, spread, podAffinity, podAntiAffinity, volumes, ...rare } = more;
  const { cpuMillis, memoryBytes, ephemeralBytes, pods, extended, ...exact } = requests;
  return {
    namespace,
    labels,
    requests: { cpuMillis, memoryBytes, ephemeralBytes, pods, extended, ...exact },
    nodeSelector,
    nodeAffinity,
    tolerations,
    hostPorts,
    spread,
    podAffinity,
    podAntiAffinity,
    volumes,
    ...rare,
  };
}

/** With its fields in the order in which parsePod names them, for the same reason. */
export function podOf(
  part: SharedPart,
  own: Pick<PodObject, 'uid' | 'name' | 'createdMs' | 'version' | 'nodeName'>,
): PodObject {
  return {
    uid: own.uid,
    namespace: part.namespace,
    name: own.name,
    createdMs: own.createdMs,
    version: own.version,
    deleting: part.deleting,
    phase: part.phase,
    nodeName: own.nodeName,
    nominatedNodeName: part.nominatedNodeName,
    schedulerName: part.schedulerName,
    priority: part.priority,
    gated: part.gated,
    unschedulable: part.unschedulable,
    controller: part.controller,
    mirror: part.mirror,
    safeToEvict: part.safeToEvict,
    doNotDisrupt: part.doNotDisrupt,
    localStorage: part.localStorage,
    shape: part.shape,
  };
}
