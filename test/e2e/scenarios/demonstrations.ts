// The three demonstrations that users of managed clusters know: hello-world scaled up and down, more replicas than the
// nodes hold, WordPress with a volume that lives in one zone.
import { describe, expect, test } from 'vitest';
import type { Stage } from '../stage.ts';
import { deployment, everythingGone, noNodeWithoutPods, nodePool, onePerClaim, podsRunning, scale } from '../steps.ts';
import { waitUntil } from '../wait-until.ts';

/** Hello-world on both clusters; on the first it stays, for `manyReplicasScenario`. */
export function helloWorldScenario(stage: Stage): void {
  describe('hello-world', () => {
    test('both clusters get the NodePool kind from Sluice', async () => {
      for (const tenant of stage.world().tenants) {
        await waitUntil(`the NodePool kind in ${tenant.name}`, 60_000, async () => {
          const found = await tenant.kube.get(
            'apiextensions.k8s.io/v1',
            'CustomResourceDefinition',
            'nodepools.sluice.dev',
          );
          const conditions: { type: string; status: string }[] = found?.['status']?.conditions ?? [];
          return conditions.some((one) => one.type === 'Established' && one.status === 'True') ? true : undefined;
        });
      }
    });

    test('a pending pod makes both clusters grow, each in its own project', async () => {
      for (const tenant of stage.world().tenants) {
        await tenant.kube.apply(nodePool('general', { flavors: ['b3-8', 'b3-16', 'b3-32'] }));
        await tenant.kube.apply(deployment('hello-world', { replicas: 1, cpu: '500m', memory: '256Mi' }));
      }
      for (const tenant of stage.world().tenants) {
        await podsRunning(tenant, ['default'], 1);
        await onePerClaim(stage.world(), tenant);
        const node = (await tenant.kube.list('v1', 'Node'))[0];
        expect(node?.metadata.labels).toMatchObject({
          nodepool: 'general',
          'sluice.dev/nodepool': 'general',
          'node.kubernetes.io/instance-type': expect.stringMatching(/^b3-/),
        });
      }
    });

    test('the bootstrap tokens are gone once the nodes have joined', async () => {
      for (const tenant of stage.world().tenants) {
        await waitUntil('the tokens to be deleted', 30_000, async () => {
          const secrets = await tenant.kube.list('v1', 'Secret', '', 'kube-system');
          return secrets.every((secret) => !secret.metadata.name.startsWith('bootstrap-token-')) ? true : undefined;
        });
      }
    });

    test('its load is taken off the second cluster', async () => {
      const [, tenant] = stage.world().tenants;
      await tenant.kube.remove('apps/v1', 'Deployment', 'hello-world', 'default', { propagationPolicy: 'Background' });
    });
  });
}

/** On the first cluster alone: other things may go on in the second. */
export function manyReplicasScenario(stage: Stage): void {
  describe('demonstrations', () => {
    test('many replicas that need more nodes than there are', async () => {
      const [tenant] = stage.world().tenants;
      await scale(tenant, 'hello-world', 60);
      await podsRunning(tenant, ['default'], 60);
      await onePerClaim(stage.world(), tenant);
    });

    test('scaled down again, the nodes that are left over go', async () => {
      const [tenant] = stage.world().tenants;
      await scale(tenant, 'hello-world', 1);
      await podsRunning(tenant, ['default'], 1);
      await noNodeWithoutPods(tenant);
      await podsRunning(tenant, ['default'], 1);
      await onePerClaim(stage.world(), tenant);
    });

    test('WordPress: two pods and a persistent volume bound to a zone', async () => {
      const [tenant] = stage.world().tenants;
      const [, zone] = stage.world().zones;
      await tenant.kube.apply(storageClass);
      await tenant.kube.apply(volumeIn(zone));
      await tenant.kube.apply(claim);
      const onVolume = {
        volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'mysql-data' } }],
      };
      await tenant.kube.apply(deployment('mysql', { replicas: 1, cpu: '3', memory: '6Gi', pod: onVolume }));
      await tenant.kube.apply(deployment('wordpress', { replicas: 1, cpu: '1', memory: '1Gi' }));
      const pods = await podsRunning(tenant, ['default'], 3);
      const mysql = pods.find((pod) => pod.metadata.labels?.['app'] === 'mysql');
      const node = await tenant.kube.get('v1', 'Node', mysql?.['spec'].nodeName);
      expect(node?.metadata.labels?.['topology.kubernetes.io/zone']).toBe(zone);
    });
  });
}

/** The end of what was deployed on the first cluster so far. */
export function allLoadGoneScenario(stage: Stage): void {
  test('all load gone: drained, released, Nova and Neutron empty', async () => {
    const [tenant] = stage.world().tenants;
    for (const name of ['hello-world', 'mysql', 'wordpress']) {
      await tenant.kube.remove('apps/v1', 'Deployment', name, 'default', { propagationPolicy: 'Background' });
    }
    await everythingGone(stage.world(), tenant);
  });
}

const storageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'zonal' },
  provisioner: 'kubernetes.io/no-provisioner',
  volumeBindingMode: 'WaitForFirstConsumer',
};

const claim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'mysql-data', namespace: 'default' },
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'zonal',
    volumeName: 'mysql-volume',
    resources: { requests: { storage: '10Gi' } },
  },
};

function volumeIn(zone: string) {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'mysql-volume' },
    spec: {
      capacity: { storage: '10Gi' },
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'zonal',
      csi: { driver: 'cinder.csi.openstack.org', volumeHandle: 'e2e' },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'topology.kubernetes.io/zone', operator: 'In', values: [zone] }] },
          ],
        },
      },
    },
  };
}
