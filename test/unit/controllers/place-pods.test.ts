import { beforeEach, describe, expect, it, test } from 'vitest';
import type { NodeObject, PodObject } from '../../../src/cluster/cluster-objects.ts';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { ClusterContext } from '../../../src/controllers/cluster-context.ts';
import { HELD_MAX_MS } from '../../../src/controllers/held-nodes.ts';
import { LARGE_ROUND_PODS, QUIET_MS } from '../../../src/controllers/large-round.ts';
import { openPlacedNodes } from '../../../src/controllers/open-placed-nodes.ts';
import { NAMES_PER_SECOND_MAX } from '../../../src/controllers/name-pods.ts';
import { NAMES_PER_PASS_MAX, PodPlacer } from '../../../src/controllers/place-pods.ts';
import { hintsUse, PLACING_TAINT, PlacementHints } from '../../../src/controllers/placement-hints.ts';
import { NAMES_AGAIN_MAX } from '../../../src/controllers/planned-names.ts';
import { PortError, type PortErrorCode } from '../../../src/controllers/port-errors.ts';
import type { WorkloadPlane } from '../../../src/controllers/ports.ts';
import type { Plan, PodRun } from '../../../src/planner/plan.ts';
import { makeObjects } from '../../builders/make-objects.ts';
import { B2_7, makeClaim, makeCluster, makeNode, makePod, makeShape } from '../../fakes/fake-objects.ts';
import { FakeWorld } from '../../fakes/fake-world.ts';
import { interruptPort } from '../../fakes/interrupt-port.ts';

const A = 'web-node-aaaaaa';
const B = 'web-node-bbbbbb';
let world: FakeWorld;
let context: ClusterContext;
let hints: PlacementHints;

beforeEach(() => {
  world = new FakeWorld(makeCluster({ autoscaler: { placementHints: true } }));
  use(world.context());
});

function use(changed: ClusterContext): void {
  context = changed;
  hints = new PlacementHints(context, () => 'v1.37.1');
}

function addNode(name: string, parts: Partial<NodeObject> = {}, startupTaints = [PLACING_TAINT]): void {
  world.management.stores.nodeClaims.put(
    makeClaim(name, { metadata: { uid: `claim-${name}` }, spec: { startupTaints } }),
  );
  const labels = new Map([...Object.entries(makeClaim().spec.labels), ['kubernetes.io/hostname', name]]);
  const readyChangedMs = world.clock.nowMs();
  world.workload.putNode(makeNode(name, { labels, taints: [PLACING_TAINT], readyChangedMs, ...parts }));
}

function addPods(count: number, prefix: string, parts: Partial<PodObject> = {}): readonly PodObject[] {
  const pods = Array.from({ length: count }, (_, index) =>
    makePod(`${prefix}-${index}`, { phase: 'Pending', nodeName: '', ...parts }),
  );
  for (const pod of pods) world.workload.stores.pods.put(pod);
  return pods;
}

const to = (target: string, pods: readonly PodObject[], outcome: PodRun['outcome'] = 'onUpcomingNode'): PodRun => ({
  outcome,
  target,
  refusals: [],
  pods,
  from: 0,
  to: pods.length,
});

/** One pass: `runs` are what its plan says of pods. */
async function place(runs: readonly PodRun[], placer = new PodPlacer(context, hints)): Promise<void> {
  const objects = makeObjects({
    cluster: world.cluster,
    observedAtMs: world.clock.nowMs(),
    nodes: world.workload.stores.nodes.list(),
    pods: world.workload.stores.pods.list(),
    claims: world.management.stores.nodeClaims.list(),
  });
  const report = { nodes: [], pools: [], costPerHour: 0, costIsRelative: true, cutShort: [], nextDueMs: undefined };
  const plan: Plan = { basedOn: 1, steps: [], blocked: [], report: { ...report, pods: runs } };
  const run = { isDone: false };
  const done = placer.run(plan, buildSnapshot(objects, 1)).finally(() => {
    run.isDone = true;
  });
  while (!run.isDone) {
    await new Promise(setImmediate);
    world.clock.advance(10);
  }
  await done;
}

