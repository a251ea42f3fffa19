// Small schema pieces shared by the three resources. Every string, list and map is bounded: unbounded ones break the
// CEL cost budget of a CRD (measured on Kubernetes 1.37: refused by a factor of 100).
import { Type, type TSchema, type TUnsafe } from 'typebox';

export function literals<const T extends string>(values: readonly T[], options: object = {}): TUnsafe<T> {
  return Type.Unsafe<T>({ type: 'string', enum: [...values], ...options });
}

export const labelMap = Type.Record(Type.String(), Type.String({ maxLength: 63 }), {
  maxProperties: 64,
  nullable: true,
});
/** Values up to 4 KiB: 64 of them stay far below the 256 KiB that Kubernetes allows for annotations. */
export const annotationMap = Type.Record(Type.String(), Type.String({ maxLength: 4096 }), {
  maxProperties: 64,
  nullable: true,
});

export const taint = Type.Object({
  key: Type.String({ minLength: 1, maxLength: 317 }),
  value: Type.Optional(Type.String({ maxLength: 63 })),
  effect: literals(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
  timeAdded: Type.Optional(Type.String({ format: 'date-time', maxLength: 64 })),
});

/** Kubernetes allows one taint per key and effect on a node; the list type lets the API server say so. */
export const taints = Type.Array(taint, {
  maxItems: 50,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['key', 'effect'],
});

export function names(maxItems: number, options: object = {}) {
  return Type.Array(Type.String({ minLength: 1, maxLength: 253 }), { maxItems, ...options });
}

export const condition = Type.Object({
  type: Type.String({ maxLength: 316 }),
  status: literals(['True', 'False', 'Unknown']),
  reason: Type.String({ maxLength: 1024 }),
  message: Type.String({ maxLength: 32_768 }),
  lastTransitionTime: Type.String({ format: 'date-time', maxLength: 64 }),
  observedGeneration: Type.Optional(Type.Integer({ format: 'int64' })),
});

export const conditions = Type.Array(condition, {
  maxItems: 32,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
});

export const seconds = (options: object = {}) =>
  Type.Integer({ minimum: 0, maximum: 2_147_483_647, format: 'int32', ...options });

/** A share in [0, 1] as text, as at OVH: a CRD built by Kubebuilder has no floats. */
export const utilizationPattern = '^(0(\\.[0-9]{1,6})?|1(\\.0{1,6})?)$';

/** Wraps a schema with CEL rules of Kubernetes. */
export function withRules<T extends TSchema>(
  schema: T,
  rules: readonly { rule: string; message: string; fieldPath?: string; reason?: string; optionalOldSelf?: boolean }[],
): T {
  return { ...schema, 'x-kubernetes-validations': rules };
}
