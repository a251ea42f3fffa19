// Real applications' scheduling facts: every placeable pod is bound by the real scheduler; then everything goes to zero
// with a budget in the way.
import { describe, expect, test } from 'vitest';
import { type App, readApps } from '../apps.ts';
import type { Stage } from '../stage.ts';
import { deployment, everythingGone, nodePool, onePerClaim, podsRunning } from '../steps.ts';
import { sleep, waitUntil } from '../wait-until.ts';

const APPS = [
  'online-boutique',
  'sock-shop',
  'bank-of-anthos',
  'guestbook',
  'dsb-hotel-reservation',
  'kube-prometheus',
  'kube-thanos-all',
  'linkerd-ha',
  'gatekeeper',
  'knative-serving',
  'karpenter-ovh-demo',
  'zookeeper-tutorial',
  'train-ticket',
];

export function appsScenario(stage: Stage): void {
  const file = process.env['SLUICE_E2E_APPS'];
  describe.skipIf(file === undefined)(`${APPS.length} applications (SLUICE_E2E_APPS)`, () => {
    const apps: App[] = [];

    test('every pod is bound by the real scheduler, over both clusters', async () => {
      apps.push(...readApps(file ?? '', APPS));
      const { tenants } = stage.world();
      for (const tenant of tenants) {
        await tenant.kube.apply(nodePool('apps', { flavors: ['b3-16', 'b3-32', 'b3-64'], priority: 10 }));
      }
      for (const [index, app] of apps.entries()) {
        for (const object of app.objects) await tenants[index % 2 === 0 ? 0 : 1].kube.apply(object);
      }
      for (const half of [0, 1] as const) {
        const mine = apps.filter((_, index) => index % 2 === half);
        const pods = mine.reduce((sum, app) => sum + app.pods, 0);
        await podsRunning(
          tenants[half],
          mine.map((app) => app.name),
          pods,
        );
        await onePerClaim(stage.world(), tenants[half]);
      }
    });

    test('a budget holds a drain up until it allows the eviction', async () => {
      const [tenant] = stage.world().tenants;
      await tenant.kube.apply(nodePool('held', { flavor: 'b3-8', priority: -1, template: heldTemplate }));
      const pod = {
        nodeSelector: { role: 'held' },
        tolerations: [{ key: 'role', operator: 'Exists' }],
      };
      await tenant.kube.apply(deployment('guarded', { replicas: 1, cpu: '500m', memory: '256Mi', pod }));
      await tenant.kube.apply(budget(1));
      const running = await waitUntil('the guarded pod to run', 240_000, async () => {
        const pods = await tenant.kube.list('v1', 'Pod', '?labelSelector=app%3Dguarded', 'default');
        return pods[0]?.['status'].phase === 'Running' ? pods[0] : undefined;
      });
      const pool = { apiVersion: 'sluice.dev/v1alpha1', kind: 'NodePool', metadata: { name: 'held' } };
      await tenant.kube.remove('sluice.dev/v1alpha1', 'NodePool', 'held');
      // More than a minute: the event that says what holds the drain repeats, and is counted instead of written anew.
      await sleep(80_000);
      const still = await tenant.kube.get('v1', 'Pod', running.metadata.name, 'default');
      expect(still?.metadata.deletionTimestamp, 'not evicted against its budget').toBeUndefined();
      const node = await tenant.kube.get('v1', 'Node', running['spec'].nodeName);
      expect(node?.['spec'].unschedulable, 'cordoned').toBe(true);
      await tenant.kube.apply(budget(0));
      await waitUntil('the pool to be gone', 180_000, async () =>
        (await tenant.kube.get('sluice.dev/v1alpha1', 'NodePool', pool.metadata.name)) === undefined ? true : undefined,
      );
      await tenant.kube.remove('apps/v1', 'Deployment', 'guarded', 'default', { propagationPolicy: 'Background' });
      await tenant.kube.remove('policy/v1', 'PodDisruptionBudget', 'guarded', 'default');
    });

    test('past the drain timeout of a forced pool the budget gives way', async () => {
      const [tenant] = stage.world().tenants;
      const template = { metadata: { labels: { role: 'forced' } }, spec: { taints: heldTemplate.spec.taints } };
      const drain = { timeoutSeconds: 3, force: true };
      await tenant.kube.apply(nodePool('forced', { flavor: 'b3-8', priority: -1, template, drain }));
      const pod = { nodeSelector: { role: 'forced' }, tolerations: [{ key: 'role', operator: 'Exists' }] };
      await tenant.kube.apply(deployment('guarded', { replicas: 1, cpu: '500m', memory: '256Mi', pod }));
      await tenant.kube.apply(budget(1));
      await waitUntil('the guarded pod to run', 240_000, async () => {
        const pods = await tenant.kube.list('v1', 'Pod', '?labelSelector=app%3Dguarded', 'default');
        return pods[0]?.['status'].phase === 'Running' ? true : undefined;
      });
      await tenant.kube.remove('sluice.dev/v1alpha1', 'NodePool', 'forced');
      await waitUntil('the pool to be gone', 180_000, async () =>
        (await tenant.kube.get('sluice.dev/v1alpha1', 'NodePool', 'forced')) === undefined ? true : undefined,
      );
      await tenant.kube.remove('apps/v1', 'Deployment', 'guarded', 'default', { propagationPolicy: 'Background' });
      await tenant.kube.remove('policy/v1', 'PodDisruptionBudget', 'guarded', 'default');
    });

    test('the applications go, and so do their nodes', async () => {
      const { tenants } = stage.world();
      for (const [index, app] of apps.entries()) {
        const tenant = tenants[index % 2 === 0 ? 0 : 1];
        for (const object of app.objects.slice(1)) {
          const { apiVersion = '', kind = '', metadata } = object;
          const how = { propagationPolicy: 'Background' };
          await tenant.kube.remove(apiVersion, kind, metadata.name, metadata.namespace, how);
        }
      }
      for (const tenant of tenants) await everythingGone(stage.world(), tenant);
    });
  });
}

const heldTemplate = {
  metadata: { labels: { role: 'held' } },
  spec: { taints: [{ key: 'role', value: 'held', effect: 'NoSchedule' }] },
};

function budget(minAvailable: number) {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'guarded', namespace: 'default' },
    spec: { minAvailable, selector: { matchLabels: { app: 'guarded' } } },
  };
}
