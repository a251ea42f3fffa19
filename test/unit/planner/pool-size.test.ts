import { describe, expect, it } from 'vitest';
import type { NodeClaim } from '../../../src/api/node-claim.ts';
import type { ClusterObjects } from '../../../src/cluster/cluster-objects.ts';
import {
  makeClaim,
  makeCluster,
  makeNode,
  makeObjects,
  makePod,
  makePods,
  makePool,
  NOW_MS,
  planFor,
  stepsOf,
} from './planner-world.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e'].map((letter) => `web-node-${letter.repeat(6)}`);
const DELETED = { deletionTimestamp: '2026-01-01T11:00:00Z' };

function claims(count: number): NodeClaim[] {
  return NAMES.slice(0, count).map((name) => makeClaim(name, 'web'));
}

describe('size by hand', () => {
  interface Case {
    readonly name: string;
    readonly spec: Parameters<typeof makePool>[1];
    readonly stands: number;
    readonly want: number;
  }
  const CASES: readonly Case[] = [
    { name: 'desiredNodes above what stands', spec: { desiredNodes: 3 }, stands: 1, want: 3 },
    { name: 'desiredNodes below what stands', spec: { desiredNodes: 1 }, stands: 3, want: 1 },
    { name: 'desiredNodes zero', spec: { desiredNodes: 0 }, stands: 2, want: 0 },
    { name: 'desiredNodes absent keeps what stands', spec: { minNodes: 1 }, stands: 3, want: 3 },
    { name: 'desiredNodes absent and nothing stands', spec: { minNodes: 2 }, stands: 0, want: 2 },
    { name: 'desiredNodes below minNodes', spec: { desiredNodes: 1, minNodes: 2 }, stands: 0, want: 2 },
    { name: 'desiredNodes absent and more than maxNodes', spec: { maxNodes: 2 }, stands: 4, want: 2 },
    {
      name: 'a pool that is not valid is left as it stands',
      spec: { desiredNodes: 9, maxNodes: 2 },
      stands: 3,
      want: 3,
    },
  ];

  it.each(CASES)('$name: $stands → $want', ({ spec, stands, want }) => {
    const plan = planFor(
      makeObjects({
        nodePools: [makePool('web', { autoscale: false, ...spec })],
        claims: claims(stands),
        pods: makePods(9),
      }),
    );
    const created = stepsOf(plan, 'createClaim').length;
    const removed = stepsOf(plan, 'removeClaim');
    expect(stands + created - removed.length).toBe(want);
    expect(created === 0 || removed.length === 0).toBe(true);
    expect(removed.every((step) => step.reason === 'ManualSize')).toBe(true);
    expect(stepsOf(plan, 'setDesiredNodes')).toEqual([]);
  });

  it('removes what is not Ready, then what is empty, then what is cheapest to disturb', () => {
    const standing = [...claims(3), makeClaim(NAMES[3] ?? '', 'web', { phase: 'Booting', createdMs: NOW_MS - 1000 })];
    const pods = [
      makePod('bare', { nodeName: NAMES[0] ?? '', controller: undefined }),
      ...makePods(3, { nodeName: NAMES[1] ?? '' }),
    ];
    const order = [3, 2, 1].map((desiredNodes) => {
      const plan = planFor(
        makeObjects({ nodePools: [makePool('web', { autoscale: false, desiredNodes })], claims: standing, pods }),
      );
      return stepsOf(plan, 'removeClaim').map((step) => step.claim);
    });
    expect(order).toEqual([[NAMES[3]], [NAMES[2], NAMES[3]], [NAMES[1], NAMES[2], NAMES[3]]]);
  });

  it('takes from the fuller zone and grows in the emptier one', () => {
    const zoned = NAMES.slice(0, 3).map((name, index) =>
      makeClaim(name, 'web', { spec: { zone: index === 0 ? 'zone-b' : 'zone-a' } }),
    );
    const targets = { ...makeObjects().targets, zones: ['zone-a', 'zone-b'] };
    const sized = (desiredNodes: number) =>
      planFor(
        makeObjects({ nodePools: [makePool('web', { autoscale: false, desiredNodes })], claims: zoned, targets }),
      );
    expect(stepsOf(sized(2), 'removeClaim').map((step) => step.claim)).toEqual([NAMES[1]]);
    expect(stepsOf(sized(5), 'createClaim').map((step) => step.spec.zone)).toEqual(['zone-b', 'zone-a']);
  });

  it('an autoscaled pool grows to minNodes and is held to maxNodes', () => {
    const sized = (spec: Parameters<typeof makePool>[1], stands: number) =>
      planFor(makeObjects({ nodePools: [makePool('web', spec)], claims: claims(stands) }));
    expect(stepsOf(sized({ minNodes: 2 }, 0), 'setDesiredNodes')).toMatchObject([{ to: 2 }]);
    expect(stepsOf(sized({ maxNodes: 1, desiredNodes: 1 }, 3), 'removeClaim').length).toBe(2);
  });

  it('keeps the wish written when a limit stops growth', () => {
    const plan = planFor(
      makeObjects({
        nodePools: [makePool('web', { desiredNodes: 4 })],
        claims: claims(1),
        quota: { serversLeft: 1, coresLeft: undefined, memoryMiBLeft: undefined },
      }),
    );
    expect(stepsOf(plan, 'createClaim').length).toBe(1);
    expect(stepsOf(plan, 'setDesiredNodes')).toEqual([]);
    expect(plan.blocked).toMatchObject([{ pool: 'web', reason: 'QuotaExceeded' }]);
    expect(plan.report.pools).toMatchObject([{ desiredNodes: 4, claims: 2, readyNodes: 1 }]);
  });
});

