// What of the pool and of the operator's networks goes into a new claim.
import { describe, expect, it } from 'vitest';
import { makeObjects, makePool, makePods, planFor, stepsOf } from './planner-world.ts';

describe('claimSpecOf', () => {
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
