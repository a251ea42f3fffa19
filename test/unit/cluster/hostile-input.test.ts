// Whatever a tenant's API serves, a parser returns an object or throws a ParseError, and nothing else.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ParseError } from '../../../src/cluster/parse-error.ts';
import { parseNode } from '../../../src/cluster/parse-node.ts';
import * as objects from '../../../src/cluster/parse-objects.ts';
import { parsePod } from '../../../src/cluster/parse-pod.ts';
import { PodShapeInterner } from '../../../src/cluster/pod-shape-interner.ts';
import { parseQuantity } from '../../../src/cluster/quantity.ts';

const interner = new PodShapeInterner({ shapesMax: 100 });
const parsers: readonly [string, (raw: unknown) => unknown][] = [
  ['pod', (raw) => parsePod(raw, interner)],
  ['node', parseNode],
  ['daemon set', (raw) => objects.parseDaemonSet(raw, interner)],
  ['budget', objects.parsePodDisruptionBudget],
  ['claim', objects.parsePersistentVolumeClaim],
  ['volume', objects.parsePersistentVolume],
  ['class', objects.parseStorageClass],
  ['CSI node', objects.parseCsiNode],
  ['namespace', objects.parseNamespace],
];

const fieldNames = [
  ['metadata', 'spec', 'status', 'labels', 'annotations', 'ownerReferences', 'name', 'template', 'containers'],
  ['initContainers', 'resources', 'requests', 'cpu', 'tolerations', 'affinity', 'nodeAffinity', 'nodeSelectorTerms'],
  ['matchExpressions', 'values', 'operator', 'key', 'topologySpreadConstraints', 'volumes', 'taints', 'allocatable'],
  ['conditions', 'drivers', 'count', 'selector', 'creationTimestamp', 'deletionTimestamp', '__proto__', 'toString'],
].flat();
const leaf = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 1e300, '', 'Always', 'DoNotSchedule', '100m', '1e99', 'In', [], {}),
  fc.string({ maxLength: 12 }),
);
const json = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    leaf,
    fc.array(tie('tree'), { maxLength: 3 }),
    fc
      .array(fc.tuple(fc.constantFrom(...fieldNames), tie('tree')), { maxLength: 8 })
      .map((entries): unknown => JSON.parse(JSON.stringify(Object.fromEntries(entries)))),
  ),
})).tree;

describe('parsers', () => {
  test.each(parsers)('%s', (_, parse) => {
    fc.assert(
      fc.property(json, json, json, (metadata, spec, status) => {
        expect(outcome(() => parse({ metadata, spec, status }))).not.toBe('other error');
      }),
      { numRuns: 300 },
    );
  });

  test('depth is not followed where nothing is read', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`) as unknown;
    const raw = { metadata: { name: 'p' }, spec: { containers: [], securityContext: deep } };
    expect(parsePod(raw, interner).name).toBe('p');
  });
});

test('a quantity is a number or nothing, and quickly so', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...'0 1 2 5 9 . e E + - m k K M G T P i u n'.split(' ')), maxLength: 80 }),
      (text) => {
        const value = parseQuantity(text);
        if (value !== undefined) expect(Math.abs(value)).toBeLessThanOrEqual(2 ** 64);
      },
    ),
    { numRuns: 2000 },
  );
});

function outcome(run: () => unknown): 'parsed' | 'refused' | 'other error' {
  try {
    run();
    return 'parsed';
  } catch (error) {
    return error instanceof ParseError ? 'refused' : 'other error';
  }
}
