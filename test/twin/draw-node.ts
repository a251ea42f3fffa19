// Random nodes for a session to add.
import { expectedLabels } from '../../src/cluster/expected-node.ts';
import type { Random } from '../oracle/cases/random.ts';
import { CSI_DRIVERS } from './random-world.ts';
import type { Waiting } from './twin-session.ts';
import type { V1CsiNode, V1Node } from './v1.ts';
import { nodeNameOf } from './world.ts';

const FEATURES = ['RestartAllContainersOnContainerExits', 'UserNamespacesHostNetworkSupport', 'VolumeBindMountOptions'];

/** A node that a pool could make: all it will say is known, its CSINode lists every driver. */
export function drawNode(
  random: Random,
  name: string,
  waiting: readonly Waiting[],
): { readonly node: V1Node; readonly csiNode: V1CsiNode; readonly daemon: Waiting | undefined } {
  const zone = random.pick(['zone-1', 'zone-2', 'zone-3', 'zone-4']);
  const labels = new Map(random.some(['app', 'tier', 'version'], 0.3).map((key) => [key, random.pick(['a', 'b'])]));
  const node: V1Node = {
    metadata: { name, labels: Object.fromEntries(expectedLabels({ name, zone, labels })) },
    spec: {
      unschedulable: random.chance(0.05),
      taints: random.chance(0.15) ? [{ key: 'app', value: 'a', effect: 'NoSchedule' }] : [],
    },
    status: {
      allocatable: {
        cpu: random.pick(['2', '4', '7900m']),
        memory: random.pick(['4Gi', '16Gi']),
        'ephemeral-storage': '20Gi',
        pods: random.pick(['110', '2', '1']),
        ...(random.chance(0.4) ? { 'example.com/gpu': '2' } : {}),
      },
      declaredFeatures: random.some(FEATURES, 0.6),
    },
  };
  const count = random.pick([0, 1, 2, 8]);
  const limited = random.chance(0.5);
  const drivers = CSI_DRIVERS.map((driver) => ({ name: driver, ...(limited ? { allocatable: { count } } : {}) }));
  const plain = waiting.filter(
    ({ raw }) =>
      [...(raw.spec.volumes ?? []), ...(raw.spec.resourceClaims ?? [])].length === 0 && nodeNameOf(raw) === '',
  );
  const daemon = random.chance(0.3) && plain.length > 0 ? random.pick(plain) : undefined;
  return { node, csiNode: { metadata: { name }, spec: { drivers } }, daemon };
}
