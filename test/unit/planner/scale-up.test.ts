import { describe, expect, it } from 'vitest';
import { podVerdicts } from '../../../src/planner/plan.ts';
import type { ClusterObjects } from '../../../src/cluster/cluster-objects.ts';
import {
  makeClaim,
  makeCluster,
  makeFlavor,
  makeObjects,
  makePod,
  makePods,
  makePool,
  makeShape,
  NOW_MS,
  planFor,
  stepsOf,
} from './planner-world.ts';

interface Case {
  readonly name: string;
  readonly objects: Partial<ClusterObjects>;
  /** pool/flavor/zone of each created claim, sorted. */
  readonly wantCreated: readonly string[];
  readonly wantUnplaced?: number;
  readonly wantBlocked?: readonly string[];
}

const TWO_ZONES = { ...makeObjects().targets, zones: ['zone-a', 'zone-b'] };

const CASES: readonly Case[] = [
  {
    name: 'a pool at zero gets the nodes that its pods fill',
    objects: { nodePools: [makePool('web')], pods: makePods(9) },
    wantCreated: ['web/b2-4/zone-a', 'web/b2-4/zone-a', 'web/b2-4/zone-a'],
  },
  {
    name: 'room on a node that stands is used first',
    objects: { nodePools: [makePool('web')], claims: [makeClaim('web-node-aaaaaa', 'web')], pods: makePods(4) },
    wantCreated: [],
  },
  {
    name: 'room on a node that is coming up is used before new nodes',
    objects: {
      nodePools: [makePool('web', { desiredNodes: 1 })],
      claims: [makeClaim('web-node-aaaaaa', 'web', { phase: 'Building', createdMs: NOW_MS - 60_000 })],
      pods: makePods(5),
    },
    wantCreated: ['web/b2-4/zone-a'],
  },
  {
    name: 'a pod that fits no flavor gets no node and a reason',
    objects: { nodePools: [makePool('web')], pods: [makePod('huge', { cpuMillis: 50_000 })] },
    wantCreated: [],
    wantUnplaced: 1,
  },
  {
    name: 'one big node for one big pod, though small ones are cheaper',
    objects: {
      nodePools: [makePool('web', { flavors: ['b2-2', 'b2-8'] })],
      pods: [makePod('big', { cpuMillis: 7000 })],
    },
    wantCreated: ['web/b2-8/zone-a'],
  },
  {
    name: 'a small node is enough for a small pod',
    objects: { nodePools: [makePool('web', { flavors: ['b2-8', 'b2-2', 'b2-4'] })], pods: makePods(1) },
    wantCreated: ['web/b2-2/zone-a'],
  },
  {
    name: 'the pool with the higher priority is filled first, whatever it costs',
    objects: {
      nodePools: [makePool('cheap', { flavor: 'b2-2' }), makePool('first', { flavor: 'b2-8', priority: 10 })],
      pods: makePods(2),
    },
    wantCreated: ['first/b2-8/zone-a'],
  },
  {
    name: 'when the first pool is full the next one takes the rest',
    objects: {
      nodePools: [makePool('cheap', { flavor: 'b2-4' }), makePool('first', { priority: 10, maxNodes: 1 })],
      pods: makePods(8),
    },
    wantCreated: ['cheap/b2-4/zone-a', 'first/b2-4/zone-a'],
  },
  {
    name: 'nodes are spread over the zones of the pool',
    objects: { nodePools: [makePool('web')], pods: makePods(16), targets: TWO_ZONES },
    wantCreated: ['web/b2-4/zone-a', 'web/b2-4/zone-a', 'web/b2-4/zone-b', 'web/b2-4/zone-b'],
  },
  {
    name: 'the emptier zone is filled up first',
    objects: {
      nodePools: [makePool('web', { desiredNodes: 1 })],
      claims: [makeClaim('web-node-aaaaaa', 'web')],
      pods: [...makePods(4, { nodeName: 'web-node-aaaaaa' }), ...makePods(4)],
      targets: TWO_ZONES,
    },
    wantCreated: ['web/b2-4/zone-b'],
  },
  {
    name: 'a pod that names a zone gets its node there',
    objects: {
      nodePools: [makePool('web')],
      pods: [
        makePod('pinned', { shape: makeShape({ nodeSelector: new Map([['topology.kubernetes.io/zone', 'zone-b']]) }) }),
      ],
      targets: TWO_ZONES,
    },
    wantCreated: ['web/b2-4/zone-b'],
  },
  {
    name: 'a zone without capacity is left out',
    objects: {
      nodePools: [makePool('web')],
      pods: makePods(8),
      targets: TWO_ZONES,
      backoffs: [
        {
          kind: 'capacity',
          flavor: 'b2-4',
          zone: 'zone-a',
          pool: 'other',
          message: 'No valid host',
          untilMs: NOW_MS + 1,
        },
      ],
    },
    wantCreated: ['web/b2-4/zone-b', 'web/b2-4/zone-b'],
  },
  {
    name: 'a flavor out of stock gives way to the next one',
    objects: {
      nodePools: [makePool('web', { flavors: ['b2-4', 'b2-8'] })],
      pods: makePods(4),
      backoffs: [
        { kind: 'capacity', flavor: 'b2-4', zone: '', pool: '', message: 'No valid host', untilMs: NOW_MS + 1 },
      ],
    },
    wantCreated: ['web/b2-8/zone-a'],
  },
  {
    name: 'a standing quota fault stops every new node and says so',
    objects: {
      nodePools: [makePool('web')],
      pods: makePods(1),
      backoffs: [{ kind: 'quota', flavor: '', zone: '', pool: '', message: 'Quota exceeded', untilMs: NOW_MS + 1 }],
    },
    wantCreated: [],
    wantUnplaced: 1,
    wantBlocked: ['web/QuotaExceeded'],
  },
  {
    name: 'a flavor without a disk would need a volume to boot from',
    objects: {
      nodePools: [makePool('web')],
      pods: makePods(1),
      flavors: makeObjects().flavors.map((flavor) => ({ ...flavor, diskGiB: 0 })),
    },
    wantCreated: [],
    wantUnplaced: 1,
    wantBlocked: ['web/InvalidSpec'],
  },
  {
    name: 'maxNodes gives a part and says so',
    objects: { nodePools: [makePool('web', { maxNodes: 2 })], pods: makePods(12) },
    wantCreated: ['web/b2-4/zone-a', 'web/b2-4/zone-a'],
    wantUnplaced: 4,
    wantBlocked: ['web/MaxNodesReached'],
  },
  {
    name: 'quota gives a part and says so',
    objects: {
      nodePools: [makePool('web')],
      pods: makePods(12),
      quota: { serversLeft: 10, coresLeft: 9, memoryMiBLeft: undefined },
    },
    wantCreated: ['web/b2-4/zone-a', 'web/b2-4/zone-a'],
    wantUnplaced: 4,
    wantBlocked: ['web/QuotaExceeded'],
  },
  {
    name: 'a claim without a server yet takes its quota before the new ones',
    objects: {
      nodePools: [makePool('web', { desiredNodes: 1 })],
      claims: [
        {
          ...makeClaim('web-node-aaaaaa', 'web', { createdMs: NOW_MS - 1000 }),
          status: { phase: 'PortReady' },
        },
      ],
      pods: makePods(12),
      quota: { serversLeft: 2, coresLeft: undefined, memoryMiBLeft: undefined },
    },
    wantCreated: ['web/b2-4/zone-a'],
    wantUnplaced: 4,
    wantBlocked: ['web/QuotaExceeded'],
  },
  {
    name: 'an anti-affinity pool stops at five nodes',
    objects: { nodePools: [makePool('web', { antiAffinity: true })], pods: makePods(24) },
    wantCreated: Array.from({ length: 5 }, () => 'web/b2-4/zone-a'),
    wantUnplaced: 4,
    wantBlocked: ['web/AntiAffinityUnsatisfiable'],
  },
  {
    name: 'an anti-affinity pool stops at what a server group takes',
    objects: {
      nodePools: [makePool('web', { antiAffinity: true })],
      pods: makePods(24),
      quota: { ...makeObjects().quota, serverGroupMembersMax: 3 },
    },
    wantCreated: Array.from({ length: 3 }, () => 'web/b2-4/zone-a'),
    wantUnplaced: 12,
    wantBlocked: ['web/QuotaExceeded'],
  },
  {
    name: 'preferred anti-affinity goes beyond five nodes',
    objects: {
      nodePools: [makePool('web', { antiAffinity: true, antiAffinityPolicy: 'Preferred' })],
      pods: makePods(24),
    },
    wantCreated: Array.from({ length: 6 }, () => 'web/b2-4/zone-a'),
    wantUnplaced: 0,
    wantBlocked: [],
  },
  {
    name: 'and stops at what a server group takes',
    objects: {
      nodePools: [makePool('web', { antiAffinity: true, antiAffinityPolicy: 'Preferred' })],
      pods: makePods(40),
      quota: { ...makeObjects().quota, serverGroupMembersMax: 8 },
    },
    wantCreated: Array.from({ length: 8 }, () => 'web/b2-4/zone-a'),
    wantUnplaced: 8,
    wantBlocked: ['web/QuotaExceeded'],
  },
  {
    name: 'the operator may forbid a flavor',
    objects: {
      cluster: makeCluster({ ceilings: { flavorsAllowed: ['b2-2'] } }),
      nodePools: [makePool('web', { flavors: ['b2-2', 'b2-4'] })],
      pods: makePods(2, { cpuMillis: 2000 }),
    },
    wantCreated: ['web/b2-2/zone-a', 'web/b2-2/zone-a'],
    wantBlocked: ['web/CeilingReached'],
  },
  ...(
    [
      ['nodesMax', { nodesMax: 1 }],
      ['coresMax', { coresMax: 7 }],
      ['memoryMax', { memoryMax: '20Gi' }],
      ['costPerHourMax', { costPerHourMax: '0.2' }],
    ] as const
  ).map(
    ([name, ceilings]): Case => ({
      name: `ceiling ${name} gives a part and says so`,
      objects: { cluster: makeCluster({ ceilings }), nodePools: [makePool('web')], pods: makePods(8) },
      wantCreated: ['web/b2-4/zone-a'],
      wantUnplaced: 4,
      wantBlocked: ['web/CeilingReached'],
    }),
  ),
  {
    name: 'an unknown flavor is told, and the known one is used',
    objects: { nodePools: [makePool('web', { flavors: ['b9-9', 'b2-4'] })], pods: makePods(1) },
    wantCreated: ['web/b2-4/zone-a'],
    wantBlocked: ['web/FlavorUnknown'],
  },
  {
    name: 'a pool that does not autoscale gets nothing for pods',
    objects: { nodePools: [makePool('web', { autoscale: false })], pods: makePods(1) },
    wantCreated: [],
    wantUnplaced: 1,
  },
  {
    name: 'filler pods below the cutoff cost nothing',
    objects: { nodePools: [makePool('web')], pods: makePods(1, { priority: -11 }) },
    wantCreated: [],
    wantUnplaced: 1,
  },
  {
    name: 'hostname anti-affinity gets one node per pod',
    objects: {
      nodePools: [makePool('web')],
      pods: makePods(3, {
        shape: makeShape({
          podAntiAffinity: [
            {
              topologyKey: 'kubernetes.io/hostname',
              selector: { requirements: [{ key: 'app', operator: 'In', values: ['web'] }] },
              namespaces: ['default'],
              namespaceSelector: undefined,
            },
          ],
        }),
      }),
    },
    wantCreated: ['web/b2-4/zone-a', 'web/b2-4/zone-a', 'web/b2-4/zone-a'],
  },
  {
    name: 'zone spread alternates zones and fills both nodes',
    objects: {
      nodePools: [makePool('web')],
      pods: makePods(8, {
        shape: makeShape({
          spread: [
            {
              topologyKey: 'topology.kubernetes.io/zone',
              maxSkew: 1,
              minDomains: 2,
              selector: { requirements: [{ key: 'app', operator: 'In', values: ['web'] }] },
              nodeAffinityPolicy: 'Honor',
              nodeTaintsPolicy: 'Ignore',
            },
          ],
        }),
      }),
      targets: TWO_ZONES,
    },
    wantCreated: ['web/b2-4/zone-a', 'web/b2-4/zone-b'],
  },
  {
    name: 'a tainted pool helps only pods that tolerate it',
    objects: {
      nodePools: [
        makePool('gpu', {
          template: { metadata: {}, spec: { taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }] } },
        }),
      ],
      pods: [
        makePod('plain'),
        makePod('tolerant', {
          shape: makeShape({ tolerations: [{ key: 'gpu', operator: 'Exists', value: '', effect: '' }] }),
        }),
      ],
    },
    wantCreated: ['gpu/b2-4/zone-a'],
    wantUnplaced: 1,
  },
  {
    name: 'DaemonSet pods take their part of a new node',
    objects: {
      nodePools: [makePool('web')],
      daemonSets: [{ uid: 'ds', namespace: 'default', name: 'agent', shape: makeShape({ cpuMillis: 500 }) }],
      pods: makePods(4),
    },
    wantCreated: ['web/b2-4/zone-a', 'web/b2-4/zone-a'],
  },
  {
    name: 'pods of a node that drains need room like pending ones',
    objects: {
      nodePools: [makePool('web', { desiredNodes: 0 })],
      claims: [
        makeClaim('web-node-aaaaaa', 'web', {
          phase: 'Draining',
          status: { removal: { reason: 'ManualSize', message: '', at: '2026-01-01T11:59:00Z' } },
        }),
      ],
      pods: makePods(2, { nodeName: 'web-node-aaaaaa' }),
    },
    wantCreated: ['web/b2-4/zone-a'],
  },
  {
    name: 'pods of a node that was found unneeded take room and get no new node',
    objects: {
      nodePools: [makePool('web', { desiredNodes: 0 })],
      claims: [
        makeClaim('web-node-aaaaaa', 'web', {
          phase: 'Draining',
          status: { removal: { reason: 'ScaleDown', message: '', at: '2026-01-01T11:59:00Z' } },
        }),
      ],
      pods: makePods(2, { nodeName: 'web-node-aaaaaa' }),
    },
    wantCreated: [],
  },
];

