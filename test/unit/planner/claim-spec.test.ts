// What of the pool and of the operator's networks goes into a new claim.
import { describe, expect, it } from 'vitest';
import { makeCluster, makeObjects, makePool, makePods, planFor, stepsOf } from './planner-world.ts';

describe('claimSpecOf', () => {
  it('gives equally named pools of two clusters groups of their own', () => {
    const groupIn = (clusterUid: string, poolUid: string) => {
      const pool = makePool('web', { antiAffinity: true }, { uid: poolUid });
      const cluster = makeCluster({}, { uid: clusterUid });
      const [step] = stepsOf(planFor(makeObjects({ cluster, nodePools: [pool], pods: makePods(1) })), 'createClaim');
      return step?.spec.serverGroup;
    };
    const groups = [groupIn('cluster-a', 'pool-1'), groupIn('cluster-b', 'pool-1'), groupIn('cluster-a', 'pool-2')];
    expect(new Set(groups).size).toBe(3);
    expect(groups).not.toContain(undefined);
  });

  it('writes networks, floating IP and kind of anti-affinity into the claim, and another hash', () => {
    const specFor = (pool: Parameters<typeof makePool>[1], targets: object) => {
      const objects = makeObjects({ nodePools: [makePool('web', pool)], pods: makePods(1) });
      const [step] = stepsOf(planFor({ ...objects, targets: { ...objects.targets, ...targets } }), 'createClaim');
      return step?.spec;
    };
    const plain = specFor({}, { externalNetworkId: 'ext-1', additionalNetworks: [] });
    expect(plain).not.toHaveProperty('floatingNetworkId');
    expect(plain).not.toHaveProperty('additionalNetworks');
    expect(plain?.templateHash).toBe(specFor({}, {})?.templateHash);
    const additionalNetworks = [
      { networkId: 'net-2', subnetId: undefined },
      { networkId: 'net-3', subnetId: 'sub-3' },
    ];
    const full = specFor(
      { attachFloatingIPs: { enabled: true }, antiAffinity: true, antiAffinityPolicy: 'Preferred' },
      { externalNetworkId: 'ext-1', additionalNetworks },
    );
    expect(full).toMatchObject({
      networkIds: ['net-1'],
      additionalNetworks: [{ networkId: 'net-2' }, { networkId: 'net-3', subnetId: 'sub-3' }],
      floatingNetworkId: 'ext-1',
      serverGroup: 'sluice-cluster-uid-pool-web',
      serverGroupPolicy: 'soft-anti-affinity',
    });
    expect(full?.templateHash).not.toBe(plain?.templateHash);
  });
});
