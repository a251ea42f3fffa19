import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { ClusterObjects, PodObject, Resources } from '../../../src/cluster/cluster-objects.ts';
import { ForkedSnapshot } from '../../../src/scheduling/forked-snapshot.ts';
import { type TemplateNode, templateNode } from '../../../src/scheduling/template-node.ts';
import { makeClaim } from '../../builders/make-claim.ts';
import { makeNode } from '../../builders/make-node.ts';
import { makeFlavor, makeObjects } from '../../builders/make-objects.ts';
import { GIB, makePod, matchLabels } from '../../builders/make-pod.ts';
import { makePool } from '../../builders/make-pool.ts';

const ZONE = 'topology.kubernetes.io/zone';

function forkOf(fields: Partial<ClusterObjects>): ForkedSnapshot {
  return new ForkedSnapshot(buildSnapshot(makeObjects(fields), 1));
}

function template(objects: ClusterObjects, zone = 'zone-a'): TemplateNode {
  return templateNode({ pool: makePool('web').build(), flavor: makeFlavor(), zone, objects });
}

describe('firstFit', () => {
  const nodes = [makeNode('a').build(), makeNode('b').build(), makeNode('c').build()];
  const big = makePod('big').requests({ cpuMillis: 3000 });

  test('takes the lowest node with room and moves on as nodes fill', () => {
    const fork = forkOf({ nodes });
    const found: number[] = [];
    for (const pod of big.buildMany(4)) {
      const node = fork.firstFit(pod);
      found.push(node);
      if (node !== -1) fork.place(pod, node);
    }
    expect(found).toEqual([0, 1, 2, -1]);
  });

  test('keeps to [from, until) and is not misled by what it learned there', () => {
    const fork = forkOf({ nodes });
    fork.place(big.build(), 0);
    expect(fork.firstFit(big.build(), { from: 2 })).toBe(2);
    expect(fork.firstFit(big.build(), { until: 1 })).toBe(-1);
    expect(fork.firstFit(big.build())).toBe(1);
    expect(fork.firstFit(big.build(), { from: 1, until: 2 })).toBe(1);
  });

  test('finds room again that a rollback gave back', () => {
    const fork = forkOf({ nodes });
    const mark = fork.mark();
    fork.place(big.build(), 0);
    expect(fork.firstFit(big.build())).toBe(1);
    fork.rollback(mark);
    expect(fork.firstFit(big.build())).toBe(0);
  });

  test('passes over draining nodes and those taken away', () => {
    const fork = forkOf({ nodes, claims: [makeClaim('a').removal().build()] });
    expect(fork.isOpen(0)).toBe(false);
    expect(fork.firstFit(big.build())).toBe(1);
    fork.removeNode(1);
    expect(fork.firstFit(big.build())).toBe(2);
    expect(fork.whyNot(big.build(), 1)).toEqual({ plugin: 'Sluice', reasons: ['node(s) were being removed'] });
  });

  test('a pod that names its nodes gets one of them, also a new one', () => {
    const fork = forkOf({ nodes });
    const pinned = (name: string): PodObject =>
      makePod('p')
        .nodeAffinity({ expressions: [], fields: [{ key: 'metadata.name', operator: 'In', values: [name] }] })
        .build();
    expect(fork.firstFit(pinned('c'))).toBe(2);
    expect(fork.firstFit(pinned('new'))).toBe(-1);
    const index = fork.addTemplateNode(template(fork.snapshot.objects), 'new');
    expect(fork.firstFit(pinned('new'))).toBe(index);
  });

  test('pods that leave with their node open others to those they kept away', () => {
    const guard = makePod('guard').antiAffinity({ topologyKey: ZONE, selector: matchLabels({ app: 'web' }) });
    const fork = forkOf({ nodes, pods: [guard.on('c').build()] });
    const pod = makePod('p').labels({ app: 'web' }).build();
    expect(fork.firstFit(pod)).toBe(-1);
    const mark = fork.mark();
    expect(fork.removeNode(2).map((one) => one.name)).toEqual(['guard']);
    expect(fork.firstFit(pod)).toBe(0);
    fork.rollback(mark);
    expect(fork.firstFit(pod)).toBe(-1);
  });

  test('a spread constraint opens nodes again as others fill', () => {
    const zones = ['zone-a', 'zone-b', 'zone-c'];
    const fork = forkOf({
      nodes: nodes.map((node, index) => ({ ...node, labels: new Map([...node.labels, [ZONE, zones[index] ?? '']]) })),
    });
    const pod = makePod('p')
      .labels({ app: 'web' })
      .spread({ selector: matchLabels({ app: 'web' }) })
      .build();
    const found = Array.from({ length: 6 }, () => {
      const node = fork.firstFit(pod);
      fork.place(pod, node);
      return node;
    });
    expect(found).toEqual([0, 1, 2, 0, 1, 2]);
  });
});

