// The applications of the facts file, once and ten times each; a hundred times: npm run test:apps.
import { describe, expect, test } from 'vitest';
import { readAppFacts } from './app-facts.ts';
import { planApp } from './plan-apps.ts';

const FILE = process.env['SLUICE_E2E_APPS'];
const COPIES = [1, 10];
const TIMEOUT_MS = 120_000;

describe.skipIf(FILE === undefined)('public applications, planned and judged by the twin (SLUICE_E2E_APPS)', () => {
  const apps = FILE === undefined ? [] : readAppFacts(FILE);

  test('are forty', () => {
    expect(apps.length).toBe(40);
  });

  test.each(apps.map((facts) => facts.app))('%s', { timeout: TIMEOUT_MS }, (name) => {
    const facts = apps.find((one) => one.app === name);
    if (facts === undefined) throw new Error(`no application ${name}`);
    for (const copies of COPIES) {
      const { violations, pods, placed, unplaceable, cutShort } = planApp(facts, copies, () => 0);
      expect(violations).toEqual([]);
      expect(cutShort).toEqual([]);
      expect(placed + [...unplaceable.values()].reduce((sum, count) => sum + count, 0)).toBe(pods);
    }
  });
});
