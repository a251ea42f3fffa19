// A pool's settings with every default filled in, so that no other room decides what an absent field means.
// Defaults are OVH's documented ones; a pool's own word comes first, then WorkloadCluster.spec.autoscaler.
import { ANTI_AFFINITY_NODES_MAX, isStrictlyApart, NODES_MAX_DEFAULT, type NodePool } from './node-pool.ts';
import type { WorkloadCluster } from './workload-cluster.ts';

/** Same shape as the cluster room's taint; `value` is empty when absent. */
export interface PoolTaint {
  readonly key: string;
  readonly value: string;
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
}

export interface PoolSettings {
  /** Names, in the user's order; one when the pool says `flavor`. */
  readonly flavors: readonly string[];
  readonly minNodes: number;
  readonly maxNodes: number;
  readonly autoscale: boolean;
  readonly scaleDownUnneededMs: number;
  readonly scaleDownUnreadyMs: number;
  /** In [0, 1]: below it a node is a candidate for removal. */
  readonly utilizationThreshold: number;
  readonly scaleDownDelayAfterAddMs: number;
  /** Nodes may be replaced by cheaper ones. */
  readonly consolidate: boolean;
  readonly provisionTimeoutMs: number;
  /** Empty: any zone of the project. */
  readonly zones: readonly string[];
  /** The pool's servers are kept apart: strictly, each on a hypervisor of its own, or as far as there is room. */
  readonly antiAffinity: 'none' | 'strict' | 'soft';
  /** Each node gets a floating IP. */
  readonly floatingIps: boolean;
  readonly priority: number;
  readonly drainTimeoutMs: number;
  readonly drainForce: boolean;
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
  readonly finalizers: readonly string[];
  readonly taints: readonly PoolTaint[];
  readonly startupTaints: readonly PoolTaint[];
  /** undefined: nodes are left as they are. */
  readonly unschedulable: boolean | undefined;
  /** The operator's groups first, then the pool's own; each once. */
  readonly securityGroups: readonly string[];
}

/** OVH's documented values (configuring-cluster-autoscaler guide; drain: known limits). */
export const POOL_DEFAULTS = {
  scaleDownUnneededTimeSeconds: 600,
  scaleDownUnreadyTimeSeconds: 1200,
  scaleDownUtilizationThreshold: '0.5',
  scaleDownDelayAfterAddSeconds: 600,
  maxNodeProvisionSeconds: 900,
  drainTimeoutSeconds: 600,
} as const;

/** All settings of `pool`. Never throws: numbers outside their bounds are validateNodePool's to refuse, before. */
export function poolSettings(pool: NodePool, cluster: WorkloadCluster): PoolSettings {
  const { spec } = pool;
  const own = spec.autoscaling ?? {};
  const fallback = cluster.spec.autoscaler ?? {};
  const secondsOf = (field: keyof typeof own & keyof typeof fallback & keyof typeof POOL_DEFAULTS): number =>
    Number(own[field] ?? fallback[field] ?? POOL_DEFAULTS[field]) * 1000;
  const antiAffinity = isStrictlyApart(spec) ? 'strict' : spec.antiAffinity === true ? 'soft' : 'none';
  const { openstack } = cluster.spec;
  return {
    flavors: spec.flavors ?? (spec.flavor === undefined ? [] : [spec.flavor]),
    minNodes: spec.minNodes ?? 0,
    maxNodes: spec.maxNodes ?? (antiAffinity === 'strict' ? ANTI_AFFINITY_NODES_MAX : NODES_MAX_DEFAULT),
    autoscale: spec.autoscale ?? false,
    scaleDownUnneededMs: secondsOf('scaleDownUnneededTimeSeconds'),
    scaleDownUnreadyMs: secondsOf('scaleDownUnreadyTimeSeconds'),
    utilizationThreshold: Number(
      own.scaleDownUtilizationThreshold ??
        fallback.scaleDownUtilizationThreshold ??
        POOL_DEFAULTS.scaleDownUtilizationThreshold,
    ),
    scaleDownDelayAfterAddMs: secondsOf('scaleDownDelayAfterAddSeconds'),
    consolidate: own.consolidate ?? false,
    provisionTimeoutMs: secondsOf('maxNodeProvisionSeconds'),
    zones: spec.availabilityZones ?? openstack.availabilityZones ?? [],
    antiAffinity,
    floatingIps: spec.attachFloatingIPs?.enabled ?? false,
    priority: spec.priority ?? 0,
    drainTimeoutMs: (spec.drain?.timeoutSeconds ?? POOL_DEFAULTS.drainTimeoutSeconds) * 1000,
    drainForce: spec.drain?.force ?? true,
    labels: new Map(Object.entries(spec.template?.metadata?.labels ?? {})),
    annotations: new Map(Object.entries(spec.template?.metadata?.annotations ?? {})),
    finalizers: spec.template?.metadata?.finalizers ?? [],
    taints: (spec.template?.spec?.taints ?? []).map(withValue),
    startupTaints: (spec.startupTaints ?? []).map(withValue),
    unschedulable: spec.template?.spec?.unschedulable,
    securityGroups: [...new Set([...(openstack.securityGroups ?? []), ...(spec.securityGroups ?? [])])],
  };
}

function withValue(taint: {
  readonly key: string;
  readonly value?: string;
  readonly effect: PoolTaint['effect'];
}): PoolTaint {
  return { key: taint.key, value: taint.value ?? '', effect: taint.effect };
}