const namedTo = (name: string) =>
  world.workload.stores.pods
    .list()
    .filter((pod) => pod.nominatedNodeName === name)
    .map((pod) => pod.name);
const isClosed = (name: string) =>
  world.workload.stores.nodes.get(name)?.taints.some(({ key }) => key === PLACING_TAINT.key);
const hintsCounted = (outcome: string) => world.telemetry.total('sluice_placement_hints_total', { outcome });

/** Each call of this name fails. */
function failing(call: string, code: PortErrorCode): void {
  use(
    world.context({
      wrap: {
        workload: (plane: WorkloadPlane) =>
          interruptPort(plane, 'workload', ({ name, when }) =>
            when === 'before' && name === `workload.${call}` ? new PortError(code, `no ${call}`) : undefined,
          ),
      },
    }),
  );
}

describe('a Ready node that waits for its pods', () => {
  it('is named to them and then opened', async () => {
    addNode(A);
    const [here, there] = [addPods(3, 'here'), addPods(2, 'there')];
    await place([to(A, here), to(B, there)]);
    expect(namedTo(A)).toEqual(['here-0', 'here-1', 'here-2']);
    expect(namedTo(B)).toEqual([]);
    expect([isClosed(A), hintsCounted('written')]).toEqual([false, 3]);
    expect(world.telemetry.total('sluice_placing_taints_lifted_total', { why: 'placed' })).toBe(1);
  });

  it('is opened when the plan puts nothing there', async () => {
    addNode(A);
    await place([]);
    expect(isClosed(A)).toBe(false);
  });

  it('is not opened twice while the store still shows it closed', async () => {
    addNode(A);
    const placer = new PodPlacer(context, hints);
    await place([], placer);
    addNode(A);
    await place([], placer);
    expect(world.workload.lifted).toEqual([A]);
  });

  test.each<{ name: string; pod: Partial<PodObject>; outcome?: PodRun['outcome'] }>([
    { name: 'of another scheduler', pod: { schedulerName: 'batch' } },
    { name: 'that preemption has named a node for', pod: { nominatedNodeName: B } },
    { name: 'that waits for preemption there', pod: {}, outcome: 'waitingForPreemption' },
  ])('leaves a pod alone $name', async ({ pod, outcome }) => {
    addNode(A);
    await place([to(A, addPods(1, 'other', pod), outcome)]);
    expect([namedTo(A), isClosed(A)]).toEqual([[], false]);
  });

  test.each<{ name: string; node: Partial<NodeObject>; startup?: (typeof PLACING_TAINT)[] }>([
    { name: 'is not Ready', node: { ready: 'False' } },
    { name: 'has the taint of arrival', node: { taints: [PLACING_TAINT, taint('node.kubernetes.io/not-ready')] } },
    {
      name: 'has a startup taint of its pool',
      node: { taints: [PLACING_TAINT, taint('agent')] },
      startup: [PLACING_TAINT, taint('agent')],
    },
    { name: 'is cordoned', node: { unschedulable: true } },
    { name: 'lacks labels of its pool', node: { labels: new Map() } },
    { name: 'belongs to another server', node: { providerId: 'openstack:///00000000-0000-4000-8000-00000000000f' } },
  ])('waits while it $name', async ({ node, startup }) => {
    addNode(A, node, startup);
    await place([to(A, addPods(1, 'pod'))]);
    expect([namedTo(A), isClosed(A)]).toEqual([[], true]);
  });

  it('is opened without labels that its pool no longer has', async () => {
    addNode(A, { labels: new Map(), annotations: new Map([['sluice.dev/managed-keys', '{}']]) });
    await place([to(A, addPods(1, 'pod'))]);
    expect([namedTo(A), isClosed(A)]).toEqual([['pod-0'], false]);
  });

  it('is opened when names that were taken back are there again', async () => {
    let named = 0;
    const addressed = () => world.workload.stores.pods.list().filter((pod) => pod.nominatedNodeName === A);
    use(
      world.context({
        wrap: {
          workload: (plane: WorkloadPlane) =>
            interruptPort(plane, 'workload', ({ name, when }) => {
              if (name !== 'workload.nominateNode' || when === 'before') return undefined;
              named += 1;
              const [first] = addressed();
              // The scheduler has tried it in vain.
              if (named === 2 && first !== undefined)
                world.workload.stores.pods.put({ ...first, nominatedNodeName: '' });
              return undefined;
            }),
        },
      }),
    );
    addNode(A);
    await place([to(A, addPods(2, 'pod'))]);
    expect([namedTo(A), isClosed(A), named]).toEqual([['pod-0', 'pod-1'], false, 3]);
  });

  it("is opened with its pool's lasting taints on it", async () => {
    addNode(A, { taints: [taint('dedicated'), PLACING_TAINT] });
    await place([to(A, addPods(1, 'pod'))]);
    expect(world.workload.stores.nodes.get(A)?.taints).toEqual([taint('dedicated')]);
  });

  test.each<[PortErrorCode, string]>([
    ['conflict', 'changed'],
    ['invalidSpec', 'failed'],
    ['forbidden', 'failed'],
  ])('is opened although a name is met with %s', async (code, outcome) => {
    failing('nominateNode', code);
    addNode(A);
    await place([to(A, addPods(20, 'pod'))]);
    expect([isClosed(A), hintsCounted(outcome) > 0]).toEqual([false, true]);
  });

  it.each<PortErrorCode>(['unavailable', 'throttled'])('stays closed for the next pass on %s', async (code) => {
    failing('nominateNode', code);
    addNode(A);
    const pods = addPods(40, 'pod');
    await place([to(A, pods)]);
    expect(isClosed(A)).toBe(true);
    use(world.context());
    await place([to(A, pods)]);
    expect([isClosed(A), namedTo(A).length]).toEqual([false, 40]);
  });

  it('is opened in a later pass when it could not be', async () => {
    failing('liftTaint', 'conflict');
    addNode(A);
    const pods = addPods(2, 'pod');
    await place([to(A, pods)]);
    expect([namedTo(A).length, isClosed(A)]).toEqual([2, true]);
    use(world.context());
    await place([to(A, world.workload.stores.pods.list())]);
    expect([isClosed(A), hintsCounted('written')]).toEqual([false, 2]);
  });

  it('has its turn when others were Ready before it and a pass has done enough', async () => {
    addNode(A, { readyChangedMs: world.clock.nowMs() - 1000 });
    addNode(B, { readyChangedMs: world.clock.nowMs() - 2000 });
    const [first, second] = [addPods(NAMES_PER_PASS_MAX, 'first'), addPods(1, 'second')];
    await place([to(A, second), to(B, first)]);
    expect([isClosed(A), isClosed(B)]).toEqual([true, false]);
    await place([to(A, second)]);
    expect([isClosed(A), namedTo(A)]).toEqual([false, ['second-0']]);
  });

  it('waits for the nodes to come whose pods would find room on it, named ahead of time, and is opened with them', async () => {
    const claimOf = (name: string) => makeClaim(name, { metadata: { uid: `claim-${name}` } });
    world.management.stores.nodeClaims.put(claimOf(B));
    addNode(A);
    const [here, there] = [addPods(3, 'here'), addPods(2, 'there')];
    const runs = [to(A, here), to(B, there)];
    await place(runs);
    expect([namedTo(A), isClosed(A)]).toEqual([['here-0', 'here-1', 'here-2'], true]);
    // The scheduler has tried one in vain meanwhile.
    addPods(1, 'here');
    addNode(B);
    await place(runs, new PodPlacer(context, hints));
    expect([namedTo(A).length, namedTo(B).length, isClosed(A), isClosed(B)]).toEqual([3, 2, false, false]);
  });

  it('is not named ahead of time twice, and not to pods of a spread rule', async () => {
    world.management.stores.nodeClaims.put(makeClaim(B, { metadata: { uid: `claim-${B}` } }));
    addNode(A);
    const spread = makeShape({
      spread: [
        {
          topologyKey: 'kubernetes.io/hostname',
          maxSkew: 1,
          minDomains: 1,
          selector: { requirements: [] },
          nodeAffinityPolicy: 'Honor',
          nodeTaintsPolicy: 'Ignore',
        },
      ],
    });
    const placer = new PodPlacer(context, hints);
    for (let pass = 0; pass < 2; pass += 1) {
      const here = addPods(1, 'here');
      await place([to(A, here), to(A, addPods(1, 'spread', { shape: spread })), to(B, addPods(1, 'there'))], placer);
    }
    expect([hintsCounted('written'), namedTo(A), isClosed(A)]).toEqual([1, [], true]);
  });

  it('is opened when a name that stood is there again', async () => {
    addNode(A);
    const [stood] = addPods(1, 'stood', { nominatedNodeName: A });
    const placing = place([to(A, addPods(1, 'pod'))]);
    // Tried in vain after the plan was made.
    if (stood !== undefined) world.workload.stores.pods.put({ ...stood, nominatedNodeName: '' });
    await placing;
    expect([namedTo(A).toSorted(), isClosed(A)]).toEqual([['pod-0', 'stood-0'], false]);
  });

  it('stays closed while the names of another are cut off whose pods would find room on it', async () => {
    addNode(A, { allocatable: { ...B2_7, pods: NAMES_PER_PASS_MAX + 1 } });
    addNode(B, { readyChangedMs: world.clock.nowMs() + 1 });
    const [first, second] = [addPods(NAMES_PER_PASS_MAX, 'first'), addPods(1, 'second')];
    await place([to(A, first), to(B, second)]);
    expect([namedTo(A).length, isClosed(A), isClosed(B)]).toEqual([NAMES_PER_PASS_MAX, true, true]);
    await place([
      to(
        A,
        world.workload.stores.pods.list().filter((pod) => pod.nominatedNodeName === A),
      ),
      to(B, second),
    ]);
    expect([namedTo(B), isClosed(A), isClosed(B)]).toEqual([['second-0'], false, false]);
  });

  test.each<{ name: string; arrange: () => void }>([
    { name: 'without the option', arrange: () => (world.cluster = makeCluster()) },
    {
      name: 'while paused',
      arrange: () => (world.cluster = makeCluster({ autoscaler: { placementHints: true }, paused: true })),
    },
    { name: 'without the lease', arrange: () => world.lease.set({ held: false }) },
  ])('nothing is written $name', async ({ arrange }) => {
    addNode(A);
    arrange();
    await place([to(A, addPods(1, 'pod'))]);
    expect([namedTo(A), isClosed(A)]).toEqual([[], true]);
  });
});

