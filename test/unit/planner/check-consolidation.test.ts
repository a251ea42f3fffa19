import { describe, expect, it } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { ClusterObjects } from '../../../src/cluster/cluster-objects.ts';
import { checkPlan } from '../../../src/planner/check-plan.ts';
import { makePlan } from '../../../src/planner/make-plan.ts';
import type { Plan, PlanStep } from '../../../src/planner/plan.ts';
import { clusterOf, consolidated, nodeOf, podsOn, PRICES } from './consolidation-world.ts';
import { iso, makeClaim, NOW_MS, stepsOf } from './planner-world.ts';

const A = nodeOf('b2-8', 'aaaaaa');
const B = nodeOf('b2-8', 'bbbbbb');
const OBJECTS = clusterOf([A, B], [...podsOn(A, 2), ...podsOn(B, 2)]);
const GOOD = makePlan(buildSnapshot(OBJECTS, 1), { nameSeed: 's' });

function replacing(replaces: readonly string[]): (plan: Plan) => Plan {
  return (plan) => ({
    ...plan,
    steps: plan.steps.map((step) =>
      step.kind === 'createClaims' ? { ...step, spec: { ...step.spec, replaces: [...replaces] } } : step,
    ),
  });
}

const REMOVE: PlanStep = {
  kind: 'removeClaim',
  pool: 'web',
  claim: A.metadata.name,
  claimUid: A.metadata.uid,
  reason: 'Consolidated',
  message: '',
};

interface Case {
  readonly name: string;
  readonly checked?: Partial<ClusterObjects>;
  readonly change?: (plan: Plan) => Plan;
  readonly want: RegExp;
}

const off = [consolidated('web', { desiredNodes: 2, autoscaling: { consolidate: false } })];
const CASES: readonly Case[] = [
  { name: 'claims that are not there', change: replacing(['web-node-ffffff']), want: /not in the snapshot/ },
  { name: 'none', change: replacing([]), want: /replaces none/ },
  {
    name: 'for no less money',
    checked: { prices: new Map([...PRICES, ['b2-4', 0.6]]) },
    want: /nodes that cost 0.6 per hour would be replaced by ones for 0.6/,
  },
  {
    name: 'when nobody knows what the old ones cost',
    checked: { flavors: OBJECTS.flavors.filter(({ name }) => name !== 'b2-8') },
    want: /nodes that cost NaN/,
  },
  { name: 'in a pool that does not ask for it', checked: { nodePools: off }, want: /pool that does not ask for it/ },
  {
    name: 'a node that leaves',
    checked: {
      claims: [nodeOf('b2-8', 'aaaaaa', { removal: { reason: 'ManualSize', message: '', at: iso(NOW_MS) } }), B],
    },
    want: /aaaaaa' to be replaced is not a node that stands/,
  },
  {
    name: 'a node of another cluster',
    checked: { claims: [{ ...A, spec: { ...A.spec, clusterUid: 'other' } }, B] },
    want: /aaaaaa' to be replaced is of another cluster/,
  },
  {
    name: 'a node that another claim replaces',
    checked: {
      claims: [A, B, makeClaim('web-node-cccccc', 'web', { spec: { replaces: [B.metadata.name] } })],
    },
    want: /bbbbbb' is to be replaced by another one already/,
  },
];

describe('the check of a replacement', () => {
  it('finds nothing in a good one', () => {
    expect(stepsOf(GOOD, 'createClaim')[0]?.spec.replaces).toEqual([A.metadata.name, B.metadata.name]);
    expect(checkPlan(GOOD, buildSnapshot(OBJECTS, 1))).toEqual([]);
  });

  it.each(CASES)('refuses to replace $name', ({ checked, change = (plan) => plan, want }) => {
    const findings = checkPlan(change(GOOD), buildSnapshot({ ...OBJECTS, ...checked }, 1));
    expect(findings.filter(({ kind }) => kind === 'replacement').map(({ message }) => message)).toEqual(
      expect.arrayContaining([expect.stringMatching(want)]),
    );
    expect(findings.every(({ severity }) => severity === 'fatal')).toBe(true);
  });

  it('refuses a removal for it from a pool that does not ask', () => {
    const plan = { ...GOOD, steps: [REMOVE] };
    expect(checkPlan(plan, buildSnapshot(OBJECTS, 1))).toEqual([]);
    expect(checkPlan(plan, buildSnapshot({ ...OBJECTS, nodePools: off }, 1))).toMatchObject([
      { kind: 'unfounded', severity: 'fatal', pool: 'web' },
    ]);
  });
});
