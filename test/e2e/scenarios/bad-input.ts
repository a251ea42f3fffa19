// Wrong input: the API server's own message where it can give one, a condition that names the field where it cannot, and
// the other pools go on.
import { describe, expect, test } from 'vitest';
import type { Loose } from '../kube-client.ts';
import type { Stage } from '../stage.ts';
import { nodePool, poolSettledAt } from '../steps.ts';
import { waitUntil } from '../wait-until.ts';
import { cloudBooks, type TenantWorld } from '../world.ts';

async function refused(tenant: TenantWorld, spec: Readonly<Record<string, unknown>>): Promise<string> {
  const answer = await tenant.kube.call('POST', '/apis/sluice.dev/v1alpha1/nodepools', nodePool('wrong', spec));
  expect(answer.status).toBe(422);
  return answer.body.message;
}

function condition(tenant: TenantWorld, pool: string, type: string, status: string): Promise<Loose> {
  return waitUntil(`${type}=${status} on pool ${pool}`, 60_000, async () => {
    const found = await tenant.kube.get('sluice.dev/v1alpha1', 'NodePool', pool);
    return (found?.['status']?.conditions ?? []).find((one: Loose) => one.type === type && one.status === status);
  });
}

export function badInputScenario(stage: Stage): void {
  describe('bad input', () => {
    test('the API server refuses what breaks a rule, in words', async () => {
      const [tenant] = stage.world().tenants;
      expect(await refused(tenant, { flavor: 'b3-8', minNodes: 5, maxNodes: 3 })).toMatch(/minNodes.*maxNodes/);
      expect(await refused(tenant, { flavor: 'b3-8', desiredNodes: 30 })).toMatch(/desiredNodes.*maxNodes/);
      expect(await refused(tenant, { flavor: 'b3-8', antiAffinity: true, maxNodes: 6 })).toMatch(
        /antiAffinity|anti-affinity/i,
      );
      expect(await refused(tenant, {})).toMatch(/flavor/);
    });

    test('a field that does nothing yet is refused with a condition; nothing is made', async () => {
      const [tenant] = stage.world().tenants;
      await tenant.kube.apply(nodePool('standby', { flavor: 'b3-8', minNodes: 1, autoscaling: { standbyNodes: 2 } }));
      const valid = await condition(tenant, 'standby', 'Valid', 'False');
      expect(valid.message).toMatch(/standbyNodes/);
      expect((await cloudBooks(tenant)).servers).toHaveLength(0);
      await tenant.kube.remove('sluice.dev/v1alpha1', 'NodePool', 'standby');
    });

    test('an unknown flavor blocks its pool and no other', async () => {
      const [tenant] = stage.world().tenants;
      await tenant.kube.apply(nodePool('typo', { flavor: 'b3-9', minNodes: 1 }));
      await tenant.kube.apply(nodePool('fine', { flavor: 'b3-8', minNodes: 1 }));
      const blocked = await condition(tenant, 'typo', 'Blocked', 'True');
      expect(blocked.message).toMatch(/b3-9/);
      await poolSettledAt(tenant, 'fine', 1);
      await tenant.kube.remove('sluice.dev/v1alpha1', 'NodePool', 'typo');
      await tenant.kube.remove('sluice.dev/v1alpha1', 'NodePool', 'fine');
      await waitUntil('the pools to be gone', 120_000, async () => {
        const pools = await tenant.kube.list('sluice.dev/v1alpha1', 'NodePool');
        return pools.every((pool) => ['general', 'apps'].includes(pool.metadata.name)) ? true : undefined;
      });
    });
  });
}
