// What plans remember of nodes from one snapshot to the next must never show: a plan for an updated snapshot is the plan for the
// same objects seen for the first time.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { NodeClaim } from '../../../src/api/node-claim.ts';
import { buildSnapshot, type ClusterSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { ClusterObjects, PodObject } from '../../../src/cluster/cluster-objects.ts';
import { nextSnapshot } from '../../../src/cluster/next-snapshot.ts';
import { makePlan } from '../../../src/planner/make-plan.ts';
import { makeBudget, makeClaim, makeNode, makeObjects, makePod, makePool } from './planner-world.ts';

const POOLS = ['a', 'b'] as const;
const SLOTS = 8;

/** On a node that is not there: of so many pods the few that change are told apart. */
const FILL = Array.from({ length: 64 }, (_, index) => makePod(`fill-${index}`, { nodeName: 'elsewhere' }));

/** A slot's node is of pool a or b in turn; `level` of 0 to 3 cores are asked for there, of some 4; `state` says how it is. */
interface Slot {
  readonly level: number;
  readonly state: 'ready' | 'notReady' | 'failed' | 'absent';
}

interface World {
  readonly slots: readonly Slot[];
  readonly threshold: number;
  readonly frozen: boolean;
  readonly waiting: number;
  /** Disruptions that a budget of all pods allows; 3: there is none. */
  readonly allowed: number;
}

type Step =
  | { readonly kind: 'slot'; readonly at: number; readonly slot: Slot }
  | { readonly kind: 'threshold' | 'waiting' | 'allowed'; readonly to: number }
  | { readonly kind: 'frozen'; readonly to: boolean };

const slot = fc.record({
  level: fc.nat(3),
  state: fc.constantFrom('ready', 'ready', 'ready', 'notReady', 'failed', 'absent'),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('slot' as const), at: fc.nat(SLOTS - 1), slot }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('threshold' as const, 'waiting' as const, 'allowed' as const),
      to: fc.nat(3),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('frozen' as const), to: fc.boolean() }) },
);

function after(world: World, what: Step): World {
  if (what.kind === 'frozen') return { ...world, frozen: what.to };
  if (what.kind !== 'slot') return { ...world, [what.kind]: what.to };
  return { ...world, slots: world.slots.map((one, at) => (at === what.at ? what.slot : one)) };
}

/** Objects of which those that say the same are the same ones, as in a store. */
class Objects {
  readonly #made = new Map<string, unknown>();

  #once<T>(key: string, make: () => T): T {
    if (!this.#made.has(key)) this.#made.set(key, make());
    return this.#made.get(key) as T;
  }

  of({ slots, threshold, frozen, waiting, allowed }: World): ClusterObjects {
    const present = [...slots.entries()].filter(([, { state }]) => state !== 'absent');
    const claims = present.map(([at, { state }]): NodeClaim => {
      const pool = POOLS[at % POOLS.length] ?? 'a';
      const failed = state === 'failed';
      return this.#once(`claim ${at} ${failed}`, () =>
        makeClaim(`${pool}-node-00000${at}`, pool, failed ? { phase: 'Failed' } : {}),
      );
    });
    const nodes = present.flatMap(([at, { state }], index) => {
      const claim = claims[index];
      if (claim === undefined || state === 'failed') return [];
      const ready = state === 'ready' ? ('True' as const) : ('False' as const);
      return [this.#once(`node ${at} ${ready}`, () => makeNode(claim, { ready }))];
    });
    const pods = present.flatMap(([at, { level }], index): readonly PodObject[] => {
      const nodeName = claims[index]?.metadata.name ?? '';
      return level === 0
        ? []
        : [this.#once(`pod ${at} ${level}`, () => makePod(`on-${at}-${level}`, { nodeName, cpuMillis: level * 900 }))];
    });
    const asking = Array.from({ length: waiting }, (_, index) =>
      this.#once(`waiting ${index}`, () => makePod(`waiting-${index}`, { cpuMillis: 800 })),
    );
    const autoscaling = { scaleDownUtilizationThreshold: String(threshold / 4) };
    return makeObjects({
      nodePools: POOLS.map((name) =>
        this.#once(`pool ${name} ${threshold}`, () => makePool(name, { autoscale: true, maxNodes: 20, autoscaling })),
      ),
      claims: this.#once(JSON.stringify(['claims', slots]), () => claims),
      nodes: this.#once(JSON.stringify(['nodes', slots]), () => nodes),
      pods: [...FILL, ...pods, ...asking],
      podDisruptionBudgets: this.#once(`budgets ${allowed}`, () => (allowed === 3 ? [] : [makeBudget('all', allowed)])),
      frozen: frozen ? 'the path is sick' : undefined,
    });
  }
}

test('a plan for an updated snapshot is the plan for a fresh one', () => {
  const first = fc.array(slot, { minLength: SLOTS, maxLength: SLOTS });
  let removals = 0;
  let updates = 0;
  fc.assert(
    fc.property(first, fc.array(step, { minLength: 1, maxLength: 8 }), (slots, steps) => {
      const objects = new Objects();
      let world: World = { slots, threshold: 2, frozen: false, waiting: 0, allowed: 3 };
      let snapshot: ClusterSnapshot | undefined;
      for (const [version, what] of [undefined, ...steps].entries()) {
        if (what !== undefined) world = after(world, what);
        const now = objects.of(world);
        const last: ClusterSnapshot | undefined = snapshot;
        snapshot = nextSnapshot(last, now, version);
        if (snapshot.lineage === last?.lineage) updates += 1;
        const plan = makePlan(snapshot, { nameSeed: 'seed' });
        const { polishable: _kept, ...said } = plan;
        const { polishable: _fresh, ...want } = makePlan(buildSnapshot(now, version), { nameSeed: 'seed' });
        expect(said).toEqual(want);
        removals += plan.steps.filter(({ kind }) => kind === 'removeClaim').length;
      }
    }),
    { numRuns: 80 },
  );
  // Some plans have to remove a node, or nothing was tried.
  expect(removals).toBeGreaterThan(0);
  expect(updates).toBeGreaterThan(100);
});

test('a node that a pod was about to run on is judged by itself again once the pod is gone', () => {
  const objects = new Objects();
  const slots = Array.from({ length: SLOTS }, (): Slot => ({ level: 2, state: 'ready' }));
  let snapshot: ClusterSnapshot | undefined;
  const said: (string | undefined)[] = [];
  for (const [version, waiting] of [0, 1, 0].entries()) {
    const now = objects.of({ slots, threshold: 1, frozen: false, waiting, allowed: 3 });
    snapshot = nextSnapshot(snapshot, now, version);
    const { report } = makePlan(snapshot, { nameSeed: 'seed' });
    expect(report.nodes).toEqual(makePlan(buildSnapshot(now, version), { nameSeed: 'seed' }).report.nodes);
    said.push(report.nodes[0]?.keptBecause);
  }
  expect(said).toEqual([
    'it is used to 45 % and the threshold is 25 %',
    'pod default/waiting-0 is about to run here',
    'it is used to 45 % and the threshold is 25 %',
  ]);
});
