// One cluster that is both planes: the WorkloadCluster says inCluster, and everything lives side by side in one API.
import { describe, expect, it } from 'vitest';
import { customResourceDefinition } from '../../src/api/custom-resource-definition.ts';
import { GROUP_VERSION } from '../../src/api/names.ts';
import { startController } from '../../src/cli/start-controller.ts';
import { startPlayground } from '../../src/playground/start-playground.ts';
import { deployment, eventually, nodePool, runningPods, SCENARIO_MS, TIMINGS } from './scenario-world.ts';

describe('standalone', { timeout: SCENARIO_MS }, () => {
  it('scales its own cluster up from zero and down again', async () => {
    const playground = await startPlayground({ timings: TIMINGS });
    try {
      const cluster = await playground.addWorkloadCluster('own');
      await cluster.apply([customResourceDefinition('WorkloadCluster'), customResourceDefinition('NodeClaim')]);
      await cluster.apply([
        {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: 'cloud', namespace: 'default' },
          stringData: { 'clouds.yaml': playground.cloudsYaml },
        },
        {
          apiVersion: GROUP_VERSION,
          kind: 'WorkloadCluster',
          metadata: { name: 'own', namespace: 'default' },
          spec: {
            kubeconfig: { inCluster: true },
            openstack: {
              credentialsSecretRef: { name: 'cloud' },
              projectId: playground.projectId,
              network: playground.networkName,
              images: [{ name: playground.imageName }],
            },
          },
        },
      ]);
      const controller = await startController({
        management: { kind: 'kubeconfigText', text: cluster.kubeconfig },
        namespaces: ['default'],
        listen: undefined,
        logLevel: 'silent',
        identity: 'only',
      });
      try {
        await eventually(() => expect(cluster.get('customresourcedefinitions', 'nodepools.sluice.dev')).toBeDefined());
        await cluster.apply([
          nodePool('general', { flavor: 'b2-7', autoscale: true, minNodes: 0, maxNodes: 3 }),
          deployment('web', { replicas: 2, cpu: '800m' }),
        ]);
        await eventually(() => expect(runningPods(cluster)).toBe(2));
        expect(cluster.list('nodeclaims').length).toBeGreaterThan(0);
        await cluster.remove('deployments', 'web', 'default');
        await eventually(() => expect(playground.books()).toMatchObject({ serversLeft: 0, portsLeft: 0 }));
      } finally {
        await controller.close();
      }
    } finally {
      await playground.close();
    }
  });
});
