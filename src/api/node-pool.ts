// NodePool: what a cluster's owner asks for. Cluster-scoped, in the workload cluster, so its content is untrusted.
// Field names, bounds and defaults of the first part are those of OVH node pools (managing-nodes guide, 2025-12);
// the second part is ours. Absent is not zero: optional fields carry no schema default unless OVH's has one.
import { Type, type Static } from 'typebox';
import type { Condition } from './conditions.ts';
import type { ObjectMeta } from './object-meta.ts';
import {
  annotationMap,
  conditions,
  labelMap,
  literals,
  names,
  seconds,
  taint,
  taints,
  utilizationPattern,
  withRules,
} from './schema-parts.ts';

const int32 = (minimum: number, maximum: number, options: object = {}) =>
  Type.Integer({ minimum, maximum, format: 'int32', ...options });
const nullable = { nullable: true };
const unique = { 'x-kubernetes-list-type': 'set' };
const intOrPercent = Type.Unsafe<number | string>({
  'x-kubernetes-int-or-string': true,
  anyOf: [{ type: 'integer' }, { type: 'string' }],
  maxLength: 8,
});

const autoscaling = Type.Object(
  {
    scaleDownUnneededTimeSeconds: Type.Optional(seconds(nullable)),
    scaleDownUnreadyTimeSeconds: Type.Optional(seconds(nullable)),
    scaleDownUtilizationThreshold: Type.Optional(
      Type.String({ pattern: utilizationPattern, maxLength: 8, ...nullable }),
    ),
    scaleDownDelayAfterAddSeconds: Type.Optional(seconds()),
    maxNodeProvisionSeconds: Type.Optional(seconds({ minimum: 60 })),
    consolidate: Type.Optional(Type.Boolean()),
    standbyNodes: Type.Optional(int32(0, 999)),
  },
  nullable,
);

/** Every level may be null or absent: server-side apply leaves null behind when the last field of a level goes. */
const template = Type.Object(
  {
    metadata: Type.Optional(
      Type.Object(
        {
          labels: Type.Optional(labelMap),
          annotations: Type.Optional(annotationMap),
          finalizers: Type.Optional(names(16, nullable)),
        },
        nullable,
      ),
    ),
    spec: Type.Optional(
      Type.Object(
        {
          taints: Type.Optional(Type.Array(taint, { maxItems: 50, ...nullable })),
          unschedulable: Type.Optional(Type.Boolean(nullable)),
        },
        nullable,
      ),
    ),
  },
  nullable,
);

const fields = Type.Object({
  flavor: Type.Optional(Type.String({ minLength: 1, maxLength: 63 })),
  desiredNodes: Type.Optional(int32(0, 999)),
  minNodes: Type.Optional(int32(0, 999, nullable)),
  maxNodes: Type.Optional(int32(0, 999, nullable)),
  autoscale: Type.Optional(Type.Boolean({ default: false, ...nullable })),
  autoscaling: Type.Optional(autoscaling),
  antiAffinity: Type.Optional(Type.Boolean({ default: false, ...nullable })),
  monthlyBilled: Type.Optional(Type.Boolean({ default: false, ...nullable })),
  availabilityZones: Type.Optional(names(16, { ...nullable, ...unique })),
  attachFloatingIPs: Type.Optional(Type.Object({ enabled: Type.Optional(Type.Boolean()) }, nullable)),
  template: Type.Optional(template),
  // extensions
  antiAffinityPolicy: Type.Optional(literals(['Required', 'Preferred'])),
  flavors: Type.Optional(names(32, { minItems: 1, ...unique })),
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
  securityGroups: Type.Optional(names(16, unique)),
  rootVolume: Type.Optional(
    Type.Object({ sizeGiB: Type.Optional(int32(1, 65_536)), type: Type.Optional(Type.String({ maxLength: 255 })) }),
  ),
  kubelet: Type.Optional(Type.Object({ maxPods: Type.Optional(int32(1, 1000)) })),
});

