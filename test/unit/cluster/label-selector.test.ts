import { describe, expect, test } from 'vitest';
import { requirementMatches, selectorMatches } from '../../../src/cluster/label-selector.ts';

describe('requirementMatches', () => {
  test.each([
    ['In', ['a', 'b'], 'a', true],
    ['In', ['a', 'b'], 'c', false],
    ['In', ['a'], undefined, false],
    ['NotIn', ['a'], 'b', true],
    ['NotIn', ['a'], 'a', false],
    ['NotIn', ['a'], undefined, true],
    ['Exists', [], '', true],
    ['Exists', [], undefined, false],
    ['DoesNotExist', [], undefined, true],
    ['DoesNotExist', [], 'x', false],
    ['Gt', ['5'], '6', true],
    ['Gt', ['5'], '5', false],
    ['Gt', ['5'], '007', true],
    ['Gt', ['5'], '+6', true],
    ['Gt', ['5'], '6.5', false],
    ['Gt', ['5'], undefined, false],
    ['Gt', ['5'], '9223372036854775808', false],
    ['Lt', ['5'], '-3', true],
    ['Lt', ['5'], '5', false],
    ['Lt', ['x'], '1', false],
    ['Matches', ['a'], 'a', false],
  ])('%s %j against %j is %s', (operator, values, value, want) => {
    expect(requirementMatches({ key: 'k', operator, values }, value)).toBe(want);
  });
});

describe('selectorMatches', () => {
  const labels = new Map([['app', 'web']]);

  test('undefined matches nothing, an empty selector everything', () => {
    expect(selectorMatches(undefined, labels)).toBe(false);
    expect(selectorMatches({ requirements: [] }, labels)).toBe(true);
  });

  test('all requirements must hold', () => {
    const app = { key: 'app', operator: 'In', values: ['web'] };
    expect(selectorMatches({ requirements: [app] }, labels)).toBe(true);
    expect(selectorMatches({ requirements: [app, { key: 'tier', operator: 'Exists', values: [] }] }, labels)).toBe(
      false,
    );
  });
});
