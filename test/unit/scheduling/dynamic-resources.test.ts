// Devices on a fork: placing takes them, going back gives them back, a pod's claims are had together or not at all, and
// nodes that do not exist yet have the like of those of their pool. That the filter agrees with kube-scheduler is shown by
// test/oracle.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { ClusterObjects, PodObject } from '../../../src/cluster/cluster-objects.ts';
import { parseDeviceClass, parseResourceClaim, parseResourceSlice } from '../../../src/cluster/parse-devices.ts';
import { parsePod } from '../../../src/cluster/parse-pod.ts';
import { PodShapeInterner } from '../../../src/cluster/pod-shape-interner.ts';
import { ForkedSnapshot } from '../../../src/scheduling/forked-snapshot.ts';
import { templateNode } from '../../../src/scheduling/template-node.ts';
import { makeClaim } from '../../builders/make-claim.ts';
import { makeNode } from '../../builders/make-node.ts';
import { makeFlavor, makeObjects } from '../../builders/make-objects.ts';
import { makePool } from '../../builders/make-pool.ts';

const DRIVER = 'gpu.example.com';
const interner = new PodShapeInterner();

/** A slice of as many equal devices, of the node or of all nodes. */
function slice(
  pool: string,
  devices: number,
  fields: object = { nodeName: pool },
): ReturnType<typeof parseResourceSlice> {
  return parseResourceSlice({
    metadata: { name: `slice-${pool}` },
    spec: {
      driver: DRIVER,
      pool: { name: pool, generation: 1, resourceSliceCount: 1 },
      devices: Array.from({ length: devices }, (_, index) => ({
        name: `d${index}`,
        attributes: { index: { int: index } },
      })),
      ...fields,
    },
  });
}

function claim(name: string, count = 1, fields: object = {}): ReturnType<typeof parseResourceClaim> {
  return parseResourceClaim({
    metadata: { name, namespace: 'default', uid: `claim-${name}` },
    spec: {
      devices: {
        requests: [{ name: 'r', exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count } }],
        ...fields,
      },
    },
  });
}

function pod(name: string, claims: readonly string[], nodeName = ''): PodObject {
  const resourceClaims = claims.map((resourceClaimName) => ({ name: resourceClaimName, resourceClaimName }));
  return parsePod(
    {
      metadata: { name, namespace: 'default', uid: `pod-${name}` },
      spec: { nodeName, containers: [], resourceClaims },
    },
    interner,
  );
}

const classes = [parseDeviceClass({ metadata: { name: 'gpu' }, spec: { extendedResourceName: 'example.com/gpu' } })];

function forkOf(fields: Partial<ClusterObjects>): ForkedSnapshot {
  const objects = { resourceClaims: [], resourceSlices: [], deviceClasses: classes, ...fields };
  return new ForkedSnapshot(buildSnapshot(makeObjects(objects), 1));
}

const nodes = [makeNode('a').build(), makeNode('b').build()];

