// The second cluster's password becomes wrong while it runs, and right again some minutes later; other scenarios go on
// with the first cluster in between. Nothing of the second may be deleted, and its operator is told.
import { describe, expect, test } from 'vitest';
import type { Loose } from '../kube-client.ts';
import type { Stage } from '../stage.ts';
import { everythingGone, nodePool, poolSettledAt } from '../steps.ts';
import { waitUntil } from '../wait-until.ts';
import { cloudBooks, cloudsYaml, secret, type TenantWorld } from '../world.ts';

/** A rotated secret is read within a minute; a refused login is tried again once a minute, and the second refusal makes
 *  one event with a count. */
const NOTICED_MS = 300_000;

/** To be called before the scenarios that go on meanwhile, and `mended` after them. */
export function credentialsScenario(stage: Stage): { broken(): void; mended(): void } {
  const tenant = (): TenantWorld => stage.world().tenants[1];
  let standing = '';
  return {
    broken() {
      test('the password of the second cluster becomes wrong', async () => {
        await everythingGone(stage.world(), tenant());
        await tenant().kube.apply(nodePool('kept', { flavor: 'b3-8', minNodes: 1 }));
        await poolSettledAt(tenant(), 'kept', 1);
        standing = (await cloudBooks(tenant())).servers[0]?.id;
        const entry = { ...tenant().cloudEntry, auth: { ...tenant().cloudEntry.auth, password: 'mistyped' } };
        await stage.world().management.apply(secret(tenant().namespace, 'cloud', { 'clouds.yaml': cloudsYaml(entry) }));
      });
    },
    mended() {
      describe('wrong cloud credentials', () => {
        test('a condition and one counted event say so; nothing is deleted', async () => {
          const condition = await clusterCondition(stage, tenant(), 'False');
          expect(condition.reason).toBe('CredentialsInvalid');
          expect(condition.message).not.toContain('mistyped');
          const { management } = stage.world();
          await waitUntil('one event with a count on the WorkloadCluster', NOTICED_MS, async () => {
            const path = `/apis/events.k8s.io/v1/namespaces/${tenant().namespace}/events`;
            const events = await management.send('GET', path);
            return events?.items.some(
              (event: Loose) => event.reason === 'CredentialsInvalid' && (event.series?.count ?? 0) > 1,
            )
              ? true
              : undefined;
          });
          expect((await cloudBooks(tenant())).servers.map((server) => server.id)).toEqual([standing]);
        });

        test('right again: it goes on with the same server', async () => {
          const yaml = cloudsYaml(tenant().cloudEntry);
          await stage.world().management.apply(secret(tenant().namespace, 'cloud', { 'clouds.yaml': yaml }));
          await clusterCondition(stage, tenant(), 'True');
          expect((await cloudBooks(tenant())).servers.map((server) => server.id)).toEqual([standing]);
          await tenant().kube.remove('sluice.dev/v1alpha1', 'NodePool', 'kept');
          await waitUntil('its pool to be gone', 180_000, async () =>
            (await tenant().kube.get('sluice.dev/v1alpha1', 'NodePool', 'kept')) === undefined ? true : undefined,
          );
        });
      });
    },
  };
}

function clusterCondition(stage: Stage, tenant: TenantWorld, status: string): Promise<Loose> {
  return waitUntil(`CloudReachable=${status} of ${tenant.name}`, NOTICED_MS, async () => {
    const found = await stage
      .world()
      .management.get('sluice.dev/v1alpha1', 'WorkloadCluster', tenant.name, tenant.namespace);
    return (found?.['status']?.conditions ?? []).find(
      (one: Loose) => one.type === 'CloudReachable' && one.status === status,
    );
  });
}