describe('template nodes', () => {
  test('bring their labels, taints and daemon pods, and go again', () => {
    const daemonSets = [{ uid: 'd', namespace: 'kube-system', name: 'agent', shape: makePod('agent').build().shape }];
    const fork = forkOf({ daemonSets });
    const mark = fork.mark();
    const index = fork.addTemplateNode(template(fork.snapshot.objects), 'web-1');
    expect(fork.nodeName(index)).toBe('web-1');
    expect(fork.requestedOn(index)).toMatchObject({ cpuMillis: 100, pods: 1 });
    expect(fork.podsOn(index)[0]?.controller?.kind).toBe('DaemonSet');
    const pod = makePod('p').nodeSelector({ 'kubernetes.io/hostname': 'web-1', nodepool: 'web', [ZONE]: 'zone-a' });
    expect(fork.firstFit(pod.build())).toBe(index);
    fork.rollback(mark);
    expect(fork.nodeCount).toBe(0);
  });

  test('more of them than there was room for at first', () => {
    const fork = forkOf({});
    const one = template(fork.snapshot.objects);
    const pods = makePod('p').requests({ cpuMillis: 3000 }).buildMany(200);
    pods.forEach((pod, number) => {
      fork.place(pod, fork.addTemplateNode(one, `web-${number}`));
    });
    expect(fork.nodeCount).toBe(200);
    expect(fork.requestedOn(199).cpuMillis).toBe(3000);
    expect(fork.firstFit(makePod('q').requests({ cpuMillis: 3000 }).build())).toBe(-1);
    expect(fork.allocatableOn(0).cpuMillis).toBe(3830);
  });
});

describe('daemon pods of upcoming nodes', () => {
  const shape = makePod('agent').requests({ cpuMillis: 200 }).build().shape;
  const daemonSets = [{ uid: 'd', namespace: 'kube-system', name: 'agent', shape }];
  const claims = [makeClaim('web-1').pending('Registered').build()];
  const controller = { kind: 'DaemonSet', name: 'agent', uid: 'd' };
  const pinned = makePod('agent-1')
    .with({ controller })
    .nodeAffinity({ expressions: [], fields: [{ key: 'metadata.name', operator: 'In', values: ['web-1'] }] });

  test.each([
    { name: 'only a claim', fields: {}, want: 200 },
    { name: 'its daemon pod is pending', fields: { pods: [pinned.build()] }, want: 0 },
    {
      name: 'its daemon pod is bound',
      fields: { pods: [pinned.requests({ cpuMillis: 7 }).on('web-1').build()] },
      want: 7,
    },
  ])('$name', ({ fields, want }) => {
    expect(forkOf({ daemonSets, claims, ...fields }).requestedOn(0).cpuMillis).toBe(want);
  });

  test('a Ready node waits for none', () => {
    const fields = { daemonSets, claims: [makeClaim('web-1').build()], nodes: [makeNode('web-1').build()] };
    expect(forkOf(fields).requestedOn(0).cpuMillis).toBe(0);
  });
});

test('marks and nodes of another fork are refused', () => {
  const fork = forkOf({ nodes: [makeNode('a').build()] });
  expect(() => fork.rollback(1)).toThrow('mark 1 is not of this fork');
  expect(() => fork.place(makePod('p').build(), 1)).toThrow('node index must be below 1');
  fork.removeNode(0);
  expect(() => fork.removeNode(0)).toThrow('was removed before');
});

// ---- properties

const kinds = [
  makePod('plain').requests({ cpuMillis: 700, memoryBytes: GIB }),
  makePod('gpu').requests({ cpuMillis: 100, extended: { 'x/gpu': 1 } }),
  makePod('port').hostPort(80),
  makePod('spread')
    .labels({ app: 's' })
    .spread({ selector: matchLabels({ app: 's' }) }),
  makePod('near')
    .labels({ app: 'n' })
    .affinity({ topologyKey: ZONE, selector: matchLabels({ app: 's' }) }),
  makePod('far')
    .labels({ app: 'f' })
    .antiAffinity({ topologyKey: 'kubernetes.io/hostname', selector: matchLabels({ app: 'f' }) }),
  makePod('fzone')
    .labels({ app: 'n' })
    .antiAffinity({ topologyKey: ZONE, selector: matchLabels({ app: 'f' }) }),
];
const propertyNodes = Array.from({ length: 6 }, (_, index) =>
  makeNode(`n${index}`)
    .zone(`zone-${index % 3}`)
    .allocatable({ cpuMillis: 2000, memoryBytes: 4 * GIB, pods: 5, extended: { 'x/gpu': 1 } })
    .build(),
);

type Op = { readonly op: 'fit' | 'force' | 'remove' | 'add'; readonly kind: number; readonly node: number };
const opArbitrary: fc.Arbitrary<Op> = fc.record({
  op: fc.constantFrom('fit' as const, 'fit' as const, 'force' as const, 'remove' as const, 'add' as const),
  kind: fc.nat(kinds.length - 1),
  node: fc.nat(20),
});

function podOf(kind: number, number: number): PodObject {
  const pod = kinds[kind % kinds.length]?.build() ?? makePod('x').build();
  return { ...pod, name: `${pod.name}-${number}`, uid: `${pod.uid}-${number}` };
}

