import { describe, expect, test } from 'vitest';
import type { ClusterObjects } from '../../../src/cluster/cluster-objects.ts';
import { allocatableOf, type TemplateNode, templateNode } from '../../../src/scheduling/template-node.ts';
import { makeClaim } from '../../builders/make-claim.ts';
import { makeNode } from '../../builders/make-node.ts';
import { makeCluster, makeFlavor, makeObjects } from '../../builders/make-objects.ts';
import { GIB, makePod, MIB } from '../../builders/make-pod.ts';
import { makePool } from '../../builders/make-pool.ts';
import { CINDER_DRIVER } from '../../builders/make-storage.ts';

describe('allocatableOf', () => {
  test.each([
    { name: 'b3-8', vcpus: 2, memoryMiB: 8_000, wantCpu: 1840, wantMiB: 6410 },
    { name: 'b3-16', vcpus: 4, memoryMiB: 16_000, wantCpu: 3830, wantMiB: 14_410 },
    { name: 'b3-64', vcpus: 16, memoryMiB: 64_000, wantCpu: 15_770, wantMiB: 62_410 },
  ])('by default as OVH documents: $name', ({ name, vcpus, memoryMiB, wantCpu, wantMiB }) => {
    const got = allocatableOf(makeFlavor(name, { vcpus, memoryMiB }), makeCluster());
    expect([got.cpuMillis, got.memoryBytes / MIB, got.pods]).toEqual([wantCpu, wantMiB, 110]);
  });

  test('the disk by default: ten percent and ten GiB per decade', () => {
    expect(allocatableOf(makeFlavor('x', { diskGiB: 100 }), makeCluster()).ephemeralBytes / GIB).toBeCloseTo(70, 6);
    expect(allocatableOf(makeFlavor('x', { diskGiB: 0 }), makeCluster()).ephemeralBytes).toBe(0);
  });

  test("the operator's rule replaces it, kubelet's eviction threshold stays", () => {
    const reserved = {
      cpuMillis: 100,
      cpuMillisPerCore: 10,
      memoryMiB: 200,
      memoryPercent: 10,
      ephemeralPercent: 50,
      podsMax: 30,
    };
    const got = allocatableOf(makeFlavor('x', { vcpus: 2, memoryMiB: 1000, diskGiB: 10 }), makeCluster({ reserved }));
    expect(got).toEqual({
      cpuMillis: 1880,
      memoryBytes: 600 * MIB,
      ephemeralBytes: 5 * GIB,
      pods: 30,
      extended: new Map(),
    });
  });

  test('never below zero', () => {
    const got = allocatableOf(makeFlavor('tiny', { vcpus: 0, memoryMiB: 512, diskGiB: 1 }), makeCluster());
    expect([got.cpuMillis, got.memoryBytes]).toEqual([0, 0]);
  });
});

describe('templateNode', () => {
  const pool = makePool('web')
    .labels({ disk: 'ssd', nodepool: 'mine' })
    .taints({ key: 'dedicated', value: 'x', effect: 'NoSchedule' }, { key: 'agent', effect: 'NoExecute' })
    .spec({ startupTaints: [{ key: 'agent', effect: 'NoExecute' }] });

  function of(fields: Partial<ClusterObjects>, zone = 'zone-a'): TemplateNode {
    return templateNode({ pool: pool.build(), flavor: makeFlavor(), zone, objects: makeObjects(fields) });
  }

  test('labels of the pool and ours, which nobody overrides; lasting taints', () => {
    const template = of({});
    expect(Object.fromEntries(template.labels)).toEqual({
      disk: 'ssd',
      nodepool: 'web',
      'sluice.dev/nodepool': 'web',
      'node.kubernetes.io/instance-type': 'b3-16',
      'topology.kubernetes.io/zone': 'zone-a',
      'topology.kubernetes.io/region': 'region-1',
    });
    expect(template.taints).toEqual([{ key: 'dedicated', value: 'x', effect: 'NoSchedule' }]);
    expect(of({}, '').labels.has('topology.kubernetes.io/zone')).toBe(false);
    expect(of({}, 'zone-b').key).not.toBe(template.key);
  });

  test('allocatable and volume limits are learned from Ready nodes of the pool and flavor', () => {
    const offers = (name: string, cpuMillis: number, extended: Record<string, number>, ready: 'True' | 'False') =>
      makeNode(name).with({ ready }).allocatable({ cpuMillis, memoryBytes: cpuMillis, extended }).build();
    const template = of({
      nodes: [
        offers('w1', 3900, { 'x/gpu': 2 }, 'True'),
        offers('w2', 3800, {}, 'True'),
        offers('broken', 10, {}, 'False'),
        offers('starting', 11, {}, 'True'),
        offers('other', 12, {}, 'True'),
        offers('bigger', 13, {}, 'True'),
      ],
      claims: [
        makeClaim('w1').build(),
        makeClaim('w2').build(),
        makeClaim('broken').build(),
        makeClaim('starting').pending('Registered').build(),
        makeClaim('other', 'db').build(),
        makeClaim('bigger').spec({ flavor: 'b3-32' }).build(),
      ],
      csiNodes: [
        { uid: 'c1', name: 'w1', limits: new Map([[CINDER_DRIVER, 26]]) },
        { uid: 'c2', name: 'w2', limits: new Map([[CINDER_DRIVER, 25]]), drivers: new Set([CINDER_DRIVER, 'nfs']) },
        { uid: 'c3', name: 'other', limits: new Map([[CINDER_DRIVER, 1]]) },
      ],
    });
    expect(template.allocatable).toMatchObject({ cpuMillis: 3800, memoryBytes: 3800 });
    expect([...template.allocatable.extended]).toEqual([['x/gpu', 2]]);
    expect([...template.volumeLimits]).toEqual([[CINDER_DRIVER, 25]]);
    expect([...(template.drivers ?? [])]).toEqual([CINDER_DRIVER, 'nfs']);
    expect(of({}).drivers).toBeUndefined();
  });

  test('DaemonSets that would run there, by name', () => {
    const daemonSet = (name: string, pod: ReturnType<typeof makePod>) => ({
      uid: name,
      namespace: 'kube-system',
      name,
      shape: pod.labels({ app: name }).build().shape,
    });
    const tolerant = () => makePod('d').tolerates({ operator: 'Exists' });
    const template = of({
      daemonSets: [
        daemonSet('z-everywhere', tolerant()),
        daemonSet('stopped-by-taint', makePod('d')),
        daemonSet('a-selects', tolerant().nodeSelector({ disk: 'ssd', 'kubernetes.io/os': 'linux' })),
        daemonSet('selects-other', tolerant().nodeSelector({ disk: 'hdd' })),
      ],
    });
    expect(template.daemonShapes.map((shape) => shape.labels.get('app'))).toEqual(['a-selects', 'z-everywhere']);
  });
});
