import { describe, expect, it } from 'vitest';
import { poolSettings } from '../../../src/api/defaults.ts';
import { parseNodePool, parseWorkloadCluster } from '../../../src/api/parse-resources.ts';
import { nodePoolManifest, workloadClusterManifest } from './resource-fixtures.ts';

function settings(pool: Record<string, unknown>, cluster: Record<string, unknown> = {}) {
  return poolSettings(parseNodePool(nodePoolManifest(pool)), parseWorkloadCluster(workloadClusterManifest(cluster)));
}

describe('poolSettings', () => {
  it('has the defaults that OVH documents', () => {
    expect(settings({ flavor: 'b2-7' })).toEqual({
      flavors: ['b2-7'],
      minNodes: 0,
      maxNodes: 100,
      autoscale: false,
      scaleDownUnneededMs: 600_000,
      scaleDownUnreadyMs: 1_200_000,
      utilizationThreshold: 0.5,
      scaleDownDelayAfterAddMs: 600_000,
      consolidate: false,
      provisionTimeoutMs: 900_000,
      zones: [],
      antiAffinity: 'none',
      floatingIps: false,
      priority: 0,
      drainTimeoutMs: 600_000,
      drainForce: true,
      labels: new Map(),
      annotations: new Map(),
      finalizers: [],
      taints: [],
      startupTaints: [],
      unschedulable: undefined,
      securityGroups: [],
    });
  });

  it('takes five as the maximum of an anti-affinity pool', () => {
    expect(settings({ flavor: 'f', antiAffinity: true })).toMatchObject({ maxNodes: 5, antiAffinity: 'strict' });
    const soft = settings({ flavor: 'f', antiAffinity: true, antiAffinityPolicy: 'Preferred' });
    expect(soft).toMatchObject({ maxNodes: 100, antiAffinity: 'soft' });
  });

  it('takes the pool’s word before the cluster’s, and the cluster’s before the default', () => {
    const cluster = {
      autoscaler: {
        scaleDownUnneededTimeSeconds: 60,
        scaleDownUnreadyTimeSeconds: 90,
        scaleDownUtilizationThreshold: '0.7',
      },
    };
    const found = settings(
      { flavor: 'f', autoscaling: { scaleDownUnneededTimeSeconds: 0, scaleDownUtilizationThreshold: '0' } },
      cluster,
    );
    expect(found.scaleDownUnneededMs).toBe(0);
    expect(found.scaleDownUnreadyMs).toBe(90_000);
    expect(found.utilizationThreshold).toBe(0);
    expect(found.provisionTimeoutMs).toBe(900_000);
  });

  it('fills the value of a taint and keeps zeros and false as they are', () => {
    const found = settings({
      flavors: ['a', 'b'],
      maxNodes: 0,
      drain: { timeoutSeconds: 0, force: false },
      startupTaints: [{ key: 'k', effect: 'NoSchedule' }],
      template: { metadata: {}, spec: { unschedulable: false } },
    });
    expect(found.flavors).toEqual(['a', 'b']);
    expect(found.maxNodes).toBe(0);
    expect(found.drainTimeoutMs).toBe(0);
    expect(found.drainForce).toBe(false);
    expect(found.unschedulable).toBe(false);
    expect(found.startupTaints).toEqual([{ key: 'k', value: '', effect: 'NoSchedule' }]);
  });

  it('keeps the operator’s security groups and zones unless the pool names its own zones', () => {
    const cluster = workloadClusterManifest();
    const openstack = {
      ...(cluster.spec['openstack'] as object),
      securityGroups: ['base', 'x'],
      availabilityZones: ['z1'],
    };
    expect(settings({ flavor: 'f', securityGroups: ['x', 'mine'] }, { openstack }).securityGroups).toEqual([
      'base',
      'x',
      'mine',
    ]);
    expect(settings({ flavor: 'f' }, { openstack }).zones).toEqual(['z1']);
    expect(settings({ flavor: 'f', availabilityZones: ['z2'] }, { openstack }).zones).toEqual(['z2']);
  });
});