/** OVH's limit: an anti-affinity pool spreads over hypervisors, and no more than five are promised. */
export const ANTI_AFFINITY_NODES_MAX = 5;
/** What spec.maxNodes means when it is absent (ANTI_AFFINITY_NODES_MAX with anti-affinity), as at OVH. */
export const NODES_MAX_DEFAULT = 100;
/** `<pool>-node-<6 hex>` is a host name and a label value: 63 characters at most. */
export const POOL_NAME_LENGTH_MAX = 63 - '-node-'.length - 6;
export const POOL_NAME_PATTERN = '^[a-z]([-a-z0-9]*[a-z0-9])?$';

/** Rules on metadata; Kubernetes shows a rule at the root no more of it than the name. */
export const nodePoolRules = [
  {
    rule: `size(self.metadata.name) <= ${POOL_NAME_LENGTH_MAX} && self.metadata.name.matches('${POOL_NAME_PATTERN}')`,
    message: `metadata.name must be at most ${POOL_NAME_LENGTH_MAX} lower-case letters, digits and dashes, starting with a letter, because nodes are named after it`,
  },
];

const isOn = (object: string, field: string) => `(has(${object}.${field}) && ${object}.${field} == true)`;
const kept = (field: string) =>
  `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`;
const antiAffinity = isOn('self', 'antiAffinity');
/** A hypervisor each is promised, not only wished for. */
const strictlyApart = `(${antiAffinity} && !(has(self.antiAffinityPolicy) && self.antiAffinityPolicy == 'Preferred'))`;
const mostNodes = `(has(self.maxNodes) ? self.maxNodes : (${strictlyApart} ? ${ANTI_AFFINITY_NODES_MAX} : ${NODES_MAX_DEFAULT}))`;

// desiredNodes below minNodes is no error: it means minNodes, so that raising minNodes never fights a stored size.
export const nodePoolSpecSchema = withRules(fields, [
  { rule: 'has(self.flavor) != has(self.flavors)', message: 'exactly one of spec.flavor and spec.flavors must be set' },
  {
    rule: `!has(self.minNodes) || self.minNodes <= ${mostNodes}`,
    message: 'spec.minNodes must be at most spec.maxNodes (absent: 100, or 5 with spec.antiAffinity)',
    fieldPath: '.minNodes',
  },
  {
    rule: `!has(self.desiredNodes) || self.desiredNodes <= ${mostNodes}`,
    message: 'spec.desiredNodes must be at most spec.maxNodes (absent: 100, or 5 with spec.antiAffinity)',
    fieldPath: '.desiredNodes',
  },
  {
    rule: `!${strictlyApart} || !has(self.maxNodes) || self.maxNodes <= ${ANTI_AFFINITY_NODES_MAX}`,
    message: `spec.maxNodes must be at most ${ANTI_AFFINITY_NODES_MAX} with spec.antiAffinity`,
    fieldPath: '.maxNodes',
  },
  {
    rule: `!has(self.antiAffinityPolicy) || ${antiAffinity}`,
    message: 'spec.antiAffinityPolicy needs spec.antiAffinity: true',
    fieldPath: '.antiAffinityPolicy',
  },
  {
    rule: kept('antiAffinityPolicy'),
    message: 'spec.antiAffinityPolicy is immutable: make a new pool',
    fieldPath: '.antiAffinityPolicy',
  },
  { rule: kept('flavor'), message: 'spec.flavor is immutable: make a new pool', fieldPath: '.flavor' },
  { rule: kept('flavors'), message: 'spec.flavors is immutable: make a new pool', fieldPath: '.flavors' },
  {
    rule: kept('availabilityZones'),
    message: 'spec.availabilityZones is immutable: make a new pool',
    fieldPath: '.availabilityZones',
  },
  {
    rule: `${antiAffinity} == ${isOn('oldSelf', 'antiAffinity')}`,
    message: 'spec.antiAffinity is immutable: make a new pool',
    fieldPath: '.antiAffinity',
  },
  {
    rule: `!${isOn('oldSelf', 'monthlyBilled')} || ${isOn('self', 'monthlyBilled')}`,
    message: 'spec.monthlyBilled can be set to true but not back to false',
    fieldPath: '.monthlyBilled',
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

/** Whether each node of the pool must have a hypervisor of its own: the limit of OVH and of the cloud's hosts holds then. */
export function isStrictlyApart(spec: Pick<NodePoolSpec, 'antiAffinity' | 'antiAffinityPolicy'>): boolean {
  return spec.antiAffinity === true && spec.antiAffinityPolicy !== 'Preferred';
}
