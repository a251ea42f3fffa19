// What a shape asks of a node as far as its room and its labels, taints and cordon go: shapes that ask the same are one
// kind. In a cluster of thousands of shapes there are dozens of kinds, as shapes differ mostly in their labels.
import type { PodShape } from '../cluster/cluster-objects.ts';
import { isSpecific, profileKey } from './static-verdicts.ts';

export interface ShapeKind {
  /** Equal text = the same room, and the same answer of every node that differs from others by name only. */
  readonly key: string;
  /** Nothing else is asked: neither what runs there nor which node it is by name decides. */
  readonly roomOnly: boolean;
}

const kinds = new WeakMap<PodShape, ShapeKind>();

/** The shape's kind; worked out once per shape. */
export function kindOfShape(shape: PodShape): ShapeKind {
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
