// NodePool: what a cluster's owner asks for. Cluster-scoped, in the workload cluster, so its content is untrusted.
// Field names, bounds and defaults of the first part are those of OVH node pools (managing-nodes guide, 2025-12);
// the second part is ours. Absent is not zero: optional fields carry no schema default unless OVH's has one.
import { Type, type Static } from 'typebox';
import type { Condition } from './conditions.ts';
import type { ObjectMeta } from './object-meta.ts';
import { annotationMap, conditions, labelMap, literals, names, seconds, taints, withRules } from './schema-parts.ts';

const int32 = (minimum: number, maximum: number, options: object = {}) =>
  Type.Integer({ minimum, maximum, format: 'int32', ...options });
const nullable = { nullable: true };
const intOrPercent = Type.Unsafe<number | string>({
  'x-kubernetes-int-or-string': true,
  anyOf: [{ type: 'integer' }, { type: 'string' }],
  maxLength: 8,
});

const autoscaling = Type.Object(
  {
    scaleDownUnneededTimeSeconds: Type.Optional(seconds(nullable)),
    scaleDownUnreadyTimeSeconds: Type.Optional(seconds(nullable)),
    /** A number in a string, as at OVH (Kubebuilder has no floats). */
    scaleDownUtilizationThreshold: Type.Optional(
      Type.String({ pattern: '^(0(\\.[0-9]{1,6})?|1(\\.0{1,6})?)$', maxLength: 8, ...nullable }),
    ),
    scaleDownDelayAfterAddSeconds: Type.Optional(seconds()),
    maxNodeProvisionSeconds: Type.Optional(seconds({ minimum: 60 })),
    consolidate: Type.Optional(Type.Boolean()),
    standbyNodes: Type.Optional(int32(0, 999)),
  },
  nullable,
);

const template = Type.Object(
  {
    metadata: Type.Object({
      labels: Type.Optional(labelMap),
      annotations: Type.Optional(annotationMap),
      finalizers: Type.Optional(names(16)),
    }),
    spec: Type.Object({
      taints: Type.Optional(taints),
      unschedulable: Type.Optional(Type.Boolean()),
    }),
  },
  nullable,
);

const fields = Type.Object({
  flavor: Type.Optional(Type.String({ minLength: 1, maxLength: 63 })),
  desiredNodes: Type.Optional(int32(0, 999)),
  minNodes: Type.Optional(int32(0, 999, nullable)),
  maxNodes: Type.Optional(int32(0, 999, nullable)),
  autoscale: Type.Optional(Type.Boolean(nullable)),
  autoscaling: Type.Optional(autoscaling),
  antiAffinity: Type.Optional(Type.Boolean(nullable)),
  monthlyBilled: Type.Optional(Type.Boolean(nullable)),
  availabilityZones: Type.Optional(names(16, nullable)),
  attachFloatingIPs: Type.Optional(Type.Object({ enabled: Type.Optional(Type.Boolean()) }, nullable)),
  template: Type.Optional(template),
  // extensions
  flavors: Type.Optional(names(32, { minItems: 1 })),
  priority: Type.Optional(int32(-1_000_000, 1_000_000)),
  drain: Type.Optional(Type.Object({ timeoutSeconds: Type.Optional(seconds()), force: Type.Optional(Type.Boolean()) })),
  upgrade: Type.Optional(
    Type.Object({
      strategy: Type.Optional(literals(['Rolling', 'OnDelete'])),
      maxSurge: Type.Optional(intOrPercent),
      maxUnavailable: Type.Optional(intOrPercent),
    }),
  ),
  disruption: Type.Optional(
    Type.Object({
      maxUnavailable: Type.Optional(intOrPercent),
      windows: Type.Optional(
        Type.Array(
          Type.Object({
            days: Type.Optional(names(7)),
            start: Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$', maxLength: 5 }),
            durationMinutes: int32(1, 10_080),
          }),
          { maxItems: 16 },
        ),
      ),
    }),
  ),
  health: Type.Optional(
    Type.Object({
      autoRepair: Type.Optional(Type.Boolean()),
      unhealthyAfterSeconds: Type.Optional(seconds()),
      conditions: Type.Optional(names(16)),
    }),
  ),
  startupTaints: Type.Optional(taints),
  securityGroups: Type.Optional(names(16)),
  rootVolume: Type.Optional(
    Type.Object({ sizeGiB: Type.Optional(int32(1, 65_536)), type: Type.Optional(Type.String({ maxLength: 255 })) }),
  ),
  kubelet: Type.Optional(Type.Object({ maxPods: Type.Optional(int32(1, 1000)) })),
});

export const nodePoolSpecSchema = withRules(fields, [
  { rule: 'has(self.flavor) != has(self.flavors)', message: 'exactly one of spec.flavor and spec.flavors must be set' },
  {
    rule: '!has(self.minNodes) || !has(self.maxNodes) || self.minNodes <= self.maxNodes',
    message: 'spec.minNodes must be at most spec.maxNodes',
  },
  {
    rule: '!has(self.desiredNodes) || !has(self.maxNodes) || self.desiredNodes <= self.maxNodes',
    message: 'spec.desiredNodes must be at most spec.maxNodes',
  },
]);

export const nodePoolStatusSchema = Type.Object({
  currentNodes: Type.Optional(int32(0, 100_000)),
  availableNodes: Type.Optional(int32(0, 100_000)),
  upToDateNodes: Type.Optional(int32(0, 100_000)),
  observedGeneration: Type.Optional(Type.Integer({ format: 'int64' })),
  selector: Type.Optional(Type.String({ maxLength: 1024 })),
  flavors: Type.Optional(
    Type.Array(
      Type.Object({
        name: Type.String({ maxLength: 63 }),
        nodes: int32(0, 100_000),
        allocatable: Type.Optional(Type.Record(Type.String(), Type.String({ maxLength: 64 }), { maxProperties: 32 })),
        pricePerHour: Type.Optional(Type.String({ maxLength: 32 })),
      }),
      { maxItems: 64 },
    ),
  ),
  conditions: Type.Optional(conditions),
});

export type NodePoolSpec = Static<typeof nodePoolSpecSchema>;
export type NodePoolStatus = Omit<Static<typeof nodePoolStatusSchema>, 'conditions'> & {
  readonly conditions?: readonly Condition[];
};

export interface NodePool {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
  readonly spec: NodePoolSpec;
  readonly status?: NodePoolStatus;
}