describe('devices on a fork', () => {
  test('are taken by placing and given back by going back', () => {
    const fork = forkOf({
      nodes,
      resourceSlices: [slice('a', 2), slice('b', 1)],
      resourceClaims: [claim('x'), claim('y', 2)],
    });
    const [small, big] = [pod('small', ['x']), pod('big', ['y'])];
    const mark = fork.mark();
    expect(fork.firstFit(small)).toBe(0);
    fork.place(small, 0);
    expect(fork.devicesOf(small)).toEqual([`${DRIVER}/a/d0`]);
    expect(fork.whyNot(big, 0)).toEqual({ plugin: 'DynamicResources', reasons: ['cannot allocate all claims'] });
    fork.rollback(mark);
    expect(fork.devicesOf(small)).toEqual([]);
    expect(fork.firstFit(big)).toBe(0);
  });

  test('of a claim that pods share: the second goes where the first is', () => {
    const fork = forkOf({ nodes, resourceSlices: [slice('a', 1), slice('b', 1)], resourceClaims: [claim('x')] });
    fork.place(pod('one', ['x']), 1);
    expect(fork.firstFit(pod('two', ['x']))).toBe(1);
    expect(fork.whyNot(pod('two', ['x']), 0)?.reasons).toEqual(['resourceclaim not available on the node']);
  });

  test('of the network are had from every node, once', () => {
    const fork = forkOf({
      nodes,
      resourceSlices: [slice('net', 1, { allNodes: true })],
      resourceClaims: [claim('x'), claim('y')],
    });
    fork.place(pod('one', ['x']), 0);
    expect(fork.firstFit(pod('two', ['y']))).toBe(-1);
    expect(fork.firstFit(pod('three', ['x']), { from: 1 })).toBe(1);
  });

  test('are free again when the node of the only pod that used the claim goes', () => {
    const held = parseResourceClaim({
      metadata: { name: 'x', namespace: 'default' },
      spec: {
        devices: {
          requests: [{ name: 'r', exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1 } }],
        },
      },
      status: {
        allocation: {
          devices: { results: [{ request: 'r', driver: DRIVER, pool: 'a', device: 'd0' }] },
          nodeSelector: {
            nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a'] }] }],
          },
        },
      },
    });
    const running = { ...pod('one', ['x'], 'a'), phase: 'Running' as const };
    const fork = forkOf({
      nodes,
      pods: [running],
      resourceSlices: [slice('a', 1), slice('b', 1)],
      resourceClaims: [held],
    });
    expect(fork.whyNot(running, 1)?.reasons).toEqual(['resourceclaim not available on the node']);
    const mark = fork.mark();
    const [moved] = fork.removeNode(0);
    expect(moved && fork.whyNot(moved, 1)).toBeUndefined();
    fork.rollback(mark);
    expect(fork.devicesOf(running)).toEqual([`${DRIVER}/a/d0`]);
    expect(fork.whyNot(running, 1)?.reasons).toEqual(['resourceclaim not available on the node']);
  });

  test('that nobody watches are not guessed', () => {
    const { resourceClaims: _none, ...objects } = makeObjects({ nodes });
    const fork = new ForkedSnapshot(buildSnapshot(objects, 1));
    expect(fork.whyNot(pod('one', ['x']), 0)?.reasons).toEqual([
      'resource claims cannot be judged, because ResourceClaims are not watched here',
    ]);
  });

  test('are served to extended resources where the node has none of its own', () => {
    const wants = parsePod(
      {
        metadata: { name: 'p', namespace: 'default' },
        spec: { containers: [{ name: 'c', resources: { requests: { 'example.com/gpu': '2' } } }] },
      },
      interner,
    );
    const fork = forkOf({ nodes, resourceSlices: [slice('a', 1), slice('b', 3)] });
    expect(fork.firstFit(wants)).toBe(1);
    fork.place(wants, 1);
    expect(fork.devicesOf(wants)).toHaveLength(2);
    expect(fork.firstFit(wants)).toBe(-1);
  });

  test('are not served while a claim of an earlier attempt is there', () => {
    const wants = parsePod(
      {
        metadata: { name: 'p', namespace: 'default', uid: 'u' },
        spec: { containers: [{ name: 'c', resources: { requests: { 'example.com/gpu': '1' } } }] },
      },
      interner,
    );
    const stale = parseResourceClaim({
      metadata: {
        name: 'p-extended',
        namespace: 'default',
        annotations: { 'resource.kubernetes.io/extended-resource-claim': 'true' },
        ownerReferences: [{ kind: 'Pod', name: 'p', uid: 'u', controller: true }],
      },
      spec: { devices: { requests: [] } },
    });
    const fork = forkOf({ nodes, resourceSlices: [slice('a', 1)], resourceClaims: [stale] });
    expect(fork.whyNot(wants, 0)?.reasons).toEqual(['cannot schedule extended resource claim']);
  });

  test('a search without end is given up and says so', () => {
    const fields = { constraints: [{ matchAttribute: `${DRIVER}/index` }] };
    const other = {
      requests: Array.from({ length: 12 }, (_, at) => ({
        name: `r${at}`,
        exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 2 },
      })),
    };
    const fork = forkOf({
      nodes,
      resourceSlices: [slice('a', 24)],
      resourceClaims: [claim('x', 1, other), claim('y', 2, fields)],
    });
    expect(fork.whyNot(pod('p', ['x', 'y']), 0)).toEqual({
      plugin: 'Sluice',
      reasons: ['the search for devices was given up after 50000 steps'],
    });
  });
});

