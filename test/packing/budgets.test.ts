// The work of a decision stays within bench/budgets.yaml: a change that makes plans dearer or searches longer is seen here,
// on any machine.
import { describe, expect, it } from 'vitest';
import { countWork, overBudget, readBudgets } from '../../bench/budgets/budgets.ts';

/** Four seconds on a free core; counting slows the code it counts. */
const COUNTING_MS = 180_000;

describe('budgets', () => {
  it('are kept by the planner', { timeout: COUNTING_MS }, () => {
    expect(overBudget(countWork(), readBudgets())).toEqual([]);
  });

  const budget = { jobs: { nodes: 10, steps: 1000 } };
  const cases = [
    { name: 'all within', counts: { jobs: { nodes: 10, steps: 1050 } }, want: [] },
    { name: 'a node more', counts: { jobs: { nodes: 11, steps: 1000 } }, want: ['jobs: nodes is 11, its budget 10'] },
    { name: 'steps', counts: { jobs: { nodes: 10, steps: 1051 } }, want: ['jobs: steps is 1051, its budget 1000'] },
    {
      name: 'something new',
      counts: { jobs: { nodes: 1, evictions: 2 } },
      want: ['jobs: evictions has no budget, and is 2'],
    },
    { name: 'an input that is gone', counts: {}, want: ['jobs: only one of counts and budgets has it'] },
  ];
  it.each(cases)('tell what is over: $name', ({ counts, want }) => {
    expect(overBudget(counts, budget)).toEqual(want);
  });
});