describe('a node that is open', () => {
  const open = (parts: Partial<NodeObject> = {}) => {
    addNode(A, { taints: [], ...parts });
    const claim = world.management.stores.nodeClaims.list().find(({ metadata }) => metadata.name === A);
    if (claim === undefined) throw new Error('no claim');
    const plannedPods = [{ shape: '0123456789abcdef', count: 3 }];
    world.management.stores.nodeClaims.put({ ...claim, spec: { ...claim.spec, plannedPods } });
  };
  const tried = { unschedulable: true };

  it('is named again to its pods that lost the name, and to no others', async () => {
    open();
    const [lost, untried] = [addPods(2, 'lost', tried), addPods(1, 'untried')];
    await place([to(A, lost, 'onExistingNode'), to(A, untried, 'onExistingNode')]);
    expect(namedTo(A)).toEqual(['lost-0', 'lost-1']);
  });

  it('is not named to a pod for ever', async () => {
    open();
    const placer = new PodPlacer(context, hints);
    for (let pass = 0; pass < NAMES_AGAIN_MAX + 2; pass += 1) {
      // The scheduler has tried it in vain once more.
      await place([to(A, addPods(1, 'lost', tried), 'onExistingNode')], placer);
    }
    expect(hintsCounted('written')).toBe(NAMES_AGAIN_MAX);
  });

  test.each<{ name: string; arrange: () => void }>([
    { name: 'was not made for pods', arrange: () => addNode(A, { taints: [] }) },
    { name: 'is not Ready', arrange: () => open({ ready: 'False' }) },
    { name: 'joined long ago', arrange: () => open({ readyChangedMs: world.clock.nowMs() - 300_000 }) },
    {
      name: 'may not be named',
      arrange: () => {
        open();
        hints.noteForbidden('no right');
      },
    },
  ])('is not named when it $name', async ({ arrange }) => {
    arrange();
    await place([to(A, addPods(1, 'lost', tried), 'onExistingNode')]);
    expect(hintsCounted('written')).toBe(0);
  });
});

