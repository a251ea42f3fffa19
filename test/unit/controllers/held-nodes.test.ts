import { describe, expect, it, test } from 'vitest';
import { buildSnapshot, type ClusterSnapshot, type SnapshotNode } from '../../../src/cluster/build-snapshot.ts';
import type { PodObject } from '../../../src/cluster/cluster-objects.ts';
import { HELD_MAX_MS, HeldNodes, NEXT_JOIN_MS } from '../../../src/controllers/held-nodes.ts';
import { PLACING_TAINT } from '../../../src/controllers/placement-hints.ts';
import { QueueOrder } from '../../../src/controllers/queue-order.ts';
import type { Plan, PodRun } from '../../../src/planner/plan.ts';
import { makeObjects } from '../../builders/make-objects.ts';
import { FAKE_EPOCH_MS } from '../../fakes/fake-clock.ts';
import { makeClaim, makeNode, makePod, makeShape, NO_RESOURCES } from '../../fakes/fake-objects.ts';

const NOW_MS = FAKE_EPOCH_MS + 1_000_000;
/** Cores of a node, in thousandths. */
const NODE = 2000;

interface Claimed {
  readonly name: string;
  /** cpuMillis of each planned pod. */
  readonly planned: readonly number[];
  readonly priority?: number;
  /** The planned pods want this much of an extended resource. */
  readonly gpus?: number;
  /** Of the claim. */
  readonly madeAgoMs?: number;
  readonly failed?: true;
  /** Absent: the node has not joined. */
  readonly readyAgoMs?: number;
  /** cpuMillis of a pod that runs there. */
  readonly running?: number;
  /** Its turn comes in a later pass. */
  readonly noTurn?: true;
  /** Closed by another taint too. */
  readonly stuck?: true;
}

const podOf = (name: string, cpuMillis: number, { priority = 0, gpus = 0 }: Partial<Claimed> = {}): PodObject =>
  makePod(name, {
    phase: 'Pending',
    nodeName: '',
    priority,
    shape: makeShape({
      key: `${cpuMillis}/${gpus}`,
      requests: { ...NO_RESOURCES, cpuMillis, pods: 1, extended: new Map(gpus === 0 ? [] : [['gpu', gpus]]) },
    }),
  });

function snapshotOf(claimed: readonly Claimed[]): ClusterSnapshot {
  return buildSnapshot(
    makeObjects({
      observedAtMs: NOW_MS,
      claims: claimed.map(({ name, madeAgoMs = 60_000, failed }) =>
        makeClaim(name, {
          metadata: { uid: `claim-${name}`, creationTimestamp: new Date(NOW_MS - madeAgoMs).toISOString() },
          spec: {
            expected: { cpuMillis: NODE, memoryBytes: 0, ephemeralBytes: 0, pods: 110 },
            startupTaints: [PLACING_TAINT],
          },
          ...(failed === true ? { status: { phase: 'Failed' } } : {}),
        }),
      ),
      nodes: claimed.flatMap(({ name, readyAgoMs }) =>
        readyAgoMs === undefined
          ? []
          : [makeNode(name, { taints: [PLACING_TAINT], readyChangedMs: NOW_MS - readyAgoMs })],
      ),
      pods: claimed.flatMap(({ name, running }) =>
        running === undefined ? [] : [{ ...podOf(`on-${name}`, running), phase: 'Running', nodeName: name }],
      ),
    }),
    1,
  );
}

function planOf(claimed: readonly Claimed[]): Plan {
  const pods = claimed.flatMap((one): readonly PodRun[] =>
    one.planned.map((cpuMillis, at) => ({
      outcome: one.readyAgoMs === undefined ? 'onUpcomingNode' : 'onExistingNode',
      target: one.name,
      refusals: [],
      pods: [podOf(`${one.name}-${at}`, cpuMillis, one)],
      from: 0,
      to: 1,
    })),
  );
  const report = { nodes: [], pools: [], costPerHour: 0, costIsRelative: true, cutShort: [], nextDueMs: undefined };
  return { basedOn: 1, steps: [], blocked: [], report: { ...report, pods } };
}

function opened(claimed: readonly Claimed[]): readonly string[] {
  const snapshot = snapshotOf(claimed);
  const hasTurn = ({ readyAgoMs, noTurn, stuck }: Claimed) => readyAgoMs !== undefined && !noTurn && !stuck;
  const turns = new Set(claimed.filter(hasTurn).map(({ name }) => name));
  const held = new HeldNodes(planOf(claimed), snapshot, { nowMs: NOW_MS });
  const waiting = new Set(claimed.filter((one) => one.noTurn).map(({ name }) => name));
  const nodesOf = (names: ReadonlySet<string>) => snapshot.nodes.filter(({ name }) => names.has(name));
  return held.mayOpen(nodesOf(turns), nodesOf(waiting)).map(({ name }) => name);
}

