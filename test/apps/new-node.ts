// The Node that a claim will become, as its kubelet registers it: labels that every kubelet brings, what the claim says on top.
import type { NodeClaimSpec } from '../../src/api/node-claim.ts';
import type { V1Node } from '../twin/v1.ts';

type Extended = ReadonlyMap<string, number> | Readonly<Record<string, number>>;

interface Promised extends Pick<NodeClaimSpec, 'labels' | 'taints'> {
  readonly expected?:
    | (Omit<NonNullable<NodeClaimSpec['expected']>, 'extended'> & { readonly extended?: Extended })
    | undefined;
}

export function newNode(of: { readonly name: string; readonly zone: string; readonly claim: Promised }): V1Node {
  const { name, zone, claim } = of;
  const { expected } = claim;
  const extended = expected?.extended ?? {};
  const counts = extended instanceof Map ? [...extended] : Object.entries(extended);
  return {
    metadata: {
      name,
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'beta.kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'beta.kubernetes.io/arch': 'amd64',
        'topology.kubernetes.io/zone': zone,
        'topology.kubernetes.io/region': 'region-1',
        'topology.cinder.csi.openstack.org/zone': zone,
        ...claim.labels,
      },
    },
    spec: { taints: claim.taints.map(({ key, value, effect }) => ({ key, value: value ?? '', effect })) },
    status: {
      allocatable: {
        cpu: `${expected?.cpuMillis ?? 0}m`,
        memory: expected?.memoryBytes ?? 0,
        'ephemeral-storage': expected?.ephemeralBytes ?? 0,
        pods: expected?.pods ?? 0,
        ...Object.fromEntries(counts.map(([key, count]: readonly [string, number]) => [key, String(count)])),
      },
    },
  };
}
