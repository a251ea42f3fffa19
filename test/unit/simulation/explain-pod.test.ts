import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { ClusterObjects, PodObject } from '../../../src/cluster/cluster-objects.ts';
import { explainPod, type PodExplanation } from '../../../src/simulation/explain-pod.ts';
import { makeClaim } from '../../builders/make-claim.ts';
import { makeNode } from '../../builders/make-node.ts';
import { makeCluster, makeFlavor, makeObjects } from '../../builders/make-objects.ts';
import { GIB, makePod, matchLabels } from '../../builders/make-pod.ts';
import { makePool, type PoolBuilder } from '../../builders/make-pool.ts';
import { CINDER_DRIVER, makeStorageClass, makeVolumeClaim } from '../../builders/make-storage.ts';

function explain(pod: PodObject, fields: Partial<ClusterObjects>): PodExplanation {
  return explainPod(buildSnapshot(makeObjects(fields), 1), pod);
}

describe('nodes', () => {
  test('counts reasons as the scheduler prints them', () => {
    const nodes = [
      makeNode('a').allocatable({ cpuMillis: 10 }).build(),
      makeNode('b').allocatable({ cpuMillis: 10, memoryBytes: 10 }).build(),
      makeNode('c').taint('t').build(),
      makeNode('d').build(),
    ];
    const got = explain(makePod('p').build(), { nodes, claims: [makeClaim('d').removal().build()] });
    expect(got.summary).toBe(
      '0/4 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint(s), 1 node(s) were being removed, 2 Insufficient cpu.',
    );
    expect(got.nodes[2]).toEqual({
      name: 'c',
      fits: false,
      plugin: 'TaintToleration',
      reasons: ['node(s) had untolerated taint(s)'],
    });
    expect(got.pod).toBe('default/p');
  });

  test('says where it fits', () => {
    const got = explain(makePod('p').build(), { nodes: [makeNode('a').build()] });
    expect(got.summary).toBe('1/1 nodes are available.');
    expect(got.nodes).toEqual([{ name: 'a', fits: true }]);
  });

  test('a cluster without nodes', () => {
    expect(explain(makePod('p').build(), {}).summary).toBe('0/0 nodes are available.');
  });
});

