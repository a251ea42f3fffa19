// The fork against its readable twin, on random clusters and pods, after random changes.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { LabelSelector, NodeObject, PodObject } from '../../../src/cluster/cluster-objects.ts';
import { ForkedSnapshot } from '../../../src/scheduling/forked-snapshot.ts';
import { makeNode } from '../../builders/make-node.ts';
import { makeObjects } from '../../builders/make-objects.ts';
import { GIB, makePod, matchLabels } from '../../builders/make-pod.ts';
import { naiveFits } from './naive-fit.ts';

const ZONE = 'topology.kubernetes.io/zone';
const keys = fc.constantFrom(ZONE, 'kubernetes.io/hostname', 'rack');
const apps = fc.constantFrom('a', 'b', 'c');
const selectors: fc.Arbitrary<LabelSelector | undefined> = fc.oneof(
  { weight: 6, arbitrary: apps.map((app) => matchLabels({ app })) },
  { weight: 1, arbitrary: fc.constant({ requirements: [] }) },
  { weight: 1, arbitrary: fc.constant(undefined) },
);
const policies = fc.constantFrom('Honor' as const, 'Ignore' as const);

const nodeArbitrary = fc.record({
  zone: fc.option(fc.constantFrom('z1', 'z2', 'z3')),
  rack: fc.option(fc.constantFrom('r1', 'r2')),
  taint: fc.boolean(),
  pods: fc.integer({ min: 1, max: 5 }),
  gpu: fc.nat(2),
});

const podArbitrary = fc.record({
  app: apps,
  cpuMillis: fc.constantFrom(0, 300, 900),
  gpu: fc.nat(1),
  port: fc.option(fc.constantFrom(80, 81), { freq: 5 }),
  tolerant: fc.boolean(),
  rack: fc.option(fc.constantFrom('r1', 'r2'), { freq: 5 }),
  deleting: fc.boolean(),
  spread: fc.array(
    fc.record({
      topologyKey: keys,
      selector: selectors,
      maxSkew: fc.integer({ min: 1, max: 2 }),
      minDomains: fc.integer({ min: 1, max: 3 }),
      nodeAffinityPolicy: policies,
      nodeTaintsPolicy: policies,
    }),
    { maxLength: 2 },
  ),
  near: fc.array(fc.record({ topologyKey: keys, selector: selectors }), { maxLength: 2, size: '-1' }),
  far: fc.array(fc.record({ topologyKey: keys, selector: selectors }), { maxLength: 2, size: '-1' }),
});
type PodInput = typeof podArbitrary extends fc.Arbitrary<infer T> ? T : never;
type NodeInput = typeof nodeArbitrary extends fc.Arbitrary<infer T> ? T : never;

function buildNode(input: NodeInput, index: number): NodeObject {
  const { zone, rack, taint, pods, gpu } = input;
  const node = makeNode(`n${index}`).allocatable({
    cpuMillis: 2000,
    memoryBytes: GIB,
    pods,
    extended: { 'x/gpu': gpu },
  });
  const zoned = zone === null ? node.withoutLabel(ZONE) : node.zone(zone);
  if (rack !== null) zoned.labels({ rack });
  return (taint ? zoned.taint('t') : zoned).build();
}

function buildPod(input: PodInput, name: string): PodObject {
  const pod = makePod(name)
    .labels({ app: input.app })
    .requests({ cpuMillis: input.cpuMillis, extended: { 'x/gpu': input.gpu } });
  if (input.port !== null) pod.hostPort(input.port);
  if (input.tolerant) pod.tolerates({ operator: 'Exists' });
  if (input.rack !== null) pod.nodeSelector({ rack: input.rack });
  for (const constraint of input.spread) pod.spread(constraint);
  for (const term of input.near) pod.affinity(term);
  for (const term of input.far) pod.antiAffinity(term);
  return pod.build();
}

test('the fork says what its readable twin says, before and after changes', () => {
  let compared = 0;
  let fitting = 0;
  fc.assert(
    fc.property(
      fc.array(nodeArbitrary, { minLength: 1, maxLength: 6 }),
      fc.array(fc.tuple(podArbitrary, fc.nat(5)), { maxLength: 8 }),
      fc.array(fc.tuple(podArbitrary, fc.nat(5)), { minLength: 1, maxLength: 8 }),
      fc.option(fc.nat(5), { freq: 2 }),
      (nodeInputs, bound, waiting, removed) => {
        const nodes = nodeInputs.map(buildNode);
        const assignment = new Map<string, PodObject[]>(nodes.map((node) => [node.name, []]));
        const pods = bound.map(([input, at], index) => {
          const nodeName = `n${at % nodes.length}`;
          const pod = {
            ...buildPod(input, `b${index}`),
            nodeName,
            phase: 'Running' as const,
            deleting: input.deleting,
          };
          assignment.get(nodeName)?.push(pod);
          return pod;
        });
        const fork = new ForkedSnapshot(buildSnapshot(makeObjects({ nodes, pods }), 1));
        let left = nodes;
        waiting.forEach(([input, at], round) => {
          const pod = buildPod(input, `w${round}`);
          for (const node of left) {
            const wanted = naiveFits(pod, node, { nodes: left, assignment });
            const got = fork.whyNot(pod, fork.snapshot.nodeIndexByName.get(node.name) ?? -1);
            expect({ node: node.name, fits: got === undefined, got }).toEqual({ node: node.name, fits: wanted, got });
            compared += 1;
            if (wanted) fitting += 1;
          }
          const target = left[at % left.length];
          if (target !== undefined) {
            fork.place(pod, fork.snapshot.nodeIndexByName.get(target.name) ?? -1);
            assignment.get(target.name)?.push(pod);
          }
          if (removed !== round || left.length < 2) return;
          fork.removeNode(fork.snapshot.nodeIndexByName.get(left[0]?.name ?? '') ?? -1);
          assignment.delete(left[0]?.name ?? '');
          left = left.slice(1);
        });
      },
    ),
    { numRuns: 400 },
  );
  // A comparison that only ever sees one answer would prove little.
  expect(fitting / compared).toBeGreaterThan(0.05);
  expect(fitting / compared).toBeLessThan(0.95);
});
