// Which steps may be executed after the checker has spoken.
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import { admitSteps } from '../../../src/controllers/admit-steps.ts';
import type { Finding } from '../../../src/planner/finding.ts';
import { makePlan } from '../../../src/planner/make-plan.ts';
import type { Plan, PlanStep } from '../../../src/planner/plan.ts';
import { makeClaim, makeObjects, makePool } from '../planner/planner-world.ts';

const snapshot = buildSnapshot(
  makeObjects({
    nodePools: [makePool('one', { desiredNodes: 1 }), makePool('two', { desiredNodes: 2 })],
    claims: [makeClaim('two-node-aaaaaa', 'two')],
  }),
  1,
);
const made = makePlan(snapshot, { nameSeed: 's' });
const creates = made.steps.filter((step) => step.kind === 'createClaims');
const timer: PlanStep = {
  kind: 'setTimer',
  claim: 'two-node-aaaaaa',
  claimUid: 'uid-two-node-aaaaaa',
  timer: 'unneededSince',
  sinceMs: 1,
};
const remove = (reason: 'ScaleDown' | 'Failed'): PlanStep => ({
  kind: 'removeClaim',
  pool: 'two',
  claim: 'two-node-aaaaaa',
  claimUid: 'uid-two-node-aaaaaa',
  reason,
  message: '',
});
const fatal = (pool?: string): Finding => ({
  severity: 'fatal',
  kind: 'quota',
  message: 'no',
  ...(pool === undefined ? {} : { pool }),
});
const named = (steps: readonly PlanStep[]) =>
  steps.map((step) => `${step.kind} ${step.kind === 'setTimer' ? step.claim : step.pool}`);

describe('admitted steps', () => {
  test.each<{ name: string; extra?: PlanStep; findings: readonly Finding[]; want: readonly string[] | undefined }>([
    { name: 'no finding', findings: [], want: ['createClaims one', 'createClaims two', 'setTimer two-node-aaaaaa'] },
    {
      name: 'a warning',
      findings: [{ severity: 'warning', kind: 'unexplained', message: '', pool: 'one' }],
      want: ['createClaims one', 'createClaims two', 'setTimer two-node-aaaaaa'],
    },
    { name: 'no pool named', findings: [fatal()], want: undefined },
    { name: 'no pool named by one of them', findings: [fatal('one'), fatal()], want: undefined },
    { name: 'one pool', findings: [fatal('one')], want: ['createClaims two', 'setTimer two-node-aaaaaa'] },
    { name: 'the other pool, with its timers', findings: [fatal('two')], want: ['createClaims one'] },
    { name: 'both', findings: [fatal('one'), fatal('two')], want: [] },
    {
      name: 'a scale-down may count on the refused new node',
      extra: remove('ScaleDown'),
      findings: [fatal('one')],
      want: [],
    },
    {
      name: 'the removal of what failed does not',
      extra: remove('Failed'),
      findings: [fatal('one')],
      want: ['createClaims two', 'setTimer two-node-aaaaaa', 'removeClaim two'],
    },
  ])('$name', ({ extra, findings, want }) => {
    const plan: Plan = { ...made, steps: [...creates, timer, ...(extra === undefined ? [] : [extra])] };
    const admitted = admitSteps(plan, findings, snapshot);
    expect(admitted.plan === undefined ? undefined : named(admitted.plan.steps)).toEqual(want);
    expect((admitted.plan?.steps.length ?? 0) + admitted.refused.length).toBe(plan.steps.length);
    for (const { kind, why } of admitted.refused) expect(`${kind} ${why}`).toMatch(/^dropped .*refused/);
  });
});
