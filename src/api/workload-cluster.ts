// WorkloadCluster: the operator's word on one cluster: where its API is, which project pays, which ceilings hold.
// Namespaced, in the management cluster. Standalone use is one object whose spec.kubeconfig.inCluster is true.
import { Type, type Static } from 'typebox';
import type { Condition } from './conditions.ts';
import type { ObjectMeta } from './object-meta.ts';
import { conditions, literals, names, seconds, utilizationPattern, withRules } from './schema-parts.ts';

const text = (maxLength = 253, options: object = {}) => Type.String({ maxLength, ...options });
const quantity = Type.String({ maxLength: 64, pattern: '^[0-9]+(\\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$' });

const kubeconfig = withRules(
  Type.Object({
    inCluster: Type.Optional(Type.Boolean()),
    /** In the namespace of this object. */
    secretRef: Type.Optional(Type.Object({ name: text(), key: Type.Optional(text()) })),
    /** A known owner, by kind and name; refused with a condition until it is served. */
    from: Type.Optional(Type.Object({ kind: text(63), name: text() })),
  }),
  [
    {
      rule: '[has(self.inCluster) && self.inCluster, has(self.secretRef), has(self.from)].filter(x, x).size() == 1',
      message: 'exactly one of inCluster: true, secretRef and from must be set',
    },
  ],
);

const openstack = Type.Object({
  /** Secret with the key clouds.yaml, in the namespace of this object. */
  credentialsSecretRef: Type.Object({ name: text(), key: Type.Optional(text()) }),
  /** Name of the cloud in clouds.yaml. */
  cloud: Type.Optional(text()),
  region: Type.Optional(text(63)),
  /** Pinned: a token for any other project freezes the cluster. */
  projectId: text(64, { minLength: 1 }),
  /** Network name or id; likewise subnet. */
  network: text(255, { minLength: 1 }),
  subnet: Type.Optional(text(255)),
  images: Type.Array(
    withRules(
      Type.Object({
        name: Type.Optional(text(255)),
        id: Type.Optional(text(64)),
        flavors: Type.Optional(names(64)),
      }),
      [{ rule: 'has(self.name) != has(self.id)', message: 'exactly one of name and id must be set' }],
    ),
    { minItems: 1, maxItems: 32 },
  ),
  keyPair: Type.Optional(text(255)),
  securityGroups: Type.Optional(names(16)),
  externalNetwork: Type.Optional(text(255)),
  availabilityZones: Type.Optional(names(16)),
});

const bootstrap = Type.Object({
  /** Cloud-init text with {{placeholders}}: see docs/concepts.md for the list. 40 KiB leaves room for what is filled in
   *  below Nova's 64 KiB of base64. */
  userDataTemplate: Type.Optional(text(40_960)),
  /** API endpoint and CA as nodes see them. Absent: as Sluice sees them. */
  apiEndpoint: Type.Optional(text(1024)),
  caCertificate: Type.Optional(text(65_536)),
});

export const workloadClusterSpecSchema = Type.Object({
  kubeconfig,
  openstack,
  bootstrap: Type.Optional(bootstrap),
  ceilings: Type.Optional(
    Type.Object({
      nodesMax: Type.Optional(Type.Integer({ minimum: 0, maximum: 100_000 })),
      coresMax: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000_000 })),
      memoryMax: Type.Optional(quantity),
      costPerHourMax: Type.Optional(text(32, { pattern: '^[0-9]+(\\.[0-9]+)?$' })),
      flavorsAllowed: Type.Optional(names(256)),
    }),
  ),
  autoscaler: Type.Optional(
    Type.Object({
      /** Default 600 s as at OVH, when the pool does not say. */
      scaleDownUnneededTimeSeconds: Type.Optional(seconds()),
      scaleDownUnreadyTimeSeconds: Type.Optional(seconds()),
      scaleDownUtilizationThreshold: Type.Optional(text(8, { pattern: utilizationPattern })),
      scaleDownDelayAfterAddSeconds: Type.Optional(seconds()),
      maxNodeProvisionSeconds: Type.Optional(seconds()),
      /** Most nodes that may be drained at once. */
      scaleDownNodesMax: Type.Optional(Type.Integer({ minimum: 0, maximum: 5000 })),
      skipNodesWithLocalStorage: Type.Optional(Type.Boolean()),
      skipNodesWithSystemPods: Type.Optional(Type.Boolean()),
      skipNodesWithCustomControllerPods: Type.Optional(Type.Boolean()),
      /** Pods below it neither cause scale-up nor keep a node. */
      expendablePodsPriorityCutoff: Type.Optional(Type.Integer()),
      placementHints: Type.Optional(Type.Boolean()),
      /** Time of the polishing thread for one plan that costs well more than its lower bound; 0: none. */
      polishSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 60 })),
      /** Most distinct flavors that one decision adds; more only for pods that have no other place. Absent: any number. */
      flavorsMax: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
      /** Smaller flavors are only for pods that have no other place. By what the flavor has, reserved parts included. */
      leastNode: Type.Optional(
        withRules(Type.Object({ cpu: Type.Optional(quantity), memory: Type.Optional(quantity) }), [
          { rule: 'has(self.cpu) || has(self.memory)', message: 'cpu or memory must be set' },
        ]),
      ),
    }),
  ),
  reserved: Type.Optional(
    Type.Object({
      cpuMillis: Type.Optional(Type.Integer({ minimum: 0 })),
      cpuMillisPerCore: Type.Optional(Type.Integer({ minimum: 0 })),
      memoryMiB: Type.Optional(Type.Integer({ minimum: 0 })),
      memoryPercent: Type.Optional(Type.Integer({ minimum: 0, maximum: 90 })),
      ephemeralPercent: Type.Optional(Type.Integer({ minimum: 0, maximum: 90 })),
      podsMax: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    }),
  ),
  /** ConfigMap in the namespace of this object: data maps flavor name to price per hour. */
  pricesRef: Type.Optional(Type.Object({ name: text() })),
  onDelete: Type.Optional(literals(['DeleteNodes', 'KeepNodes'])),
  orphans: Type.Optional(literals(['Delete', 'Report'])),
  paused: Type.Optional(Type.Boolean()),
});

export const workloadClusterStatusSchema = Type.Object({
  observedGeneration: Type.Optional(Type.Integer({ format: 'int64' })),
  kubernetesVersion: Type.Optional(text(64)),
  nodes: Type.Optional(Type.Integer({ minimum: 0 })),
  claims: Type.Optional(Type.Integer({ minimum: 0 })),
  leader: Type.Optional(text()),
  conditions: Type.Optional(conditions),
});

export type WorkloadClusterSpec = Static<typeof workloadClusterSpecSchema>;
export type WorkloadClusterStatus = Omit<Static<typeof workloadClusterStatusSchema>, 'conditions'> & {
  readonly conditions?: readonly Condition[];
};

export interface WorkloadCluster {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
  readonly spec: WorkloadClusterSpec;
  readonly status?: WorkloadClusterStatus;
}