describe('nodes that do not exist yet', () => {
  const pool = makePool('web').build();
  const flavor = makeFlavor();
  const template = (objects: ClusterObjects): ReturnType<typeof templateNode> =>
    templateNode({ pool, flavor, zone: 'zone-a', objects });

  test('have the like of a Ready node of their pool and flavor, each its own', () => {
    const objects = makeObjects({
      nodes: [makeNode('web-1').build()],
      claims: [makeClaim('web-1').build()],
      resourceSlices: [slice('web-1', 1)],
      deviceClasses: classes,
      resourceClaims: [claim('x'), claim('y'), claim('z')],
    });
    const fork = new ForkedSnapshot(buildSnapshot(objects, 1));
    fork.addTemplateNode(template(objects), 'new-1');
    fork.addTemplateNode(template(objects), 'new-2');
    for (const [index, name] of ['x', 'y', 'z'].entries()) {
      const one = pod(name, [name]);
      expect(fork.firstFit(one)).toBe(index);
      fork.place(one, index);
    }
    expect(fork.devicesOf(pod('y', ['y']))).toEqual([`${DRIVER}/web-1@new-1/d0`]);
  });

  test('without such a node nothing is promised, and why is said', () => {
    const objects = makeObjects({ resourceSlices: [], deviceClasses: classes, resourceClaims: [claim('x')] });
    const fork = new ForkedSnapshot(buildSnapshot(objects, 1));
    const index = fork.addTemplateNode(template(objects), 'new-1');
    expect(fork.whyNot(pod('p', ['x']), index)).toEqual({
      plugin: 'Sluice',
      reasons: ['the devices of new nodes are not known, as no Ready node of the pool and flavor shows ResourceSlices'],
    });
  });
});

test('whatever is supposed and taken back, devices are as before, and none belongs to two claims', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('place' as const), pod: fc.nat(5), node: fc.nat(2) }),
    fc.record({ kind: fc.constant('remove' as const), node: fc.nat(2) }),
    fc.record({ kind: fc.constant('back' as const) }),
  );
  const three = ['a', 'b', 'c'].map((name) => makeNode(name).build());
  const pods = Array.from({ length: 6 }, (_, index) =>
    pod(`p${index}`, [`c${index % 4}`, ...(index > 3 ? ['shared'] : [])]),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 24 }), (steps) => {
      const fork = forkOf({
        nodes: three,
        resourceSlices: [slice('a', 2), slice('b', 1), slice('c', 3), slice('net', 1, { allNodes: true })],
        resourceClaims: [claim('c0'), claim('c1', 2), claim('c2'), claim('c3', 3), claim('shared')],
      });
      const seen = (): string =>
        JSON.stringify([
          pods.map((one) => fork.devicesOf(one)),
          pods.map((one) => [0, 1, 2].map((at) => fork.whyNot(one, at))),
        ]);
      const before = seen();
      const marks: { mark: number; seen: string }[] = [{ mark: fork.mark(), seen: before }];
      for (const one of steps) {
        if (one.kind === 'back') {
          const last = marks.length > 1 ? marks.pop() : marks[0];
          if (last !== undefined) fork.rollback(last.mark);
          expect(seen()).toBe(last?.seen);
        } else {
          marks.push({ mark: fork.mark(), seen: seen() });
          const chosen = one.kind === 'place' ? pods[one.pod] : undefined;
          if (chosen !== undefined && fork.whyNot(chosen, one.node) === undefined) fork.place(chosen, one.node);
          else if (one.kind === 'remove' && fork.isOpen(one.node)) fork.removeNode(one.node);
        }
        const owners = ['c0', 'c1', 'c2', 'c3', 'shared'].flatMap((name) => fork.devicesOf(pod('any', [name])));
        expect(new Set(owners).size).toBe(owners.length);
      }
      fork.rollback(marks[0]?.mark ?? 0);
      expect(seen()).toBe(before);
    }),
    { numRuns: 150 },
  );
});
