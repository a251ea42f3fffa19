// The compiled form of what does not depend on running pods, against the filters themselves.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ClassIndex, hasBit } from '../../../src/scheduling/class-bits.ts';
import { nodeAffinity } from '../../../src/scheduling/node-affinity.ts';
import { nodeUnschedulable } from '../../../src/scheduling/node-unschedulable.ts';
import { taintToleration } from '../../../src/scheduling/taint-toleration.ts';
import type { NodeFacts } from '../../../src/scheduling/node-facts.ts';
import { makePod } from '../../builders/make-pod.ts';

const keys = fc.constantFrom('a', 'b', '__proto__', 'constructor', 'bad key');
const values = fc.constantFrom('', '1', '7', '-3', 'x');
const labels = fc.array(fc.tuple(keys, values), { maxLength: 3 });
const effects = fc.constantFrom('NoSchedule' as const, 'PreferNoSchedule' as const, 'NoExecute' as const);
const nodes = fc.record({
  labels,
  taints: fc.array(fc.record({ key: keys, value: values, effect: effects }), { maxLength: 2 }),
  unschedulable: fc.boolean(),
});
const requirement = fc.record({
  key: keys,
  operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt', 'Is'),
  values: fc.array(values, { maxLength: 2 }),
});
const pods = fc.record({
  selector: fc.array(fc.tuple(keys, values), { maxLength: 2, size: '-1' }),
  terms: fc.option(fc.array(fc.array(requirement, { maxLength: 2 }), { maxLength: 2 })),
  tolerations: fc.array(
    fc.record({
      key: fc.oneof(keys, fc.constant('')),
      operator: fc.constantFrom('', 'Equal', 'Exists', 'Gt'),
      value: values,
      effect: fc.oneof(effects, fc.constant('')),
    }),
    { maxLength: 3 },
  ),
});

test('bits say what the filters say', () => {
  let admitted = 0;
  let asked = 0;
  fc.assert(
    fc.property(fc.array(nodes, { minLength: 1, maxLength: 40 }), pods, (inputs, { selector, terms, tolerations }) => {
      const index = new ClassIndex();
      const facts = inputs.map(
        (input, number): NodeFacts => ({
          name: `n${number}`,
          ...input,
          labels: new Map(input.labels),
          volumeLimits: new Map(),
        }),
      );
      for (const one of facts) index.add(one);
      const builder = makePod('p').tolerates(...tolerations);
      if (terms !== null) builder.nodeAffinity(...terms.map((expressions) => ({ expressions, fields: [] })));
      const shape = { ...builder.build().shape, nodeSelector: new Map(selector) };
      const bits = index.admits(shape);
      facts.forEach((one, number) => {
        const refusal = nodeUnschedulable(shape, one) ?? taintToleration(shape, one) ?? nodeAffinity(shape, one);
        expect(hasBit(bits, number)).toBe(refusal === undefined);
        asked += 1;
        if (refusal === undefined) admitted += 1;
      });
    }),
    { numRuns: 500 },
  );
  expect(admitted / asked).toBeGreaterThan(0.02);
  expect(admitted / asked).toBeLessThan(0.9);
});

test('more classes than the first words hold', () => {
  const index = new ClassIndex();
  for (let number = 0; number < 1500; number += 1) {
    index.add({
      name: `n${number}`,
      labels: new Map([['zone', `z${number % 3}`]]),
      taints: [],
      unschedulable: number % 2 === 0,
      volumeLimits: new Map(),
    });
  }
  const bits = index.admits(makePod('p').nodeSelector({ zone: 'z1' }).build().shape);
  const found = Array.from({ length: 1500 }, (_, number) => number).filter((number) => hasBit(bits, number));
  expect(found).toEqual(
    Array.from({ length: 1500 }, (_, number) => number).filter((number) => number % 3 === 1 && number % 2 === 1),
  );
});