describe('scale-up', () => {
  it.each(CASES)('$name', ({ objects, wantCreated, wantUnplaced, wantBlocked }) => {
    const plan = planFor(makeObjects(objects));
    const created = stepsOf(plan, 'createClaim').map(({ pool, spec }) => `${pool}/${spec.flavor}/${spec.zone}`);
    expect(created.sort()).toEqual(wantCreated);
    expect(podVerdicts(plan.report).filter((pod) => pod.outcome === 'unplaceable').length).toBe(wantUnplaced ?? 0);
    expect(plan.blocked.map(({ pool, reason }) => `${pool}/${reason}`)).toEqual(wantBlocked ?? []);
    for (const pod of podVerdicts(plan.report)) {
      if (pod.outcome === 'unplaceable')
        expect(pod.refusals.map(({ pool }) => pool).length).toBe(objects.nodePools?.length);
      else expect(pod.target).not.toBe('');
    }
  });

  it('serves the more important pod when there is room for one node only', () => {
    const plan = planFor(
      makeObjects({
        nodePools: [makePool('web', { maxNodes: 1 })],
        pods: [
          makePod('later', { cpuMillis: 4000 }),
          makePod('urgent', { cpuMillis: 3000, priority: 100, createdMs: NOW_MS }),
        ],
      }),
    );
    expect(podVerdicts(plan.report).map(({ name, outcome }) => [name, outcome])).toEqual([
      ['urgent', 'onNewNode'],
      ['later', 'unplaceable'],
    ]);
  });

  it('does not add a node for a pod that waits for its victims to leave', () => {
    const claims = [makeClaim('web-node-aaaaaa', 'web')];
    const plan = planFor(
      makeObjects({
        nodePools: [makePool('web', { desiredNodes: 1 })],
        claims,
        pods: [
          ...makePods(4, { nodeName: 'web-node-aaaaaa' }),
          makePod('urgent', { priority: 100, nominatedNodeName: 'web-node-aaaaaa' }),
        ],
      }),
    );
    expect(stepsOf(plan, 'createClaim')).toEqual([]);
    expect(podVerdicts(plan.report)[0]).toMatchObject({ outcome: 'waitingForPreemption', target: 'web-node-aaaaaa' });
  });

  it('adds a node for a pod whose named node has no room and nobody whom it could preempt', () => {
    const claims = [makeClaim('web-node-aaaaaa', 'web')];
    const plan = planFor(
      makeObjects({
        nodePools: [makePool('web', { desiredNodes: 1 })],
        claims,
        pods: [
          ...makePods(4, { nodeName: 'web-node-aaaaaa' }),
          makePod('late', { nominatedNodeName: 'web-node-aaaaaa' }),
          makePod('lost', { nominatedNodeName: 'web-node-bbbbbb' }),
        ],
      }),
    );
    const [added] = stepsOf(plan, 'createClaim');
    expect(podVerdicts(plan.report).map(({ outcome, target }) => [outcome, target])).toEqual([
      ['onNewNode', added?.name],
      ['onNewNode', added?.name],
    ]);
  });

  it('closes new nodes until their pods are named, where that is done', () => {
    const startupTaintsOf = (placing: boolean) => {
      const pool = makePool('web', { startupTaints: [{ key: 'agent', effect: 'NoExecute' }] });
      const plan = planFor(makeObjects({ nodePools: [pool], pods: makePods(1), placing }));
      return stepsOf(plan, 'createClaim').map(({ spec }) => spec.startupTaints?.map(({ key }) => key));
    };
    expect(startupTaintsOf(false)).toEqual([['agent']]);
    expect(startupTaintsOf(true)).toEqual([['agent', 'sluice.dev/placing']]);
  });

  it('patches desiredNodes to what stands after the plan', () => {
    const plan = planFor(makeObjects({ nodePools: [makePool('web', { desiredNodes: 0 })], pods: makePods(5) }));
    expect(stepsOf(plan, 'setDesiredNodes')).toMatchObject([{ pool: 'web', from: 0, to: 2 }]);
  });

  it('writes the whole intent into the claim', () => {
    const plan = planFor(
      makeObjects({
        cluster: makeCluster({
          openstack: {
            credentialsSecretRef: { name: 'cloud' },
            projectId: 'project-1',
            network: 'net',
            images: [{ name: 'a' }],
            keyPair: 'ops',
            securityGroups: ['base'],
          },
        }),
        nodePools: [
          makePool('web', {
            antiAffinity: true,
            securityGroups: ['web'],
            autoscaling: { maxNodeProvisionSeconds: 1200 },
            template: { metadata: { labels: { tier: 'front', nodepool: 'mine' } }, spec: {} },
          }),
        ],
        targets: {
          ...makeObjects().targets,
          subnetId: 'sub-1',
          images: [
            { id: 'image-gpu', name: 'gpu', flavors: ['g1'] },
            { id: 'image-1', name: 'plain', flavors: undefined },
          ],
        },
        pods: makePods(1),
      }),
    );
    const [step] = stepsOf(plan, 'createClaim');
    expect(step?.name).toMatch(/^web-node-[0-9a-f]{6}$/);
    expect(step?.pods.length).toBe(1);
    expect(step?.spec).toMatchObject({
      clusterUid: 'cluster-uid',
      clusterName: 'shop',
      poolUid: 'pool-web',
      flavorId: 'id-b2-4',
      region: 'GRA',
      projectId: 'project-1',
      imageId: 'image-1',
      networkIds: ['net-1'],
      subnetId: 'sub-1',
      securityGroups: ['base', 'web'],
      keyPair: 'ops',
      serverGroup: 'sluice-cluster-uid-pool-web',
      provisionTimeoutSeconds: 1200,
      drainTimeoutSeconds: 600,
      drainForce: true,
      labels: {
        tier: 'front',
        nodepool: 'web',
        'sluice.dev/nodepool': 'web',
        'node.kubernetes.io/instance-type': 'b2-4',
        'topology.kubernetes.io/zone': 'zone-a',
        'topology.kubernetes.io/region': 'GRA',
      },
    });
    expect(step?.spec.expected?.cpuMillis).toBeGreaterThan(3000);
    expect(step?.spec.templateHash).toMatch(/^[0-9a-f]{16}$/);
  });

  it('prefers the cheaper of two flavors by the price list', () => {
    const plan = planFor(
      makeObjects({
        nodePools: [makePool('web', { flavors: ['b2-4', 'c2-4'] })],
        flavors: [makeFlavor('b2-4', 4), makeFlavor('c2-4', 4)],
        prices: new Map([
          ['b2-4', 0.2],
          ['c2-4', 0.1],
        ]),
        pods: makePods(4),
      }),
    );
    expect(stepsOf(plan, 'createClaim').map((step) => step.spec.flavor)).toEqual(['c2-4']);
    expect(plan.report).toMatchObject({ costPerHour: 0.1, costIsRelative: false });
  });
});