describe('pools', () => {
  const pools = (pod: PodObject, pool: PoolBuilder, fields: Partial<ClusterObjects> = {}): PodExplanation['pools'] =>
    explain(pod, { nodePools: [pool.build()], ...fields }).pools;

  test('each flavor in each zone, in the order of the pool', () => {
    const pool = makePool('web')
      .flavors('big', 'b3-16', 'gone')
      .spec({ availabilityZones: ['z2', 'z1'] });
    const flavors = [makeFlavor(), makeFlavor('big', { vcpus: 16, memoryMiB: 64_000 })];
    const got = pools(makePod('p').requests({ cpuMillis: 8000 }).build(), pool, { flavors });
    expect(got.map(({ flavor, zone, fits, plugin }) => [flavor, zone, fits, plugin])).toEqual([
      ['big', 'z2', true, undefined],
      ['big', 'z1', true, undefined],
      ['b3-16', 'z2', false, 'NodeResourcesFit'],
      ['b3-16', 'z1', false, 'NodeResourcesFit'],
      ['gone', '', false, 'Sluice'],
    ]);
  });

  test('without zones of its own a pool uses those of the cluster, then those of the project, then any', () => {
    const zonesOf = (fields: Partial<ClusterObjects>): readonly string[] =>
      pools(makePod('p').build(), makePool('web'), fields).map((row) => row.zone);
    const targets = { ...makeObjects().targets, zones: ['p1', 'p2'] };
    const { openstack } = makeCluster().spec;
    const cluster = makeCluster({ openstack: { ...openstack, availabilityZones: ['c1'] } });
    expect(zonesOf({ targets, cluster })).toEqual(['c1']);
    expect(zonesOf({ targets })).toEqual(['p1', 'p2']);
    expect(zonesOf({ targets: { ...targets, zones: [] } })).toEqual(['']);
  });

  test.each([
    {
      name: 'too big',
      pod: makePod('p').requests({ cpuMillis: 64_000 }),
      pool: makePool('web'),
      want: 'The pod asks for 64000m cpu and 0 MiB; a new b3-16 has 3830m and 14410 MiB left for pods: use a bigger flavor or lower the requests.',
    },
    {
      name: 'a resource nobody has',
      pod: makePod('p').requests({ extended: { 'nvidia.com/gpu': 1 } }),
      pool: makePool('web'),
      want: 'A new b3-16 is not known to offer nvidia.com/gpu: use a flavor that has it, in a pool with at least one node.',
    },
    {
      name: 'a taint',
      pod: makePod('p'),
      pool: makePool('web').taints(
        { key: 'soft', effect: 'PreferNoSchedule' },
        { key: 'dedicated', value: 'db', effect: 'NoSchedule' },
      ),
      want: "Add a toleration for dedicated=db:NoSchedule to the pod, or take the taint off pool 'web' (spec.template.spec.taints).",
    },
    {
      name: 'a label with another value',
      pod: makePod('p').nodeSelector({ disk: 'ssd' }),
      pool: makePool('web').labels({ disk: 'hdd' }),
      want: "The pod's nodeSelector wants disk=ssd and pool 'web' has 'hdd': set it in spec.template.metadata.labels, or change the pod.",
    },
    {
      name: 'required affinity',
      pod: makePod('p').nodeAffinity({ expressions: [{ key: 'disk', operator: 'Exists', values: [] }], fields: [] }),
      pool: makePool('web'),
      want: "The pod's required node affinity asks for other values of disk: change it, or the pool's flavor, zones or spec.template.metadata.labels.",
    },
    {
      name: 'cordoned from the start',
      pod: makePod('p'),
      pool: makePool('web').spec({ template: { metadata: {}, spec: { unschedulable: true } } }),
      want: "New nodes of pool 'web' are cordoned: take spec.template.spec.unschedulable off.",
    },
    {
      name: 'affinity to a pod that is elsewhere',
      pod: makePod('p').affinity({ selector: matchLabels({ app: 'db' }) }),
      pool: makePool('web'),
      want: "The pod's affinity, or the anti-affinity of a pod that runs, rules out zone 'zone-a': see topologyKey of its terms.",
    },
    {
      name: 'a claim that is not there',
      pod: makePod('p').volumes('data'),
      pool: makePool('web'),
      want: "The pod's volume cannot be used from zone 'zone-a', or not be made there: see its PersistentVolumeClaim, and use a pool in the volume's zone, or where its driver has storage left (CSIStorageCapacity).",
    },
  ])('advice: $name', ({ pod, pool, want }) => {
    const [row] = pools(pod.build(), pool);
    expect(row).toMatchObject({ fits: false, advice: want });
  });

  test('storage that is tracked is left in one zone, for nodes that stand and nodes that could', () => {
    const got = explain(makePod('p').volumes('data').build(), {
      nodePools: [
        makePool('web')
          .spec({ availabilityZones: ['zone-a', 'zone-b'] })
          .build(),
      ],
      nodes: [makeNode('a').build(), makeNode('b').labels({ 'topology.kubernetes.io/zone': 'zone-b' }).build()],
      persistentVolumeClaims: [makeVolumeClaim('data', { volumeName: '', bound: false, sized: true })],
      storageClasses: [makeStorageClass()],
      csiDrivers: [{ uid: 'd', name: CINDER_DRIVER, storageCapacity: true, requiredOnNode: false }],
      csiStorageCapacities: [
        {
          uid: 'c',
          namespace: 'kube-system',
          name: 'c',
          storageClass: 'standard',
          volumeBytesMax: GIB,
          topology: { requirements: [{ key: 'topology.kubernetes.io/zone', operator: 'In', values: ['zone-b'] }] },
        },
      ],
    });
    expect(got.summary).toBe('1/2 nodes are available: 1 node(s) did not have enough free storage.');
    expect(got.pools).toMatchObject([
      { zone: 'zone-a', fits: false, plugin: 'VolumeBinding', reasons: ['node(s) did not have enough free storage'] },
      { zone: 'zone-b', fits: true },
    ]);
  });

  test('a node would fit, but the pool does not grow', () => {
    const pod = makePod('p').build();
    expect(pools(pod, makePool('web'))).toEqual([{ pool: 'web', flavor: 'b3-16', zone: 'zone-a', fits: true }]);
    expect(pools(pod, makePool('web').spec({ autoscale: false }))[0]?.advice).toBe(
      "Pool 'web' does not grow by itself: set spec.autoscale, or raise spec.desiredNodes.",
    );
    expect(pools(pod, makePool('web').deleting())[0]?.advice).toBe("Pool 'web' is being deleted: use another one.");
    const full = { claims: [makeClaim('web-1').build()] };
    expect(pools(pod, makePool('web').spec({ maxNodes: 1 }), full)[0]?.advice).toBe(
      "Pool 'web' has its 1 nodes: raise spec.maxNodes.",
    );
  });
});
