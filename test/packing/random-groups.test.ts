// Small workloads with every kind of rule and labels that cross: groups that count each other, over one to three zones. What
// the product plans is held against the verifier, which knows none of its code.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decide, loadWorkload } from '../../bench/packing/decide.ts';
import { packingOf } from '../../bench/packing/packing-of-plan.ts';
import { type NodeType, POD_KINDS, type Workload, type WorkloadGroup } from '../../bench/inputs/read-workload.ts';
import { verifyPacking } from './verify-packing.ts';

const RUNS = Number(process.env['SLUICE_PACKING_RUNS'] ?? 40);
/** For a busy machine; a run takes some 15 ms. */
const TIMEOUT_MS = 10_000 + 500 * RUNS;

const template: NodeType = { name: 'template', cpuMillis: 4000, memoryMiB: 16_384, pods: 20, gpus: 0, pricePerHour: 1 };
const pair = fc.constantFrom('app=a', 'app=b', 'app=c');

const group = fc
  .record({
    count: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 25 })),
    cpuMillis: fc.constantFrom(100, 250, 700, 1500, 3000),
    memoryMiB: fc.constantFrom(128, 1024, 6000),
    kind: fc.constantFrom(...POD_KINDS),
    label: pair,
    selector: pair,
    own: fc.boolean(),
  })
  .map(({ own, kind, label, selector, ...rest }): WorkloadGroup => {
    const named = kind === 'generic' ? '' : own ? label : selector;
    return { ...rest, gpus: 0, kind, label, selector: named };
  });

const workload = fc.array(group, { minLength: 1, maxLength: 8 }).map(
  (groups): Workload => ({
    name: 'random',
    groups,
    pods: groups.reduce((sum, { count }) => sum + count, 0),
    template,
  }),
);

/** Found by this test: pods that moved on while others settled were given a second place. */
const movedOn: Workload = {
  name: 'random',
  groups: [
    { count: 3, cpuMillis: 1500, memoryMiB: 1024, gpus: 0, kind: 'anti-host', label: 'app=b', selector: 'app=b' },
    { count: 24, cpuMillis: 100, memoryMiB: 6000, gpus: 0, kind: 'aff-zone', label: 'app=b', selector: 'app=b' },
    { count: 1, cpuMillis: 100, memoryMiB: 128, gpus: 0, kind: 'spread-host', label: 'app=a', selector: 'app=a' },
    { count: 3, cpuMillis: 100, memoryMiB: 6000, gpus: 0, kind: 'generic', label: 'app=a', selector: '' },
    { count: 21, cpuMillis: 100, memoryMiB: 6000, gpus: 0, kind: 'anti-host', label: 'app=a', selector: 'app=a' },
  ],
  pods: 52,
  template,
};

test('what is planned for groups that count each other can be carried out', { timeout: TIMEOUT_MS }, () => {
  fc.assert(
    fc.property(workload, fc.integer({ min: 1, max: 3 }), (made, zoneCount) => {
      const zones = ['a', 'b', 'c'].slice(0, zoneCount);
      const loaded = loadWorkload(made, { types: [template], zones });
      const { plan, findings } = decide(loaded.snapshot);
      expect(findings).toEqual([]);
      expect(verifyPacking({ workload: made, types: [template], zones, ...packingOf(plan) })).toEqual([]);
    }),
    { numRuns: RUNS, examples: [[movedOn, 2]] },
  );
});
