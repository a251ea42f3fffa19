import { describe, expect, it } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { ClusterObjects } from '../../../src/cluster/cluster-objects.ts';
import { checkPlan } from '../../../src/planner/check-plan.ts';
import { makePlan } from '../../../src/planner/make-plan.ts';
import type { Plan, PlanStep } from '../../../src/planner/plan.ts';
import { makeBudget, makeClaim, makeCluster, makeObjects, makePod, makePool, NOW_MS } from './planner-world.ts';

const A = 'web-node-aaaaaa';
const B = 'web-node-bbbbbb';

/** Three claims stand, A to C; two pods wait that need one new node. */
function objectsOf(change: Partial<ClusterObjects> = {}): ClusterObjects {
  return makeObjects({
    nodePools: [makePool('web', { desiredNodes: 3 })],
    claims: [A, B, 'web-node-cccccc'].map((name) => makeClaim(name, 'web')),
    pods: [
      ...[A, B, 'web-node-cccccc'].map((nodeName) => makePod(`on-${nodeName}`, { nodeName, cpuMillis: 3000 })),
      makePod('first', { cpuMillis: 2000 }),
      makePod('second', { cpuMillis: 2000 }),
    ],
    ...change,
  });
}

function planOf(objects: ClusterObjects): Plan {
  return makePlan(buildSnapshot(objects, 1), { nameSeed: 's' });
}

function withSteps(plan: Plan, change: (steps: readonly PlanStep[]) => readonly PlanStep[]): Plan {
  return { ...plan, steps: change(plan.steps) };
}

function remove(
  claim: string,
  reason: 'ScaleDown' | 'ManualSize' | 'PoolDeleted' | 'ClusterDeleted' = 'ScaleDown',
): PlanStep {
  return { kind: 'removeClaim', pool: 'web', claim, claimUid: `uid-${claim}`, reason, message: '' };
}

const GOOD = planOf(objectsOf());
const CREATE = GOOD.steps.find((step) => step.kind === 'createClaims');

function creates(change: Partial<PlanStep & { kind: 'createClaims' }>): (plan: Plan) => Plan {
  return (plan) =>
    withSteps(plan, (steps) => steps.map((step) => (step.kind === 'createClaims' ? { ...step, ...change } : step)));
}

function adds(...extra: PlanStep[]): (plan: Plan) => Plan {
  return (plan) => withSteps(plan, (steps) => [...steps, ...extra]);
}

interface Case {
  readonly name: string;
  /** What the plan was made from, and what it is checked against. */
  readonly checked?: Partial<ClusterObjects>;
  readonly change: (plan: Plan) => Plan;
  readonly want: readonly string[];
}

if (CREATE === undefined) throw new Error('The good plan must create a claim');

