// NodeClaim: the durable record of one node's life. Namespaced, in the management cluster, written by Sluice alone.
// The spec is the whole intent and never changes; facts and timers live in the status, so that a restart or a new
// leader finds them.
import { Type, type Static } from 'typebox';
import type { Condition } from './conditions.ts';
import type { ObjectMeta } from './object-meta.ts';
import { annotationMap, conditions, labelMap, literals, names, taints, withRules } from './schema-parts.ts';

const text = (maxLength = 253) => Type.String({ maxLength });
const time = Type.String({ format: 'date-time', maxLength: 64 });

/** Kinds of pods that a claim names: one each on a node of 110 pods, and some more. */
export const PLANNED_KINDS_MAX = 128;

/** Nodes that one replacement takes away at most. A plan asks for fewer (planner/cheaper-nodes.ts). */
export const REPLACES_MAX = 16;

/** Networks beside the first; with it eight, which is what `networkIds` has always taken. */
export const ADDITIONAL_NETWORKS_MAX = 7;

export const SERVER_GROUP_POLICIES = ['anti-affinity', 'soft-anti-affinity'] as const;
export type ServerGroupPolicy = (typeof SERVER_GROUP_POLICIES)[number];

export const NODE_CLAIM_PHASES = [
  'Pending',
  'PortReady',
  'Creating',
  'Unknown',
  'Building',
  'Booting',
  'Registered',
  'Ready',
  'Draining',
  'Deleting',
  'Failed',
] as const;
export type NodeClaimPhase = (typeof NODE_CLAIM_PHASES)[number];

export const REMOVAL_REASONS = [
  'ScaleDown',
  'ManualSize',
  'PoolDeleted',
  'ClusterDeleted',
  'Failed',
  'NodeGone',
  'Unready',
  'Consolidated',
] as const;
export type RemovalReason = (typeof REMOVAL_REASONS)[number];

export const nodeClaimSpecSchema = withRules(
  Type.Object({
    clusterUid: text(64),
    clusterName: text(),
    poolName: text(63),
    poolUid: text(64),
    flavor: text(63),
    flavorId: text(255),
    /** Nova availability zone; empty: the cloud chooses. */
    zone: text(63),
    region: text(63),
    projectId: text(64),
    imageId: text(64),
    /** The first is the node's own: its port is the one that makes a second server impossible. */
    networkIds: names(8),
    subnetId: Type.Optional(text(64)),
    /** Networks beside it, one port each, in this order. */
    additionalNetworks: Type.Optional(
      Type.Array(Type.Object({ networkId: text(64), subnetId: Type.Optional(text(64)) }), {
        maxItems: ADDITIONAL_NETWORKS_MAX,
      }),
    ),
    /** External network of the node's floating IP; absent: it gets none. */
    floatingNetworkId: Type.Optional(text(64)),
    securityGroups: names(16),
    keyPair: Type.Optional(text(255)),
    /** Nova server group of the pool, by name; made when it does not exist. */
    serverGroup: Type.Optional(text(255)),
    /** Absent: anti-affinity. */
    serverGroupPolicy: Type.Optional(literals(SERVER_GROUP_POLICIES)),
    labels: labelMap,
    annotations: Type.Optional(annotationMap),
    finalizers: Type.Optional(names(16)),
    taints,
    unschedulable: Type.Optional(Type.Boolean()),
    startupTaints: Type.Optional(taints),
    templateHash: text(64),
    drainTimeoutSeconds: Type.Integer({ minimum: 0, maximum: 2_147_483_647 }),
    drainForce: Type.Boolean(),
    provisionTimeoutSeconds: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
    /** Allocatable that the plan counted with; quantities in base units: millicores, bytes, counts. */
    expected: Type.Optional(
      Type.Object({
        cpuMillis: Type.Integer(),
        memoryBytes: Type.Integer(),
        ephemeralBytes: Type.Integer(),
        pods: Type.Integer(),
        extended: Type.Optional(Type.Record(Type.String(), Type.Integer(), { maxProperties: 32 })),
      }),
    ),
    /** For whom the plan made the node: how many pods of which shape. Later plans put such pods there first, so that a
     *  packing outlives the minutes until its nodes are there, and a restart. A preference, never a promise. */
    plannedPods: Type.Optional(
      Type.Array(
        Type.Object({
          shape: text(16),
          priority: Type.Optional(Type.Integer()),
          count: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
        }),
        { maxItems: PLANNED_KINDS_MAX },
      ),
    ),
    /** Claims whose nodes go once this one and all others with the same list are Ready; absent: it replaces none. */
    replaces: Type.Optional(names(REPLACES_MAX)),
  }),
  [{ rule: 'self == oldSelf', message: 'spec is immutable' }],
);

export const nodeClaimStatusSchema = Type.Object({
  phase: Type.Optional(literals(NODE_CLAIM_PHASES)),
  portId: Type.Optional(text(64)),
  /** Ports on spec.additionalNetworks, in their order, as far as they stand. */
  additionalPortIds: Type.Optional(names(ADDITIONAL_NETWORKS_MAX)),
  floatingIpId: Type.Optional(text(64)),
  /** Its address. */
  floatingIp: Type.Optional(text(64)),
  /** Set before the one POST /servers; never cleared. */
  createAttemptedAt: Type.Optional(time),
  serverId: Type.Optional(text(64)),
  serverAddresses: Type.Optional(names(16)),
  nodeName: Type.Optional(text()),
  nodeUid: Type.Optional(text(64)),
  bootstrapTokenId: Type.Optional(Type.String({ maxLength: 6 })),
  /** Lease epoch (leaseTransitions) of the last cloud write. */
  epoch: Type.Optional(Type.Integer({ minimum: 0 })),
  removal: Type.Optional(Type.Object({ reason: literals(REMOVAL_REASONS), message: text(1024), at: time })),
  failure: Type.Optional(Type.Object({ code: text(64), message: text(1024), at: time })),
  unneededSince: Type.Optional(time),
  unreadySince: Type.Optional(time),
  replaceableSince: Type.Optional(time),
  registeredAt: Type.Optional(time),
  readyAt: Type.Optional(time),
  drainStartedAt: Type.Optional(time),
  deleteStartedAt: Type.Optional(time),
  serverGoneAt: Type.Optional(time),
  conditions: Type.Optional(conditions),
});

export type NodeClaimSpec = Static<typeof nodeClaimSpecSchema>;
export type NodeClaimStatus = Omit<Static<typeof nodeClaimStatusSchema>, 'conditions'> & {
  readonly conditions?: readonly Condition[];
};

export interface NodeClaim {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
  readonly spec: NodeClaimSpec;
  readonly status?: NodeClaimStatus;
}
