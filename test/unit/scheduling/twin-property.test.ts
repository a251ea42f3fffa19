// The compiled form against its readable twin, on random clusters with everything in them: verdicts before and after any
// sequence of changes, and a rollback that leaves no trace.
// SLUICE_PROPERTY_RUNS for more runs, SLUICE_PROPERTY_SEED to repeat some; the seed is in the test's name.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TwinSession } from '../../twin/twin-session.ts';

const SEED = Number(process.env['SLUICE_PROPERTY_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const RUNS = Number(process.env['SLUICE_PROPERTY_RUNS'] ?? 120);
/** A run costs some ten milliseconds on a slow core. */
const TIMEOUT_MS = 60_000 + RUNS * 100;

type Change =
  | { readonly kind: 'place' | 'placeWhereFits'; readonly pod: number; readonly node: number }
  | { readonly kind: 'removeNode'; readonly node: number }
  | { readonly kind: 'addTemplateNode'; readonly seed: number }
  | { readonly kind: 'mark' | 'rollback' | 'compare' };

const index = fc.nat(7);
const changes: fc.Arbitrary<Change> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('place', 'placeWhereFits'), pod: index, node: index }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('removeNode'), node: index }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('addTemplateNode'), seed: fc.nat(1000) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('mark') }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('rollback') }) },
  // Not after every change: what was never asked is not in any counter yet.
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('compare') }) },
);

function apply(session: TwinSession, change: Change): void {
  switch (change.kind) {
    case 'place':
    case 'placeWhereFits':
      return session.place(change.pod, change.node, { fitting: change.kind === 'placeWhereFits' });
    case 'removeNode':
      return session.removeNode(change.node);
    case 'addTemplateNode':
      return session.addTemplateNode(change.seed);
    case 'mark':
      return session.mark();
    case 'compare':
      return expect(session.differences()).toEqual([]);
    case 'rollback': {
      const before = session.rollback();
      if (before !== undefined) expect(session.observe()).toEqual(before);
      return undefined;
    }
  }
}

describe(`the fork and its twin (seed ${SEED})`, () => {
  test('say the same of every pod and node, whatever was done before', { timeout: TIMEOUT_MS }, () => {
    let compared = 0;
    let fitting = 0;
    const plugins = new Set<string>();
    fc.assert(
      fc.property(fc.nat(2 ** 30), fc.array(changes, { maxLength: 16, size: 'max' }), (worldSeed, sequence) => {
        const session = new TwinSession(worldSeed);
        for (const change of sequence) apply(session, change);
        expect(session.differences()).toEqual([]);
        compared += session.compared;
        fitting += session.fitting;
        for (const plugin of session.plugins) plugins.add(plugin);
      }),
      { numRuns: RUNS, seed: SEED },
    );
    // A comparison that only ever sees one answer would prove little.
    expect(fitting / compared).toBeGreaterThan(0.1);
    expect(fitting / compared).toBeLessThan(0.9);
    expect(plugins.size).toBeGreaterThan(9);
    expect([...plugins]).toContain('DynamicResources');
  });
});
