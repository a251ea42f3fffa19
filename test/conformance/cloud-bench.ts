// What the suites of `Cloud` work on, and how they make a port and ask for a server.
import { randomUUID } from 'node:crypto';
import { SERVER_METADATA } from '../../src/api/names.ts';
import type { WorkloadCluster } from '../../src/api/workload-cluster.ts';
import type { CloudTargets } from '../../src/cluster/cluster-objects.ts';
import type { Cloud, CreateServerRequest, PortView } from '../../src/controllers/ports.ts';
import type { ProjectQuota } from './project-quota.ts';
import type { FreshSession } from './stage.ts';

export interface CloudUnderTest {
  readonly cloud: Cloud;
  /** Its spec.openstack fits the cloud: network, images, project. */
  readonly cluster: WorkloadCluster;
  /** Name of a small flavor. */
  readonly flavor: string;
  readonly zone: string;
  /** Name of a flavor that no host can take; absent: that case is left out. */
  readonly hugeFlavor?: string;
  /** Opens the same cloud with a wrong password; absent: that case is left out. */
  readonly openRefused?: () => Promise<Cloud>;
  /** Opens the same cloud with a login of its own; absent: those cases are left out. */
  readonly openFresh?: () => Promise<FreshSession>;
  /** The operator's hand on the project's quota; absent: those cases are left out. */
  readonly projectQuota?: ProjectQuota;
  close(): Promise<void>;
}

export interface Bench {
  readonly under: CloudUnderTest;
  readonly cloud: Cloud;
  readonly targets: CloudTargets;
  readonly flavorId: string;
  readonly clusterUid: string;
}

export async function newPort(bench: Bench, claimUid: string): Promise<PortView> {
  return bench.cloud.createPort({
    claimUid,
    clusterUid: bench.clusterUid,
    claimName: 'conformance',
    networkId: bench.targets.networkId,
    subnetId: bench.targets.subnetId,
    securityGroups: bench.under.cluster.spec.openstack.securityGroups ?? [],
  });
}

export function serverRequest(
  bench: Pick<Bench, 'clusterUid' | 'flavorId' | 'targets'> & { readonly under: Pick<CloudUnderTest, 'zone'> },
  what: { readonly claimUid: string; readonly portId: string },
): CreateServerRequest {
  return {
    name: `conformance-node-${randomUUID().slice(0, 6)}`,
    flavorId: bench.flavorId,
    imageId: bench.targets.images[0]?.id ?? '',
    portId: what.portId,
    zone: bench.under.zone,
    keyPair: undefined,
    serverGroupId: undefined,
    userData: '#cloud-config\n{}\n',
    metadata: new Map([
      [SERVER_METADATA.cluster, bench.clusterUid],
      [SERVER_METADATA.pool, randomUUID()],
      [SERVER_METADATA.claim, what.claimUid],
    ]),
  };
}
