// The project's quota of ports: a node takes one on each of its networks.
import { expect, it } from 'vitest';
import type { ClusterObjects } from '../../../src/cluster/cluster-objects.ts';
import { makeClaim, makeObjects, makePods, makePool, NOW_MS, planFor, stepsOf } from './planner-world.ts';

const FURTHER_NETWORKS = ['storage', 'backup'].map((networkId) => ({ networkId, subnetId: undefined }));
const portsLeft = (left: number) => ({
  serversLeft: 10,
  coresLeft: undefined,
  memoryMiBLeft: undefined,
  portsLeft: left,
});
const pending = (networks: readonly { readonly networkId: string }[]) => ({
  ...makeClaim('web-node-aaaaaa', 'web', {
    createdMs: NOW_MS - 1000,
    spec: { additionalNetworks: networks.map(({ networkId }) => ({ networkId })) },
  }),
  status: { phase: 'Pending' as const },
});

// Twelve pods, of which four fill a node.
it.each<[name: string, objects: Partial<ClusterObjects>, wantNodes: number]>([
  ['a node takes one', { quota: portsLeft(2) }, 2],
  [
    'a node on three networks takes three',
    { targets: { ...makeObjects().targets, additionalNetworks: FURTHER_NETWORKS }, quota: portsLeft(8) },
    2,
  ],
  [
    'a claim that is still to get its three leaves none for another node',
    { claims: [pending(FURTHER_NETWORKS)], quota: portsLeft(3) },
    0,
  ],
])('%s', (_, objects, wantNodes) => {
  const claims = objects.claims ?? [];
  const pool = makePool('web', { desiredNodes: claims.length });
  const plan = planFor(makeObjects({ nodePools: [pool], pods: makePods(12), ...objects }));
  expect(stepsOf(plan, 'createClaim')).toHaveLength(wantNodes);
  expect(plan.blocked).toMatchObject([{ pool: 'web', reason: 'QuotaExceeded' }]);
  expect(plan.blocked[0]?.message).toContain('ports left');
});