/** Does what the ops say; the fork decides where pods fit. */
function run(fork: ForkedSnapshot, ops: readonly Op[]): void {
  ops.forEach(({ op, kind, node }, number) => {
    const index = node % fork.nodeCount;
    const pod = podOf(kind, number);
    if (op === 'add') fork.addTemplateNode(template(fork.snapshot.objects, `zone-${node % 4}`), `new-${number}`);
    if (op === 'remove' && fork.isOpen(index)) fork.removeNode(index);
    if (op === 'force' && fork.isOpen(index)) fork.place(pod, index);
    const fit = op === 'fit' ? fork.firstFit(pod) : -1;
    if (fit !== -1) fork.place(pod, fit);
  });
}

/** All that a fork answers. */
function answers(fork: ForkedSnapshot): unknown {
  const indexes = Array.from({ length: fork.nodeCount }, (_, index) => index);
  return {
    nodes: indexes.map((index) => ({
      name: fork.nodeName(index),
      open: fork.isOpen(index),
      requested: fork.requestedOn(index),
      allocatable: fork.allocatableOn(index),
      pods: fork.podsOn(index).map((pod) => pod.name),
      refusals: kinds.map((_, kind) => fork.whyNot(podOf(kind, 0), index) ?? 'fits'),
    })),
    firstFits: kinds.map((_, kind) => fork.firstFit(podOf(kind, 0))),
  };
}

describe('properties', () => {
  const objects = makeObjects({
    nodes: propertyNodes,
    pods: [podOf(3, 100), podOf(5, 101), podOf(6, 102), podOf(0, 103)].map((pod, index) => ({
      ...pod,
      nodeName: `n${index}`,
      phase: 'Running' as const,
      deleting: index === 0,
    })),
  });
  const ops = fc.array(opArbitrary, { maxLength: 30 });

  test('what is rolled back never was', () => {
    fc.assert(
      fc.property(ops, ops, (before, after) => {
        const fork = new ForkedSnapshot(buildSnapshot(objects, 1));
        run(fork, before);
        const wanted = answers(fork);
        const mark = fork.mark();
        run(fork, after);
        fork.rollback(mark);
        expect(answers(fork)).toEqual(wanted);
      }),
      { numRuns: 150 },
    );
  });

  test('counters and memory answer as a fork that begins with the result', () => {
    fc.assert(
      fc.property(ops, ops, (before, after) => {
        const used = new ForkedSnapshot(buildSnapshot(objects, 1));
        run(used, before);
        const mark = used.mark();
        run(used, after);
        used.rollback(mark);
        const fresh = new ForkedSnapshot(buildSnapshot(objects, 1));
        repeat(used, { on: fresh, ops: before });
        expect(answers(fresh)).toEqual(answers(used));
      }),
      { numRuns: 100 },
    );
  });

  test('no axis is ever over capacity, whatever is placed by firstFit', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(kinds.length - 1), { maxLength: 60 }), (sequence) => {
        const fork = new ForkedSnapshot(buildSnapshot(objects, 1));
        run(
          fork,
          sequence.map((kind) => ({ op: 'fit', kind, node: 0 })),
        );
        for (let index = 0; index < fork.nodeCount; index += 1) {
          expect(overflow(fork.requestedOn(index), fork.allocatableOn(index))).toEqual([]);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('a found node fits, and every open node below it does not', () => {
    fc.assert(
      fc.property(ops, fc.nat(kinds.length - 1), (before, kind) => {
        const fork = new ForkedSnapshot(buildSnapshot(objects, 1));
        run(fork, before);
        const pod = podOf(kind, 999);
        const fitting = Array.from({ length: fork.nodeCount }, (_, index) => index).filter(
          (index) => fork.whyNot(pod, index) === undefined,
        );
        expect(fork.firstFit(pod)).toBe(fitting[0] ?? -1);
      }),
      { numRuns: 150 },
    );
  });
});

/** Redoes on a fresh fork what `ops` left on another, placing pods where they are there, without asking for fit. */
function repeat(used: ForkedSnapshot, to: { readonly on: ForkedSnapshot; readonly ops: readonly Op[] }): void {
  to.ops.forEach(({ op, node }, number) => {
    if (op === 'add') to.on.addTemplateNode(template(used.snapshot.objects, `zone-${node % 4}`), `new-${number}`);
  });
  for (let index = 0; index < used.nodeCount; index += 1) {
    if (!used.isOpen(index)) to.on.removeNode(index);
    const there = new Set(to.on.podsOn(index).map((pod) => pod.uid));
    for (const pod of used.podsOn(index)) if (!there.has(pod.uid)) to.on.place(pod, index);
  }
}

function overflow(requested: Resources, allocatable: Resources): readonly string[] {
  const over: string[] = [];
  for (const axis of ['cpuMillis', 'memoryBytes', 'ephemeralBytes', 'pods'] as const) {
    if (requested[axis] > allocatable[axis]) over.push(axis);
  }
  for (const [name, amount] of requested.extended) if (amount > (allocatable.extended.get(name) ?? 0)) over.push(name);
  return over;
}
