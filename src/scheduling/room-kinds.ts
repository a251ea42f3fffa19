// What a shape asks of a node as far as its room and its labels, taints and cordon go: shapes that ask the same are one
// kind. In a cluster of thousands of shapes there are dozens of kinds, as shapes differ mostly in their labels.
import type { PodShape } from '../cluster/cluster-objects.ts';
import type { ForkedSnapshot } from './forked-snapshot.ts';
import { isSpecific, profileKey } from './static-verdicts.ts';

/** Pods that ask for the same room and are let onto the same nodes. */
export interface RoomKind {
  /** From 0, in the order in which they were met. */
  readonly number: number;
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly ephemeralBytes: number;
  /** Nothing else decides where they may go. */
  readonly roomOnly: boolean;
  /** One of its shapes: to ask the fork. */
  readonly shape: PodShape;
  /** Per class of nodes: 1 lets them in, 2 does not, absent: not asked yet. */
  readonly admitted: number[];
}

/** The kinds of one fork, while no pods come to it that carry anti-affinity which nobody there had. */
export class RoomKinds {
  readonly #fork: ForkedSnapshot;
  /** By what they ask for: those of which nothing else decides, and the others. */
  readonly #free = new Map<string, RoomKind>();
  readonly #others = new Map<string, RoomKind>();
  readonly #byShape = new Map<PodShape, RoomKind>();

  constructor(fork: ForkedSnapshot) {
    this.#fork = fork;
  }

  of(shape: PodShape): RoomKind {
    const known = this.#byShape.get(shape);
    if (known !== undefined) return known;
    const { key, roomOnly } = kindOfShape(shape);
    const free = roomOnly && !this.#fork.isConcerned(shape);
    const byKey = free ? this.#free : this.#others;
    let kind = byKey.get(key);
    if (kind === undefined) {
      const { cpuMillis, memoryBytes, ephemeralBytes } = shape.requests;
      const number = this.#free.size + this.#others.size;
      kind = { number, cpuMillis, memoryBytes, ephemeralBytes, roomOnly: free, shape, admitted: [] };
      byKey.set(key, kind);
    }
    this.#byShape.set(shape, kind);
    return kind;
  }

  /** Labels, taints and cordon of the node let the kind in. Kinds that are more than room may name nodes, which classes of nodes
   *  do not see: the answer is yes, and the fork has to be asked. */
  admits(kind: RoomKind, index: number): boolean {
    if (!kind.roomOnly) return true;
    const nodeClass = this.#fork.nodeClassOf(index);
    const known = kind.admitted[nodeClass];
    if (known !== undefined) return known === 1;
    const admitted = this.#fork.admits(kind.shape, index);
    kind.admitted[nodeClass] = admitted ? 1 : 2;
    return admitted;
  }
}

interface ShapeKind {
  /** Equal text = the same room, and the same answer of every node that differs from others by name only. */
  readonly key: string;
  /** Nothing else is asked: neither what runs there nor which node it is by name decides. */
  readonly roomOnly: boolean;
}

const kinds = new WeakMap<PodShape, ShapeKind>();

/** The shape's kind; worked out once per shape. */
function kindOfShape(shape: PodShape): ShapeKind {
  const known = kinds.get(shape);
  if (known !== undefined) return known;
  const { cpuMillis, memoryBytes, ephemeralBytes } = shape.requests;
  const kind = {
    key: `${cpuMillis} ${memoryBytes} ${ephemeralBytes} ${profileKey(shape)}`,
    roomOnly: asksRoomOnly(shape),
  };
  kinds.set(shape, kind);
  return kind;
}

function asksRoomOnly(shape: PodShape): boolean {
  return (
    shape.spread.length === 0 &&
    shape.podAffinity.length === 0 &&
    shape.podAntiAffinity.length === 0 &&
    shape.volumes.length === 0 &&
    shape.hostPorts.length === 0 &&
    shape.disks === undefined &&
    shape.features === undefined &&
    shape.resourceClaims === undefined &&
    shape.faults === undefined &&
    shape.requests.exact === undefined &&
    shape.requests.extended.size === 0 &&
    !isSpecific(shape)
  );
}
