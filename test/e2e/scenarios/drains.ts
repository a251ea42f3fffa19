// Drains with a disruption budget in the way: one that is held up for more than a minute until the budget allows it, and
// one past the drain timeout of its pool. Both go on beside other scenarios on the first cluster.
import { describe, expect, test } from 'vitest';
import type { KubeObject, Loose } from '../kube-client.ts';
import type { Stage } from '../stage.ts';
import { deployment, nodePool } from '../steps.ts';
import { waitUntil } from '../wait-until.ts';
import type { TenantWorld } from '../world.ts';

const NAMESPACE = 'guarded';
const POOLS = ['held', 'forced'] as const;
/** A node must come up for each pod, beside those of the applications. */
const RUNNING_MS = 240_000;
/** The event is counted once it has gone on for a minute. */
const COUNTED_MS = 180_000;
const GONE_MS = 180_000;

/** `deployed` and `begun` come before what goes on meanwhile, `ended` after it. */
export function drainsScenario(stage: Stage): { deployed(): void; begun(): void; ended(): void } {
  const tenant = (): TenantWorld => stage.world().tenants[0];
  const guarded = new Map<string, KubeObject>();
  return {
    deployed() {
      test('two pods under a budget are deployed, each for a pool of its own', async () => {
        const { kube } = tenant();
        await kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
        for (const name of POOLS) {
          const drain = name === 'forced' ? { timeoutSeconds: 3, force: true } : { timeoutSeconds: 3600 };
          const template = {
            metadata: { labels: { role: name } },
            spec: { taints: [{ key: 'role', value: name, effect: 'NoSchedule' }] },
          };
          await kube.apply(nodePool(name, { flavor: 'b3-8', priority: -1, template, drain }));
          await kube.apply(budget(name, 1));
          const pod = { nodeSelector: { role: name }, tolerations: [{ key: 'role', operator: 'Exists' }] };
          await kube.apply(deployment(name, { replicas: 1, cpu: '500m', memory: '256Mi', namespace: NAMESPACE, pod }));
        }
      });
    },

    begun() {
      test('their pools are deleted while they run', async () => {
        for (const name of POOLS) {
          const pod = await waitUntil(`the pod '${name}' to run`, RUNNING_MS, async () => {
            const pods = await podsOf(tenant(), name);
            return pods[0]?.['status'].phase === 'Running' ? pods[0] : undefined;
          });
          guarded.set(name, pod);
          await tenant().kube.remove('sluice.dev/v1alpha1', 'NodePool', name);
        }
      });
    },

    ended() {
      describe('a drain with a budget in the way', () => {
        test('past the drain timeout of a forced pool the budget gives way', async () => {
          await poolGone(tenant(), 'forced');
          const pods = await podsOf(tenant(), 'forced');
          expect(pods.map((pod) => pod.metadata.name)).not.toContain(guarded.get('forced')?.metadata.name);
        });

        test('a budget holds a drain up until it allows the eviction', async () => {
          const { kube } = tenant();
          // More than a minute: the event that says what holds the drain repeats, and is counted, not written anew.
          await waitUntil('a counted event that says what holds the drain', COUNTED_MS, async () => {
            const events = await kube.send('GET', '/apis/events.k8s.io/v1/events');
            return events?.items.some(
              ({ reason, regarding, series }: Loose) =>
                reason === 'DrainBlocked' && regarding.name === 'held' && (series?.count ?? 0) > 1,
            )
              ? true
              : undefined;
          });
          const running = guarded.get('held');
          const still = await kube.get('v1', 'Pod', running?.metadata.name ?? '', NAMESPACE);
          expect(still, 'the same pod').toMatchObject({ metadata: { uid: running?.metadata.uid } });
          expect(still?.metadata.deletionTimestamp, 'not evicted against its budget').toBeUndefined();
          const node = await kube.get('v1', 'Node', running?.['spec'].nodeName);
          expect(node?.['spec'].unschedulable, 'cordoned').toBe(true);
          await kube.apply(budget('held', 0));
          await poolGone(tenant(), 'held');
          for (const name of POOLS) {
            await kube.remove('apps/v1', 'Deployment', name, NAMESPACE, { propagationPolicy: 'Background' });
          }
        });
      });
    },
  };
}

function podsOf(tenant: TenantWorld, name: string): Promise<KubeObject[]> {
  return tenant.kube.list('v1', 'Pod', `?labelSelector=app%3D${name}`, NAMESPACE);
}

async function poolGone(tenant: TenantWorld, name: string): Promise<void> {
  await waitUntil(`the pool '${name}' to be gone`, GONE_MS, async () =>
    (await tenant.kube.get('sluice.dev/v1alpha1', 'NodePool', name)) === undefined ? true : undefined,
  );
}

function budget(name: string, minAvailable: number): KubeObject {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name, namespace: NAMESPACE },
    spec: { minAvailable, selector: { matchLabels: { app: name } } },
  };
}
