// Why the nodes of a pool cannot have the floating IPs that it asks for.
import type { ClusterObjects } from '../cluster/cluster-objects.ts';
import type { Refused } from './node-limits.ts';
import type { PoolState } from './pool-state.ts';

/** At most one refusal; none for pools without floating IPs. The message names the field of the one who can mend it. */
export function floatingIpRefusals({ settings }: PoolState, { cluster, targets }: ClusterObjects): readonly Refused[] {
  if (!settings.floatingIps || targets.externalNetworkId !== undefined) return [];
  const needed = 'spec.attachFloatingIPs.enabled needs an external network, and';
  const message =
    cluster.spec.openstack.externalNetwork === undefined
      ? `${needed} the WorkloadCluster names none; the operator can set its spec.openstack.externalNetwork`
      : `${needed} spec.openstack.externalNetwork of the WorkloadCluster is not resolved yet; its conditions say why`;
  return [{ reason: 'InvalidSpec', message }];
}