describe('what failed', () => {
  const failed = makeClaim(NAMES[0] ?? '', 'web', {
    phase: 'Failed',
    status: { failure: { code: 'capacity', message: 'No valid host', at: '2026-01-01T11:59:00Z' } },
  });

  it('is replaced in a pool of fixed size', () => {
    const plan = planFor(
      makeObjects({ nodePools: [makePool('web', { autoscale: false, desiredNodes: 1 })], claims: [failed] }),
    );
    expect(stepsOf(plan, 'removeClaim')).toMatchObject([{ claim: NAMES[0], reason: 'Failed' }]);
    expect(stepsOf(plan, 'createClaim').length).toBe(1);
    expect(plan.blocked).toMatchObject([{ reason: 'OutOfCapacity' }]);
  });

  it('is not replaced by number in an autoscaled pool, whose pods ask again', () => {
    const plan = planFor(makeObjects({ nodePools: [makePool('web', { desiredNodes: 1 })], claims: [failed] }));
    expect(stepsOf(plan, 'createClaim')).toEqual([]);
    expect(stepsOf(plan, 'setDesiredNodes')).toMatchObject([{ from: 1, to: 0 }]);
  });

  it('is replaced up to minNodes, but not before the fault against it ends', () => {
    const objects = makeObjects({
      nodePools: [makePool('web', { minNodes: 1, desiredNodes: 1 })],
      claims: [failed],
      backoffs: [
        {
          kind: 'capacity',
          flavor: 'b2-4',
          zone: 'zone-a',
          pool: 'web',
          message: 'No valid host',
          untilMs: NOW_MS + 60_000,
        },
      ],
    });
    expect(stepsOf(planFor(objects), 'createClaim')).toEqual([]);
    expect(stepsOf(planFor({ ...objects, observedAtMs: NOW_MS + 60_000 }), 'createClaim').length).toBe(1);
  });

  it('and is gone altogether is replaced as well', () => {
    const gone = makeClaim(NAMES[0] ?? '', 'web', {
      phase: 'Failed',
      status: { failure: { code: 'ServerRemovedByUser', message: 'The server is gone.', at: '2026-01-01T11:59:00Z' } },
    });
    const plan = planFor(
      makeObjects({ nodePools: [makePool('web', { autoscale: false, desiredNodes: 1 })], claims: [gone] }),
    );
    expect(stepsOf(plan, 'removeClaim')).toMatchObject([{ claim: NAMES[0], reason: 'NodeGone' }]);
    expect(stepsOf(plan, 'createClaim').length).toBe(1);
    expect(plan.blocked).toMatchObject([
      { reason: 'ServerRemovedByUser', message: `Node '${NAMES[0]}': the node failed: The server is gone.` },
    ]);
  });

  it('gets no new node for its pods while the cluster is frozen, and one when it is not', () => {
    const lost = makeClaim(NAMES[0] ?? '', 'web', { phase: 'Failed' });
    const objects = makeObjects({
      nodePools: [makePool('web', { desiredNodes: 1 })],
      claims: [lost],
      nodes: [makeNode(lost, { ready: 'Unknown' })],
      pods: makePods(2, { nodeName: NAMES[0] ?? '' }),
    });
    expect(planFor({ ...objects, frozen: 'half of the nodes vanished at once' }).steps).toEqual([]);
    expect(stepsOf(planFor(objects), 'createClaim').length).toBe(1);
  });

  it('is left alone while the cluster is frozen', () => {
    const plan = planFor(
      makeObjects({
        nodePools: [makePool('web', { autoscale: false, desiredNodes: 1 })],
        claims: [failed],
        frozen: 'half of the nodes vanished at once',
      }),
    );
    expect(plan.steps).toEqual([]);
  });

  it('is not replaced before the wait of its flavor is over, and the pool says until when', () => {
    const waiting = (pool: string) =>
      planFor(
        makeObjects({
          nodePools: [makePool('web', { autoscale: false, desiredNodes: 1 })],
          backoffs: ['b2-7', ''].map((flavor) => ({
            kind: 'provisionTimeout',
            pool,
            flavor,
            zone: '',
            message: 'not Ready in time',
            untilMs: NOW_MS + 300_000,
          })),
        }),
      );
    expect(stepsOf(waiting('web'), 'createClaim')).toEqual([]);
    expect(waiting('web').blocked).toMatchObject([
      { reason: 'ProvisionTimeout', message: expect.stringContaining('waits until') },
    ]);
    expect(stepsOf(waiting('other'), 'createClaim')).toHaveLength(1);
  });

  it('gives up a claim that is not Ready in time', () => {
    const at = (ageMs: number) =>
      planFor(
        makeObjects({
          nodePools: [makePool('web', { autoscale: false, desiredNodes: 1 })],
          claims: [makeClaim(NAMES[0] ?? '', 'web', { phase: 'Booting', createdMs: NOW_MS - ageMs })],
        }),
      );
    expect(at(900_000).steps).toEqual([]);
    const late = at(901_000);
    expect(stepsOf(late, 'removeClaim')).toMatchObject([{ claim: NAMES[0], reason: 'Failed' }]);
    expect(late.blocked).toMatchObject([{ reason: 'ProvisionTimeout' }]);
  });
});

