import { describe, expect, it } from 'vitest';
import type { Flavor } from '../../../src/cluster/cluster-objects.ts';
import { nameAt, namesIn, openNameSource } from '../../../src/planner/node-names.ts';
import { planText } from '../../../src/planner/plan-text.ts';
import { pricePerHour } from '../../../src/planner/price-model.ts';
import { hash64, templateHash } from '../../../src/planner/template-hash.ts';
import { makeClaim, makeFlavor, makeObjects, makePod, makePods, makePool, planFor, stepsOf } from './planner-world.ts';

describe('template hash', () => {
  it('is FNV-1a in 64 bits', () => {
    const slow = (text: string): string => {
      let hash = 0xcbf29ce484222325n;
      for (const unit of text) hash = BigInt.asUintN(64, (hash ^ BigInt(unit.charCodeAt(0))) * 0x100000001b3n);
      return hash.toString(16).padStart(16, '0');
    };
    for (const text of ['', 'a', 'foobar', 'x'.repeat(1000), '{"flavor":"b2-7"}'])
      expect(hash64(text)).toBe(slow(text));
    expect(hash64('a')).toBe('af63dc4c8601ec8c');
  });

  it('does not depend on the order of keys, nor on fields that are undefined', () => {
    expect(templateHash({ b: [1, { d: 2, c: 3 }], a: 'x' })).toBe(
      templateHash({ a: 'x', b: [1, { c: 3, d: 2 }], e: undefined }),
    );
    expect(templateHash({ a: [1, 2] })).not.toBe(templateHash({ a: [2, 1] }));
  });
});

describe('node names', () => {
  it('are the same for the same seed, and never one that is taken', () => {
    const draw = (taken: readonly string[]): string[] => {
      const names = openNameSource({ seed: 'seed', taken: () => taken });
      return [...namesIn(names.next('web', 2)), ...namesIn(names.next('db', 1))];
    };
    const first = draw([]);
    expect(draw([])).toEqual(first);
    expect(new Set(first).size).toBe(3);
    expect(first[2]).toMatch(/^db-node-[0-9a-f]{6}$/);
    expect(draw([first[0] ?? ''])[0]).not.toBe(first[0]);
  });

  it('are all different ones, however many, and say when they are used up', () => {
    const names = openNameSource({ seed: 'seed', taken: () => [] });
    const { numbers } = names.next('web', 200_000);
    expect(new Set([...numbers, ...names.next('web', 1).numbers]).size).toBe(200_001);
    expect(numbers.every((number) => number >= 0 && number < 2 ** 24)).toBe(true);
    const half = numbers.slice(0, 100_000).map((_, index) => nameAt({ pool: 'web', numbers }, index));
    const full = openNameSource({ seed: 'seed', taken: () => half });
    expect(() => full.next('web', 1)).toThrow('used up');
  });

  it('differ between seeds', () => {
    const names = Array.from({ length: 1000 }, (_, seed) =>
      nameAt(openNameSource({ seed: `s${seed}`, taken: () => [] }).next('web', 1), 0),
    );
    expect(new Set(names).size).toBe(1000);
  });
});

describe('price', () => {
  const gpu = (extraSpecs: Record<string, string>): Flavor => ({
    ...makeFlavor('g1', 8, 32),
    extraSpecs: new Map(Object.entries(extraSpecs)),
  });
  const CASES: readonly (readonly [
    name: string,
    flavor: Flavor,
    prices: ReadonlyMap<string, number> | undefined,
    want: number,
  ])[] = [
    ['by the model: vCPU and memory', makeFlavor('b2-7', 2, 7), undefined, 0.075],
    ['by the model: a GPU passed through', gpu({ 'pci_passthrough:alias': 't4:1,nvme:0' }), undefined, 1.12],
    ['by the model: a virtual GPU', gpu({ 'resources:VGPU': '2' }), undefined, 1.92],
    ['by the list', makeFlavor('b2-7', 2, 7), new Map([['b2-7', 0.0681]]), 0.0681],
    ['by the model when the list lacks it', makeFlavor('b2-7', 2, 7), new Map([['b2-15', 1]]), 0.075],
  ];
  it.each(CASES)('%s', (_name, flavor, prices, want) => {
    expect(pricePerHour(flavor, prices)).toBeCloseTo(want, 9);
  });
});

describe('plan text', () => {
  it('tells steps, blocks, pods left and why, pools and cost', () => {
    const claims = [makeClaim('web-node-aaaaaa', 'web')];
    const plan = planFor(
      makeObjects({
        nodePools: [makePool('web', { maxNodes: 2, desiredNodes: 1 })],
        claims,
        pods: [
          ...makePods(2, { nodeName: 'web-node-aaaaaa', cpuMillis: 2000 }),
          ...makePods(4),
          makePod('big', { cpuMillis: 9000 }),
        ],
      }),
    );
    const [created] = stepsOf(plan, 'createClaim');
    const text = planText(plan);
    expect(text).toContain(`+ create ${created?.name} (flavor b2-4 in zone zone-a): for default/web-`);
    expect(text).toContain('= set desiredNodes of web from 1 to 2: the pool grows');
    expect(text).toContain('default/big has no place:\n    web: b2-4: Insufficient cpu');
    expect(text).toContain('web: 2 nodes (1 ready) of 2 desired, 0 to 2; 0.3200 per hour');
    expect(text).toContain('Cost after the plan: 0.3200 per hour (by the built-in price model');
    expect(text.endsWith('\n')).toBe(true);
  });

  it('says so when there is nothing to do', () => {
    expect(planText(planFor(makeObjects()))).toMatch(/^Nothing to do\.\nThere are no NodePools\./);
  });
});