describe('names', () => {
  it('are written no faster than a small server likes, over several passes', async () => {
    const placer = new PodPlacer(context, hints);
    const startedMs = world.clock.monotonicMs();
    for (const name of [A, B]) {
      addNode(name);
      await place([to(name, addPods(NAMES_PER_SECOND_MAX, name))], placer);
    }
    expect([namedTo(A).length, namedTo(B).length]).toEqual([NAMES_PER_SECOND_MAX, NAMES_PER_SECOND_MAX]);
    expect(world.clock.monotonicMs() - startedMs).toBeGreaterThanOrEqual(1990);
  });
});

describe('a round of thousands of pods', () => {
  /** Half of them for each of two nodes. */
  const planned = LARGE_ROUND_PODS / 2;
  const big = { allocatable: { ...B2_7, cpuMillis: 1e9, memoryBytes: 1e15, pods: planned } };

  function addLargeNode(name: string): void {
    addNode(name, big);
    const claim = world.management.stores.nodeClaims.list().find(({ metadata }) => metadata.name === name);
    if (claim === undefined) throw new Error(name);
    const plannedPods = [{ shape: 'web', count: planned }];
    world.management.stores.nodeClaims.put({ ...claim, spec: { ...claim.spec, plannedPods } });
  }

  const shown = (): readonly PodRun[] =>
    [A, B].map((name) =>
      to(
        name,
        world.workload.stores.pods.list().filter((pod) => pod.name.startsWith(name)),
      ),
    );

  it('is named in full before any of its nodes opens, once the scheduler has nothing to try', async () => {
    for (const name of [A, B]) {
      addLargeNode(name);
      addPods(planned, name, { unschedulable: true });
    }
    const placer = new PodPlacer(context, hints);
    const seen: (readonly [named: number, closed: boolean | undefined])[] = [];
    for (let pass = 0; pass < 8 && isClosed(B) === true; pass += 1) {
      await place(shown(), placer);
      seen.push([namedTo(A).length + namedTo(B).length, isClosed(A)]);
      world.clock.advance(pass === 0 ? QUIET_MS : 100);
    }
    expect(seen[0]).toEqual([0, true]);
    expect(seen.at(-1)).toEqual([LARGE_ROUND_PODS, false]);
    // Some thousand a pass, and nothing opens before.
    expect(seen.slice(1, -1).map(([named, closed]) => named > 1000 && closed)).toEqual([true, true, true]);
  });

  it('waits for the scheduler in each round anew, and not while no node of it is Ready', async () => {
    const placer = new PodPlacer(context, hints);
    const namesAfter = async (waitMs: number) => {
      world.clock.advance(waitMs);
      await place(shown(), placer);
      return namedTo(A).length + namedTo(B).length;
    };
    for (let round = 1; round <= 2; round += 1) {
      for (const name of [A, B]) {
        addLargeNode(name);
        addPods(planned, name, { unschedulable: true, version: round });
      }
      const closed = world.workload.stores.nodes.list();
      for (const node of closed) world.workload.putNode({ ...node, ready: 'False' });
      expect([await namesAfter(0), await namesAfter(QUIET_MS), await namesAfter(QUIET_MS)]).toEqual([0, 0, 0]);
      for (const node of closed) world.workload.putNode({ ...node, readyChangedMs: world.clock.nowMs() });
      expect(await namesAfter(0)).toBe(0);
      expect(await namesAfter(QUIET_MS)).toBeGreaterThan(1000);
      while (isClosed(B) === true) await namesAfter(100);
      // A pass sees that the round is over.
      await place([], placer);
    }
  });

  it('is opened in parts when the scheduler never rests', async () => {
    for (const name of [A, B]) {
      addLargeNode(name);
      addPods(planned, name, { unschedulable: true });
    }
    const placer = new PodPlacer(context, hints);
    await place(shown(), placer);
    world.clock.advance(HELD_MAX_MS + 80_000);
    for (const name of [A, B]) addPods(planned, name, { unschedulable: true, version: 2 });
    await place(shown(), placer);
    expect([isClosed(A), isClosed(B)]).toEqual([false, true]);
  });

  it('keeps its nodes closed for longer than others, and not for ever', async () => {
    for (const name of [A, B]) addLargeNode(name);
    const closedAfter = async (ms: number) => {
      world.clock.advance(ms);
      await openPlacedNodes(context, { hints, placing: true });
      return isClosed(A);
    };
    expect([await closedAfter(199_000), await closedAfter(2000)]).toEqual([true, false]);
  });
});

