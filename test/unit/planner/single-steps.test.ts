import { describe, expect, it } from 'vitest';
import { nameAt } from '../../../src/planner/node-names.ts';
import { podsIn, podVerdicts } from '../../../src/planner/plan.ts';
import { claimsCreated, planJson, singleSteps } from '../../../src/planner/single-steps.ts';
import { makeCluster, makeObjects, makePods, makePool, planFor, stepsOf } from './planner-world.ts';

/** Forty pods of two sizes, in a pool with nodes in two zones. */
const OBJECTS = makeObjects({
  // With them nobody simulates the scheduler on each of the new nodes.
  cluster: makeCluster({ autoscaler: { placementHints: true } }),
  nodePools: [makePool('web')],
  targets: { ...makeObjects().targets, zones: ['zone-a', 'zone-b'] },
  pods: [...makePods(24, { cpuMillis: 1500 }), ...makePods(16, { cpuMillis: 400 })].map((pod, index) => ({
    ...pod,
    uid: `uid-${index}`,
    name: `pod-${index}`,
  })),
});
const PLAN = planFor(OBJECTS);
const CREATES = stepsOf(PLAN, 'createClaim');

describe('steps one by one', () => {
  it('a plan holds equal nodes as one step per zone', () => {
    const runs = PLAN.steps.filter((step) => step.kind === 'createClaims');
    expect(runs.length).toBeLessThan(CREATES.length / 2);
    expect(runs.reduce((sum, step) => sum + claimsCreated(step), 0)).toBe(CREATES.length);
    const zones = Map.groupBy(CREATES, ({ spec }) => spec.zone);
    expect([...zones.values()].map(({ length }) => length)).toEqual([CREATES.length / 2, CREATES.length / 2]);
  });

  it('each claim has a name and pods of its own, as its spec and the verdicts say', () => {
    expect(new Set(CREATES.map(({ name }) => name)).size).toBe(CREATES.length);
    const placed = CREATES.flatMap(({ name, pods }) => podsIn(pods).map(({ uid }) => [uid, name] as const));
    expect(placed).toHaveLength(40);
    const told = podVerdicts(PLAN.report).map(({ podUid, target }) => [podUid, target] as const);
    expect(new Map(told)).toEqual(new Map(placed));
    for (const { spec, pods } of CREATES) {
      expect(spec.plannedPods?.reduce((sum, { count }) => sum + count, 0)).toBe(podsIn(pods).length);
    }
  });

  it('each names the first of its pods as the reason', () => {
    for (const { reason, pods } of CREATES) {
      const names = podsIn(pods).map(({ namespace, name }) => `${namespace}/${name}`);
      const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
      expect(reason).toBe(`for ${names.slice(0, 3).join(', ')}${more}`);
    }
  });

  it('other steps stay as they are, in their place', () => {
    const kinds = singleSteps(PLAN.steps).map(({ kind }) => kind);
    expect(kinds).toEqual([...CREATES.map(() => 'createClaim'), 'setDesiredNodes']);
  });

  it('programs are told single steps', () => {
    const { steps } = planJson(PLAN);
    expect(steps).toHaveLength(CREATES.length + 1);
    expect(steps).toContainEqual(
      expect.objectContaining({ kind: 'createClaim', name: CREATES[0]?.name, podUids: expect.any(Array) }),
    );
  });

  it('a name is of six digits, however small its number', () => {
    expect(nameAt({ pool: 'web', numbers: [10, 0xffffff] }, 0)).toBe('web-node-00000a');
    expect(nameAt({ pool: 'web', numbers: [10, 0xffffff] }, 1)).toBe('web-node-ffffff');
  });
});
