// Real applications' scheduling facts: every placeable pod is bound by the real scheduler; then they go, and so do their
// nodes.
import { describe, test } from 'vitest';
import { type App, readApps } from '../apps.ts';
import type { Stage } from '../stage.ts';
import { everythingGone, nodePool, noNodeWithoutPods, onePerClaim, podsRunning } from '../steps.ts';

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

/** `gone` some time after `bound`. */
export function appsScenario(stage: Stage): { bound(): void; gone(): void } {
  const file = process.env['SLUICE_E2E_APPS'];
  const title = `${APPS.length} applications (SLUICE_E2E_APPS)`;
  const apps: App[] = [];
  const bound = () => {
    test('every pod is bound by the real scheduler, over both clusters', async () => {
      apps.push(...readApps(file ?? '', APPS));
      const { tenants } = stage.world();
      for (const tenant of tenants) {
        await tenant.kube.apply(nodePool('apps', { flavors: ['b3-16', 'b3-32', 'b3-64'], priority: 10 }));
      }
      for (const [index, app] of apps.entries()) {
        for (const object of app.objects) await tenants[index % 2 === 0 ? 0 : 1].kube.apply(object);
      }
      await Promise.all(
        ([0, 1] as const).map(async (half) => {
          const mine = apps.filter((_, index) => index % 2 === half);
          const pods = mine.reduce((sum, app) => sum + app.pods, 0);
          const names = mine.map((app) => app.name);
          await podsRunning(tenants[half], names, pods);
          await onePerClaim(stage.world(), tenants[half]);
        }),
      );
    });
  };
  const gone = () => {
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
      // Other pods stay on the first cluster, on whichever pool's nodes.
      const names = apps.map((app) => app.name);
      await podsRunning(tenants[0], names, 0);
      await Promise.all([noNodeWithoutPods(tenants[0]), everythingGone(stage.world(), tenants[1])]);
    });
  };
  return {
    bound() {
      describe.skipIf(file === undefined)(title, bound);
    },
    gone() {
      describe.skipIf(file === undefined)(title, gone);
    },
  };
}