describe('a node that nobody opened', () => {
  const open = (placing = true) => openPlacedNodes(context, { hints, placing });

  it('is opened when its time after Ready is over, by whoever leads then', async () => {
    addNode(A);
    world.clock.advance(119_000);
    await open();
    expect(isClosed(A)).toBe(true);
    world.clock.advance(2000);
    use(world.context());
    await open();
    expect(isClosed(A)).toBe(false);
    expect(world.telemetry.total('sluice_placing_taints_lifted_total', { why: 'deadline' })).toBe(1);
  });

  it('is opened while it is not Ready, because its network pods may wait for that', async () => {
    addNode(A, { ready: 'False', createdMs: world.clock.nowMs() });
    world.clock.advance(121_000);
    await open();
    expect(isClosed(A)).toBe(false);
  });

  it('does not stay closed by turning Ready again and again', async () => {
    addNode(A, { createdMs: world.clock.nowMs() });
    world.clock.advance(241_000);
    addNode(A, { createdMs: world.clock.nowMs() - 241_000 });
    await open();
    expect(isClosed(A)).toBe(false);
  });

  test.each<{ name: string; arrange: () => void; placing?: boolean }>([
    { name: 'the option is off', arrange: () => (world.cluster = makeCluster()) },
    { name: 'the server is too old', arrange: () => (hints = new PlacementHints(context, () => 'v1.34.9')) },
    { name: 'the cluster is released', arrange: () => undefined, placing: false },
  ])('is opened at once when $name', async ({ arrange, placing }) => {
    addNode(A);
    arrange();
    await open(placing);
    expect(isClosed(A)).toBe(false);
  });

  it('is left alone when it is not ours, and without the lease', async () => {
    world.cluster = makeCluster();
    world.workload.putNode(makeNode(B, { taints: [PLACING_TAINT] }));
    addNode(A);
    world.lease.set({ held: false });
    await open();
    expect([isClosed(A), isClosed(B)]).toEqual([true, true]);
    world.lease.set({ held: true });
    await open();
    expect([isClosed(A), isClosed(B)]).toEqual([false, true]);
  });
});