describe('a cluster with more flavors and zones than one plan looks at', () => {
  it('serves the important pools and tells the others', () => {
    const flavors = Array.from({ length: 32 }, (_, index) => makeFlavor(`f${index}`, 4));
    const zones = Array.from({ length: 16 }, (_, index) => `zone-${String(index).padStart(2, '0')}`);
    const pools = Array.from({ length: 6 }, (_, index) =>
      makePool(`pool-${index}`, { flavors: flavors.map((flavor) => flavor.name), priority: index }),
    );
    const plan = planFor(
      makeObjects({
        nodePools: pools,
        flavors,
        targets: { ...makeObjects().targets, zones },
        pods: [...makePods(1), makePod('huge', { cpuMillis: 9000 })],
      }),
    );
    expect(stepsOf(plan, 'createClaim').map((step) => step.pool)).toEqual(['pool-5']);
    expect(plan.report.cutShort).toEqual(['the pools were looked at up to 2000 flavors and zones']);
    const huge = podVerdicts(plan.report).find((pod) => pod.name === 'huge');
    expect(huge?.refusals.map(({ message }) => /Insufficient cpu|use fewer of them/.exec(message)?.[0])).toEqual([
      'use fewer of them',
      'use fewer of them',
      ...Array.from({ length: 4 }, () => 'Insufficient cpu'),
    ]);
  });
});

describe('what a plan says of a standing fault', () => {
  it('stays the same while time passes, as conditions and events would be written anew each second', () => {
    const blockedAt = (observedAtMs: number) => {
      const fault = { kind: 'quota', flavor: '', zone: '', pool: '', message: 'Quota exceeded' } as const;
      const objects = makeObjects({
        nodePools: [makePool('web')],
        pods: makePods(1),
        backoffs: [{ ...fault, untilMs: NOW_MS + 59_400 }],
      });
      const { blocked, report } = planFor({ ...objects, observedAtMs });
      return { blocked, refusals: report.pods[0]?.refusals };
    };
    const first = blockedAt(NOW_MS);
    expect(first.blocked[0]?.message).toContain('until 2026-01-01T12:01:00Z');
    expect(blockedAt(NOW_MS + 7000)).toEqual(first);
  });
});