describe('deletion', () => {
  const deletedPool = (change: Partial<ClusterObjects> = {}): ClusterObjects =>
    makeObjects({
      nodePools: [makePool('web', { desiredNodes: 3 }, DELETED)],
      claims: [
        ...claims(2),
        makeClaim(NAMES[2] ?? '', 'web', { phase: 'Building', createdMs: NOW_MS }),
        makeClaim(NAMES[3] ?? '', 'web', { phase: 'Failed' }),
        makeClaim(NAMES[4] ?? '', 'web', {
          phase: 'Draining',
          status: { removal: { reason: 'ScaleDown', message: '', at: '2026-01-01T11:00:00Z' } },
        }),
      ],
      pods: [makePod('held', { nodeName: NAMES[0] ?? '', safeToEvict: false })],
      ...change,
    });

  it('of a pool removes all its claims, in any phase, once', () => {
    const plan = planFor(deletedPool());
    expect(stepsOf(plan, 'removeClaim').map((step) => [step.claim, step.reason])).toEqual(
      NAMES.slice(0, 4).map((name) => [name, 'PoolDeleted']),
    );
    expect(plan.steps.length).toBe(4);
  });

  it('of a pool waits while the cluster is frozen or paused', () => {
    expect(planFor(deletedPool({ frozen: 'sick' })).steps).toEqual([]);
    expect(planFor(deletedPool({ cluster: makeCluster({ paused: true }) })).steps).toEqual([]);
  });

  it('of a pool whose spec is not valid goes on', () => {
    const pool = makePool('web', { minNodes: 9, maxNodes: 1 }, DELETED);
    expect(stepsOf(planFor(deletedPool({ nodePools: [pool] })), 'removeClaim').length).toBe(4);
  });

  it('of a pool makes room for its pods in another one', () => {
    const plan = planFor(
      deletedPool({
        nodePools: [makePool('web', {}, DELETED), makePool('other')],
        pods: makePods(3, { nodeName: NAMES[0] ?? '' }),
      }),
    );
    expect(stepsOf(plan, 'createClaim').map((step) => step.pool)).toEqual(['other']);
  });

  it('of the cluster removes everything, frozen or not, and creates nothing', () => {
    const objects = makeObjects({
      cluster: makeCluster({}, DELETED),
      nodePools: [makePool('web', { minNodes: 5 })],
      claims: claims(2),
      pods: makePods(3),
      frozen: 'its API is gone',
    });
    const plan = planFor(objects);
    expect(plan.steps.map((step) => step.kind)).toEqual(['removeClaim', 'removeClaim']);
    expect(stepsOf(plan, 'removeClaim').every((step) => step.reason === 'ClusterDeleted')).toBe(true);
    const kept = { ...objects, cluster: makeCluster({ onDelete: 'KeepNodes' }, DELETED) };
    expect(planFor(kept).steps).toEqual([]);
  });

  it('is not what absence means', () => {
    const plan = planFor(makeObjects({ nodePools: [], claims: claims(2) }));
    expect(plan.steps).toEqual([]);
  });
});