describe('whether hints are used', () => {
  test.each<[boolean, string | undefined, string]>([
    [false, 'v1.37.1', 'off'],
    [true, undefined, 'unknown'],
    [true, 'v1.34.9', 'tooOld'],
    [true, 'v1.35.0-rc.1', 'on'],
    [true, 'v2.0.0', 'on'],
    [true, 'devel', 'tooOld'],
  ])('wanted: %s on %s: %s', (wanted, version, want) => {
    expect(hintsUse(wanted, version).kind).toBe(want);
  });

  it('is said to the operator, with what to do', async () => {
    expect(hints.condition()).toMatchObject({ status: 'True', reason: 'InUse' });
    expect(new PlacementHints(context, () => 'v1.34.9').condition()).toMatchObject({
      reason: 'ServerTooOld',
      message: expect.stringContaining('v1.34.9'),
    });
    failing('nominateNode', 'forbidden');
    addNode(A);
    await place([to(A, addPods(1, 'pod'))]);
    expect(hints.condition()).toMatchObject({ status: 'False', reason: 'Forbidden' });
    expect(hints.taintsNewNodes()).toBe(false);
    // The right may have been given since.
    world.clock.advance(600_000);
    expect(hints.taintsNewNodes()).toBe(true);
    world.cluster = makeCluster();
    expect(hints.condition()).toBeUndefined();
  });
});

function taint(key: string): typeof PLACING_TAINT {
  return { key, value: '', effect: 'NoSchedule' };
}