const CASES: readonly Case[] = [
  { name: 'a plan that was made for it', change: (plan) => plan, want: [] },
  { name: 'another snapshot', change: (plan) => ({ ...plan, basedOn: 0 }), want: ['stale'] },
  { name: 'paused', checked: { cluster: makeCluster({ paused: true }) }, change: (plan) => plan, want: ['paused'] },
  { name: 'a claim that is not there', change: adds(remove('web-node-ffffff')), want: ['unknownClaim'] },
  {
    name: 'a claim made anew under the same name',
    change: adds({ ...remove(A), claimUid: 'other' } as PlanStep),
    want: ['unknownClaim', 'desiredNodes'],
  },
  {
    name: 'a claim of another cluster',
    checked: {
      claims: [
        makeClaim(A, 'web', { spec: { clusterUid: 'other' } }),
        makeClaim(B, 'web'),
        makeClaim('web-node-cccccc', 'web'),
      ],
    },
    change: (plan) =>
      withSteps(plan, (steps) => [...steps.filter((step) => step.kind !== 'setDesiredNodes'), remove(A)]),
    want: ['foreignClaim'],
  },
  {
    name: 'the same removal twice',
    change: (plan) => withSteps(plan, () => [remove(A), remove(A)]),
    want: ['duplicateStep'],
  },
  {
    name: 'a removal while frozen',
    checked: { frozen: 'sick' },
    change: (plan) => withSteps(plan, () => [remove(A)]),
    want: ['frozen'],
  },
  {
    name: 'a pool taken for deleted',
    change: (plan) => withSteps(plan, () => [remove(A, 'PoolDeleted')]),
    want: ['unfounded'],
  },
  {
    name: 'a cluster taken for deleted',
    change: (plan) => withSteps(plan, () => [remove(A, 'ClusterDeleted')]),
    want: ['unfounded'],
  },
  {
    name: 'absence taken for deletion',
    checked: { nodePools: [] },
    change: (plan) => withSteps(plan, () => [remove(A, 'PoolDeleted')]),
    want: ['unfounded'],
  },
  {
    name: 'a node of a fixed pool scaled down',
    checked: { nodePools: [makePool('web', { autoscale: false })] },
    change: (plan) => withSteps(plan, () => [remove(A)]),
    want: ['unfounded'],
  },
  {
    name: 'below minNodes',
    checked: { nodePools: [makePool('web', { minNodes: 3 })] },
    change: (plan) => withSteps(plan, () => [remove(A)]),
    want: ['minNodes'],
  },
  {
    name: 'a budget with nothing left',
    checked: { podDisruptionBudgets: [makeBudget('web', 0)] },
    change: (plan) => withSteps(plan, () => [remove(A)]),
    want: ['disruptionBudget'],
  },
  ...[
    { name: 'for every pod', requirements: [] },
    { name: 'for a label with any value', requirements: [{ key: 'app', operator: 'Exists', values: [] }] },
    { name: 'for all labels but one', requirements: [{ key: 'app', operator: 'NotIn', values: ['db'] }] },
    {
      name: 'for one of several values',
      requirements: [
        { key: 'tier', operator: 'DoesNotExist', values: [] },
        { key: 'app', operator: 'In', values: ['db', 'web'] },
      ],
    },
  ].map(
    ({ name, requirements }): Case => ({
      name: `a budget ${name} with nothing left`,
      checked: { podDisruptionBudgets: [{ ...makeBudget('web', 0), selector: { requirements } }] },
      change: (plan) => withSteps(plan, () => [remove(A)]),
      want: ['disruptionBudget'],
    }),
  ),
  {
    name: 'two nodes on one disruption',
    checked: { podDisruptionBudgets: [makeBudget('web', 1)] },
    change: (plan) => withSteps(plan, () => [remove(A), remove(B)]),
    want: ['disruptionBudget'],
  },
  {
    name: 'one more node on a budget that a draining one uses up',
    checked: {
      podDisruptionBudgets: [makeBudget('web', 1)],
      claims: [
        makeClaim(A, 'web'),
        makeClaim(B, 'web', {
          phase: 'Draining',
          status: { removal: { reason: 'ScaleDown', message: '', at: '2026-01-01T11:00:00Z' } },
        }),
        makeClaim('web-node-cccccc', 'web'),
      ],
    },
    change: (plan) => withSteps(plan, () => [remove(A)]),
    want: ['disruptionBudget'],
  },
  {
    name: 'a pod that is not to be evicted',
    checked: { pods: [makePod('held', { nodeName: A, safeToEvict: false })] },
    change: (plan) => withSteps(plan, () => [remove(A)]),
    want: ['disruption'],
  },
  {
    name: 'a name that is taken',
    change: creates({ names: { pool: 'web', numbers: [0xaaaaaa] } }),
    want: ['nameTaken'],
  },
  { name: 'a name of another pool', change: creates({ names: { pool: 'db', numbers: [1] } }), want: ['malformed'] },
  {
    name: 'a name of seven digits',
    change: creates({ names: { pool: 'web', numbers: [2 ** 24] } }),
    want: ['malformed'],
  },
  { name: 'a name of no number', change: creates({ names: { pool: 'web', numbers: [0.5] } }), want: ['malformed'] },
  {
    name: 'two claims of one name, and pods that come to no equal shares',
    change: creates({ names: { pool: 'web', numbers: [7, 7, 7] } }),
    want: ['nameTaken', 'malformed', 'desiredNodes'],
  },
  { name: 'another project', change: creates({ spec: { ...CREATE.spec, projectId: 'other' } }), want: ['malformed'] },
  {
    name: 'a flavor that is not the pool’s',
    change: creates({ spec: { ...CREATE.spec, flavor: 'b2-8', flavorId: 'id-b2-8' } }),
    want: ['malformed'],
  },
  { name: 'an unknown image', change: creates({ spec: { ...CREATE.spec, imageId: 'other' } }), want: ['malformed'] },
  {
    name: 'a zone that takes no servers',
    checked: { targets: { ...makeObjects().targets, zones: ['zone-b'] } },
    change: (plan) => plan,
    want: ['malformed'],
  },
  {
    name: 'a pool that is being deleted',
    checked: { nodePools: [makePool('web', { desiredNodes: 3 }, { deletionTimestamp: '2026-01-01T11:00:00Z' })] },
    change: (plan) => plan,
    want: ['unfounded'],
  },
  {
    name: 'maxNodes',
    checked: { nodePools: [makePool('web', { maxNodes: 3 })] },
    change: (plan) => plan,
    want: ['maxNodes'],
  },
  {
    name: 'maxNodes, with nodes on the way out',
    checked: {
      nodePools: [makePool('web', { maxNodes: 3 })],
      claims: [makeClaim(A, 'web'), makeClaim(B, 'web'), makeClaim('web-node-cccccc', 'web', { phase: 'Deleting' })],
    },
    change: (plan) => withSteps(plan, (steps) => steps.filter((step) => step.kind === 'createClaims')),
    want: ['maxNodes'],
  },
  {
    name: 'a ceiling on cost',
    checked: { cluster: makeCluster({ ceilings: { costPerHourMax: '0.5' } }) },
    change: (plan) => plan,
    want: ['ceiling'],
  },
  {
    name: 'a flavor that the operator forbids',
    checked: { cluster: makeCluster({ ceilings: { flavorsAllowed: ['b2-2'] } }) },
    change: (plan) => plan,
    want: ['ceiling'],
  },
  {
    name: 'quota',
    checked: { quota: { serversLeft: 0, coresLeft: undefined, memoryMiBLeft: undefined } },
    change: (plan) => plan,
    want: ['quota'],
  },
  {
    name: 'quota of ports',
    checked: { quota: { serversLeft: 9, coresLeft: undefined, memoryMiBLeft: undefined, portsLeft: 0 } },
    change: (plan) => plan,
    want: ['quota'],
  },
  {
    name: 'quota of ports, of which a node on two networks takes two',
    checked: {
      targets: { ...makeObjects().targets, additionalNetworks: [{ networkId: 'storage', subnetId: undefined }] },
      quota: { serversLeft: 9, coresLeft: undefined, memoryMiBLeft: undefined, portsLeft: 1 },
    },
    change: creates({ spec: { ...CREATE.spec, additionalNetworks: [{ networkId: 'storage' }] } }),
    want: ['quota'],
  },
  {
    name: 'quota that a claim without a server takes',
    checked: {
      quota: { serversLeft: 1, coresLeft: undefined, memoryMiBLeft: undefined },
      claims: [
        ...objectsOf().claims.slice(0, 2),
        { ...makeClaim('web-node-cccccc', 'web', { createdMs: NOW_MS }), status: { phase: 'Creating' } },
      ],
    },
    change: (plan) => plan,
    want: ['quota'],
  },
  {
    name: 'desiredNodes that is not what stands',
    change: (plan) => withSteps(plan, (steps) => steps.filter((step) => step.kind !== 'createClaims')),
    want: ['desiredNodes'],
  },
  {
    name: 'desiredNodes of a pool that does not autoscale',
    checked: { nodePools: [makePool('web', { autoscale: false, desiredNodes: 3 })] },
    change: (plan) => plan,
    want: ['unfounded'],
  },
  {
    name: 'a pending pod without a word',
    change: (plan) => ({ ...plan, report: { ...plan.report, pods: plan.report.pods.slice(1) } }),
    want: ['unexplained'],
  },
];

describe('check-plan', () => {
  it.each(CASES)('$name → $want', ({ checked, change, want }) => {
    const snapshot = buildSnapshot(objectsOf(checked), 1);
    expect(checkPlan(change(GOOD), snapshot).map((finding) => finding.kind)).toEqual(want);
  });

  it('stops a plan for all of these but a pod without a word', () => {
    const snapshot = buildSnapshot(objectsOf(), 1);
    const unexplained = { ...GOOD, report: { ...GOOD.report, pods: [] } };
    expect(new Set(checkPlan(unexplained, snapshot).map((finding) => finding.severity))).toEqual(new Set(['warning']));
    expect(checkPlan({ ...GOOD, basedOn: 0 }, snapshot)[0]?.severity).toBe('fatal');
  });
});
