import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildSnapshot, type SnapshotNode } from '../../../src/cluster/build-snapshot.ts';
import type { ClusterObjects } from '../../../src/cluster/cluster-objects.ts';
import { entriesOfShape } from '../../../src/cluster/shape-entries.ts';
import { makeClaim } from '../../builders/make-claim.ts';
import { makeNode } from '../../builders/make-node.ts';
import { makeObjects } from '../../builders/make-objects.ts';
import { GIB, makePod } from '../../builders/make-pod.ts';

function nodesOf(fields: Partial<ClusterObjects>): readonly SnapshotNode[] {
  return buildSnapshot(makeObjects(fields), 1).nodes;
}

describe('nodes', () => {
  test.each([
    { name: 'just written', claim: makeClaim('web-1').pending(), want: true },
    { name: 'server is booting', claim: makeClaim('web-1').pending('Booting'), want: true },
    { name: 'answer of the create lost', claim: makeClaim('web-1').pending('Unknown'), want: true },
    { name: 'past its provision timeout', claim: makeClaim('web-1').pending().createdBefore(901_000), want: false },
    { name: 'failed', claim: makeClaim('web-1').pending('Failed'), want: false },
    { name: 'to be removed', claim: makeClaim('web-1').pending().removal(), want: false },
    { name: 'being deleted', claim: makeClaim('web-1').pending().deleting(), want: false },
    { name: 'Ready, but its node vanished', claim: makeClaim('web-1'), want: false },
  ])('a claim without a node, $name: upcoming $want', ({ claim, want }) => {
    expect(nodesOf({ claims: [claim.build()] }).map((node) => node.upcoming)).toEqual(want ? [true] : []);
  });

  test('an upcoming node looks as its claim promises', () => {
    const claim = makeClaim('web-1')
      .pending()
      .spec({
        labels: { disk: 'ssd' },
        taints: [
          { key: 'dedicated', value: 'x', effect: 'NoSchedule' },
          { key: 'startup', effect: 'NoSchedule' },
        ],
        startupTaints: [{ key: 'startup', effect: 'NoSchedule' }],
        expected: { cpuMillis: 1, memoryBytes: 2, ephemeralBytes: 3, pods: 4, extended: { 'x/y': 5 } },
      });
    const [node] = nodesOf({ claims: [claim.build()] });
    expect(Object.fromEntries(node?.labels ?? [])).toMatchObject({
      'kubernetes.io/hostname': 'web-1',
      'kubernetes.io/os': 'linux',
      'topology.kubernetes.io/zone': 'zone-a',
      'topology.kubernetes.io/region': 'region-1',
      'node.kubernetes.io/instance-type': 'b3-16',
      'sluice.dev/nodepool': 'web',
      disk: 'ssd',
    });
    expect(node?.taints).toEqual([{ key: 'dedicated', value: 'x', effect: 'NoSchedule' }]);
    expect(node?.allocatable).toEqual({
      cpuMillis: 1,
      memoryBytes: 2,
      ephemeralBytes: 3,
      pods: 4,
      extended: new Map([['x/y', 5]]),
    });
  });

  test('a node that registered but is not ready: its labels, the promised room, no taints of arrival', () => {
    const node = makeNode('web-1')
      .labels({ rack: '7' })
      .allocatable({ cpuMillis: 0, memoryBytes: 0, pods: 0 })
      .notReady()
      .taint('node.kubernetes.io/unreachable', 'NoExecute')
      .taint('sluice.dev/placing')
      .taint('by-hand');
    const claim = makeClaim('web-1').pending('Registered');
    const [got] = nodesOf({ nodes: [node.build()], claims: [claim.build()] });
    expect(got).toMatchObject({ upcoming: true, draining: false });
    expect(got?.labels.get('rack')).toBe('7');
    expect(got?.labels.get('node.kubernetes.io/instance-type')).toBe('b3-16');
    expect(got?.allocatable.memoryBytes).toBe(14 * GIB);
    expect(got?.taints.map((taint) => taint.key)).toEqual(['by-hand']);
  });

  test('a node whose claim is Ready is taken as it is, less the placing taint', () => {
    const node = makeNode('web-1').notReady().taint('sluice.dev/placing').build();
    const [got] = nodesOf({ nodes: [node], claims: [makeClaim('web-1').build()] });
    expect(got).toMatchObject({ upcoming: false, allocatable: node.allocatable });
    expect(got?.taints.map((taint) => taint.key)).toEqual(['node.kubernetes.io/not-ready']);
  });

  test('a node of ours that has not got its template yet has the labels that its claim promises', () => {
    const made = makeClaim('web-1').build();
    const claim = { ...made, spec: { ...made.spec, labels: { rack: '7' } } };
    const node = makeNode('web-1').build();
    const labelsOf = (one: typeof node) => nodesOf({ nodes: [one], claims: [claim] })[0]?.labels;
    expect(labelsOf(node)?.get('rack')).toBe('7');
    const own = makeNode('web-1').labels({ rack: '8' }).build();
    expect(labelsOf(own)?.get('rack')).toBe('8');
    const asserted = { ...node, annotations: new Map([['sluice.dev/managed-keys', '{}']]) };
    expect(labelsOf(asserted)).toEqual(node.labels);
  });

  test('a node of ours that has just become Ready loses the taint of one that is not, which Kubernetes lifts later', () => {
    const node = makeNode('web-1').taint('node.kubernetes.io/not-ready').taint('by-hand').build();
    const [ours] = nodesOf({ nodes: [node], claims: [makeClaim('web-1').build()] });
    expect(ours?.taints.map((taint) => taint.key)).toEqual(['by-hand']);
    const [foreign] = nodesOf({ nodes: [node] });
    expect(foreign?.taints).toEqual(node.taints);
  });

  test.each([
    { name: 'removal recorded', claim: makeClaim('web-1').removal().build(), deleting: false, want: true },
    { name: 'claim deleted', claim: makeClaim('web-1').deleting().build(), deleting: false, want: true },
    {
      name: 'claim failed',
      claim: makeClaim('web-1').status({ phase: 'Failed' }).build(),
      deleting: false,
      want: true,
    },
    { name: 'node deleted', claim: makeClaim('web-1').build(), deleting: true, want: true },
    { name: 'nothing of that', claim: makeClaim('web-1').build(), deleting: false, want: false },
  ])('draining: $name', ({ claim, deleting, want }) => {
    const node = makeNode('web-1').with({ deleting }).build();
    expect(nodesOf({ nodes: [node], claims: [claim] })[0]?.draining).toBe(want);
  });
});

