// A person's hand on the pool: kubectl scale, an edited template, deletion in the middle of a scale-up.
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import type { Stage } from '../stage.ts';
import { everythingGone, nodePool, onePerClaim, poolSettledAt } from '../steps.ts';
import { waitUntil } from '../wait-until.ts';
import { cloudBooks, type TenantWorld } from '../world.ts';

function kubectl(tenant: TenantWorld, ...args: readonly string[]): string {
  return execFileSync('kubectl', ['--kubeconfig', tenant.kubeconfig, ...args], { encoding: 'utf8' });
}

export function poolScenario(stage: Stage): void {
  describe('a pool sized by hand', () => {
    test('kubectl scale makes nodes, and the columns show them', async () => {
      const [tenant] = stage.world().tenants;
      await tenant.kube.apply(nodePool('manual', { flavor: 'b3-8', autoscale: false, desiredNodes: 1 }));
      await poolSettledAt(tenant, 'manual', 1);
      kubectl(tenant, 'scale', 'nodepool/manual', '--replicas=3');
      await poolSettledAt(tenant, 'manual', 3);
      await onePerClaim(stage.world(), tenant);
      const table = kubectl(tenant, 'get', 'nodepool', 'manual');
      expect(table).toMatch(/FLAVOR\s+AUTOSCALED?\s+MONTHLYBILLED\s+ANTIAFFINITY\s+DESIRED\s+CURRENT/);
      expect(table).toMatch(/manual\s+b3-8/);
    });

    test('an edited template reaches the living nodes; what left it is taken off again', async () => {
      const [tenant] = stage.world().tenants;
      const withTemplate = (template: unknown) =>
        nodePool('manual', { flavor: 'b3-8', autoscale: false, desiredNodes: 3, template });
      await tenant.kube.apply(
        withTemplate({
          metadata: { labels: { team: 'blue' }, annotations: { 'e2e/note': 'hello' } },
          spec: { taints: [{ key: 'team', value: 'blue', effect: 'NoSchedule' }] },
        }),
      );
      const nodesSay = (what: string, check: (node: { labels: object; taints: { key: string }[] }) => boolean) =>
        waitUntil(what, 60_000, async () => {
          const nodes = await tenant.kube.list('v1', 'Node', '?labelSelector=nodepool%3Dmanual');
          return nodes.length === 3 &&
            nodes.every((node) => check({ labels: node.metadata.labels ?? {}, taints: node['spec'].taints ?? [] }))
            ? true
            : undefined;
        });
      await nodesSay(
        'label and taint on every node',
        ({ labels, taints }) => 'team' in labels && taints.some((taint) => taint.key === 'team'),
      );
      await tenant.kube.apply(withTemplate({ metadata: {}, spec: {} }));
      await nodesSay(
        'label and taint off every node',
        ({ labels, taints }) => !('team' in labels) && !taints.some((taint) => taint.key === 'team'),
      );
    });

    test('anti-affinity: no two servers on one host of the cloud', async () => {
      const [tenant] = stage.world().tenants;
      const zones = [stage.world().zones[0]];
      const spec = { flavor: 'b3-8', autoscale: false, desiredNodes: 2, maxNodes: 5, antiAffinity: true };
      await tenant.kube.apply(nodePool('apart', { ...spec, availabilityZones: zones }));
      await poolSettledAt(tenant, 'apart', 2);
      const hosts = (await cloudBooks(tenant)).servers
        .filter((server) => server.name.startsWith('apart-'))
        .map((server) => server.hostId);
      expect(new Set(hosts).size).toBe(2);
      kubectl(tenant, 'delete', 'nodepool/apart', '--wait=false');
    });

    test('scaled down by hand, then deleted while it scales up: nothing is left', async () => {
      const [tenant] = stage.world().tenants;
      kubectl(tenant, 'scale', 'nodepool/manual', '--replicas=1');
      await poolSettledAt(tenant, 'manual', 1);
      kubectl(tenant, 'scale', 'nodepool/manual', '--replicas=5');
      await waitUntil('the scale-up to be under way', 60_000, async () =>
        (await cloudBooks(tenant)).ports.length > 1 ? true : undefined,
      );
      kubectl(tenant, 'delete', 'nodepool/manual', '--wait=false');
      await everythingGone(stage.world(), tenant);
      await waitUntil('the NodePool to be gone', 60_000, async () =>
        (await tenant.kube.get('sluice.dev/v1alpha1', 'NodePool', 'manual')) === undefined ? true : undefined,
      );
    });
  });
}