const late = { name: 'late', planned: [500] };

describe('a node whose planned pods leave room', () => {
  test.each<{ name: string; claimed: readonly Claimed[]; want: readonly string[] }>([
    {
      name: 'is held for a pod of a node to come that would fit',
      claimed: [{ name: 'a', planned: [1500], readyAgoMs: 1000 }, late],
      want: [],
    },
    {
      name: 'is opened when nobody is to come',
      claimed: [{ name: 'a', planned: [1500], readyAgoMs: 1000 }],
      want: ['a'],
    },
    {
      name: 'is opened when no pod to come would fit',
      claimed: [{ name: 'a', planned: [1000, 600], readyAgoMs: 1000 }, late],
      want: ['a'],
    },
    {
      name: 'is opened when what runs there takes the room',
      claimed: [{ name: 'a', planned: [1000], running: 600, readyAgoMs: 1000 }, late],
      want: ['a'],
    },
    {
      name: 'is opened when it lacks what the pod to come needs',
      claimed: [
        { name: 'a', planned: [100], readyAgoMs: 1000 },
        { ...late, gpus: 1 },
      ],
      want: ['a'],
    },
    {
      name: 'is opened with the last to join',
      claimed: [
        { name: 'a', planned: [1500], readyAgoMs: 1000 },
        { ...late, planned: [1500, 500], readyAgoMs: 1 },
      ],
      want: ['a', 'late'],
    },
    {
      name: 'is held for a node that joined and has no turn yet',
      claimed: [
        { name: 'a', planned: [1500], readyAgoMs: 20_000 },
        { ...late, readyAgoMs: 20_000, noTurn: true },
      ],
      want: [],
    },
    {
      name: 'is held for a more important pod, from which the planned ones do not keep their room',
      claimed: [
        { name: 'a', planned: [NODE], readyAgoMs: 1000 },
        { ...late, priority: 1000 },
      ],
      want: [],
    },
    {
      name: 'is held for a node that joined and is closed by something else as well',
      claimed: [
        { name: 'a', planned: [1500], readyAgoMs: 1000 },
        { ...late, readyAgoMs: 1000, stuck: true },
      ],
      want: [],
    },
    {
      name: 'is not held for that one for long',
      claimed: [
        { name: 'a', planned: [1500], readyAgoMs: NEXT_JOIN_MS },
        { ...late, readyAgoMs: NEXT_JOIN_MS, stuck: true },
      ],
      want: ['a'],
    },
    {
      name: 'is held for the pods of a node that is held',
      claimed: [
        { name: 'a', planned: [1500], readyAgoMs: 1000 },
        { name: 'b', planned: [500], readyAgoMs: 1000 },
        { name: 'late', planned: [1000] },
      ],
      want: [],
    },
    {
      name: 'is opened when its time is over',
      claimed: [
        { name: 'a', planned: [1500], readyAgoMs: HELD_MAX_MS },
        { name: 'b', planned: [1500], readyAgoMs: 1000 },
        late,
      ],
      want: ['a'],
    },
    {
      name: 'is opened when none has joined for a while',
      claimed: [{ name: 'a', planned: [1500], readyAgoMs: NEXT_JOIN_MS }, late],
      want: ['a'],
    },
    {
      name: 'is held while others join',
      claimed: [
        { name: 'a', planned: [1500], readyAgoMs: NEXT_JOIN_MS },
        { name: 'b', planned: [NODE], readyAgoMs: NEXT_JOIN_MS - 1 },
        late,
      ],
      want: ['b'],
    },
    {
      name: 'is opened when the claim to come has failed',
      claimed: [
        { name: 'a', planned: [1500], readyAgoMs: 1000 },
        { ...late, failed: true },
      ],
      want: ['a'],
    },
    {
      name: 'is opened when the claim to come is of an earlier plan',
      claimed: [
        { name: 'a', planned: [1500], readyAgoMs: 1000 },
        { ...late, madeAgoMs: 121_000 },
      ],
      want: ['a'],
    },
    {
      name: 'is opened when the claim to come is of a later plan',
      claimed: [
        { name: 'a', planned: [1500], readyAgoMs: 5000 },
        { ...late, madeAgoMs: 4000 },
      ],
      want: ['a'],
    },
  ])('$name', ({ claimed, want }) => {
    expect(opened(claimed)).toEqual(want);
  });

  it('is opened when the claim to come is gone and its pods get a new node', () => {
    const claimed: readonly Claimed[] = [{ name: 'a', planned: [1500], readyAgoMs: 1000 }];
    const plan = planOf(claimed);
    const runs = [
      ...plan.report.pods,
      ...planOf([late]).report.pods.map((run) => ({ ...run, outcome: 'onNewNode' as const })),
    ];
    const snapshot = snapshotOf(claimed);
    const held = new HeldNodes({ ...plan, report: { ...plan.report, pods: runs } }, snapshot, { nowMs: NOW_MS });
    expect(held.mayOpen(snapshot.nodes).map(({ name }) => name)).toEqual(['a']);
  });
});