describe('pods', () => {
  test('pending ones are those the scheduler looks at, in its order', () => {
    const pods = [
      makePod('young').createdMs(5).build(),
      makePod('old').createdMs(1).build(),
      makePod('b').createdMs(3).build(),
      makePod('a').createdMs(3).build(),
      makePod('important').createdMs(9).priority(10).build(),
      makePod('gated').with({ gated: true }).build(),
      makePod('leaving').deleting().build(),
      makePod('done').with({ phase: 'Succeeded' }).build(),
      makePod('bound').on('n1').build(),
    ];
    const { pendingPods } = buildSnapshot(makeObjects({ pods }), 1);
    expect(pendingPods.map((pod) => pod.name)).toEqual(['important', 'old', 'a', 'b', 'young']);
  });

  test('terminating pods hold their room, finished ones and those of unknown nodes do not', () => {
    const pods = [
      makePod('leaving')
        .on('n1')
        .deleting()
        .requests({ cpuMillis: 300, extended: { 'x/y': 2 } })
        .build(),
      makePod('done').on('n1').with({ phase: 'Failed' }).build(),
      makePod('lost').on('gone').build(),
      makePod('web').on('n1').requests({ cpuMillis: 200, memoryBytes: GIB }).build(),
    ];
    const { nodes, columns, shapes } = buildSnapshot(makeObjects({ pods, nodes: [makeNode('n1').build()] }), 1);
    expect(nodes[0]?.pods.map((pod) => pod.name)).toEqual(['leaving', 'web']);
    expect([columns.requested.cpuMillis[0], columns.requested.memoryBytes[0], columns.requested.pods[0]]).toEqual([
      500,
      GIB,
      2,
    ]);
    expect(columns.extendedRequested.get(0)).toEqual(new Map([['x/y', 2]]));
    expect(shapes).toHaveLength(2);
    expect(shapes.map((_shape, number) => entriesOfShape(columns, number).flat())).toEqual([[1], [0]]);
  });
});

test('the same objects in any order give the same snapshot', () => {
  const nodes = ['c', 'a', 'b'].map((name) => makeNode(name).build());
  const pods = [
    ...makePod('x').on('a').buildMany(5),
    ...makePod('y').on('b').requests({ cpuMillis: 7 }).buildMany(5),
    ...makePod('z').labels({ app: 'z' }).buildMany(5),
  ];
  const claims = [makeClaim('b').build(), makeClaim('d').pending().build(), makeClaim('e').pending().build()];
  const wanted = describeSnapshot(makeObjects({ nodes, pods, claims }));
  fc.assert(
    fc.property(
      fc.shuffledSubarray(nodes, { minLength: 3 }),
      fc.shuffledSubarray(pods, { minLength: pods.length }),
      fc.shuffledSubarray(claims, { minLength: 3 }),
      (someNodes, somePods, someClaims) => {
        expect(describeSnapshot(makeObjects({ nodes: someNodes, pods: somePods, claims: someClaims }))).toEqual(wanted);
      },
    ),
    { numRuns: 50 },
  );
});

function describeSnapshot(objects: ClusterObjects): unknown {
  const { nodes, pendingPods, shapes, columns } = buildSnapshot(objects, 1);
  return { nodes, pendingPods, shapes, columns };
}