test('what there are no looks left for is opened, and that is told', () => {
  const claimed: readonly Claimed[] = ['a', 'b', 'c'].map((name) => ({ name, planned: [1500], readyAgoMs: 1000 }));
  const all = [...claimed, late];
  const snapshot = snapshotOf(all);
  const ready = snapshot.nodes.filter(({ name }) => name !== 'late');
  const opened = (looksMax?: number) => {
    const held = new HeldNodes(planOf(all), snapshot, {
      nowMs: NOW_MS,
      ...(looksMax === undefined ? {} : { looksMax }),
    });
    return { names: held.mayOpen(ready).map(({ name }) => name), cutShort: held.cutShort };
  };
  expect(opened()).toEqual({ names: [], cutShort: false });
  expect(opened(2)).toEqual({ names: ['b', 'c'], cutShort: true });
});

describe('nodes that open together', () => {
  it('go first where the most important pods are, then where most pods are', () => {
    const claimed: readonly Claimed[] = [
      { name: 'few', planned: [100], readyAgoMs: 1 },
      { name: 'empty', planned: [], readyAgoMs: 1 },
      { name: 'important', planned: [100], priority: 1000, readyAgoMs: 1 },
      { name: 'many', planned: [100, 100, 100], readyAgoMs: 1 },
    ];
    const snapshot = snapshotOf(claimed);
    const order = new HeldNodes(planOf(claimed), snapshot, { nowMs: NOW_MS }).openingOrder(
      snapshot.nodes,
      new QueueOrder(),
    );
    expect(order.map(({ name }) => name)).toEqual(['important', 'many', 'few', 'empty']);
  });

  it('come as the scheduler asks for the first of their pods, which are those tried longest ago, named or not', () => {
    const claimed = ['late', 'early', 'named', 'dealt'].map((name) => ({ name, planned: [100, 100], readyAgoMs: 1 }));
    const snapshot = snapshotOf(claimed);
    const versions: Readonly<Record<string, readonly number[]>> = { late: [7, 8], early: [9, 3], named: [20, 21] };
    const plan = planOf(claimed);
    const pods = plan.report.pods.map((run, at) => ({
      ...run,
      pods: run.pods.map((pod) => ({
        ...pod,
        version: versions[run.target]?.[at % 2] ?? 1,
        nominatedNodeName: run.target === 'named' ? 'named' : '',
      })),
    }));
    const held = new HeldNodes({ ...plan, report: { ...plan.report, pods } }, snapshot, { nowMs: NOW_MS });
    const dealt = new Map(
      snapshot.nodes.flatMap((node) =>
        node.name === 'dealt' ? [[node, [{ ...podOf('last', 100), version: 30 }]]] : [],
      ),
    );
    const order = (nodes: readonly SnapshotNode[]) => nodes.map(({ name }) => name);
    const queue = new QueueOrder();
    expect(order(held.openingOrder(snapshot.nodes, queue))).toEqual(['dealt', 'early', 'late', 'named']);
    expect(order(held.openingOrder(snapshot.nodes, queue, dealt))).toEqual(['early', 'late', 'named', 'dealt']);
    // When it was named it had been tried long ago.
    for (const {
      pods: [pod],
    } of pods.filter(({ target }) => target === 'named'))
      if (pod !== undefined) queue.note({ ...pod, version: 2 });
    expect(order(held.openingOrder(snapshot.nodes, queue, dealt))).toEqual(['named', 'early', 'late', 'dealt']);
    queue.forget([]);
    expect(order(held.openingOrder(snapshot.nodes, queue, dealt))).toEqual(['early', 'late', 'named', 'dealt']);
  });

  it('are apart from those that have no room for the others', () => {
    const claimed: readonly Claimed[] = [
      { name: 'full', planned: [NODE], readyAgoMs: 1 },
      { name: 'roomy', planned: [100], readyAgoMs: 1 },
    ];
    const snapshot = snapshotOf(claimed);
    const { alone, together } = new HeldNodes(planOf(claimed), snapshot, { nowMs: NOW_MS }).apart(snapshot.nodes);
    expect([[...alone], [...together]].map((nodes) => nodes.map(({ name }) => name))).toEqual([['full'], ['roomy']]);
  });
});
