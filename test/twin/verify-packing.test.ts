// The verifier of packings against trying every order with the twin, and against packings broken by hand.
import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { randomWorld } from './random-world.ts';
import { whyNot } from './run-filters.ts';
import type { V1Node, V1Objects, V1Pod } from './v1.ts';
import { type Placement, verifyPacking } from './verify-packing.ts';
import { worldOf } from './world.ts';

const SEED = Number(process.env['SLUICE_PROPERTY_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const RUNS = Number(process.env['SLUICE_PROPERTY_RUNS'] ?? 100);
/** A run tries up to 24 orders. */
const TIMEOUT_MS = 60_000 + RUNS * 100;

function on(pod: V1Pod, node: string): V1Pod {
  return { ...pod, spec: { ...pod.spec, nodeName: node } };
}

function placementOf(pod: V1Pod, node: string): Placement {
  const { namespace, name } = pod.metadata;
  return { namespace: namespace ?? '', name, pod, node };
}

/** Some order in which each pod fits its node when it comes. */
function someOrderWorks(objects: V1Objects, left: readonly Placement[]): boolean {
  if (left.length === 0) return true;
  const world = worldOf(objects);
  return left.some((next) => {
    const node = world.nodes.find((one) => one.metadata.name === next.node);
    if (node === undefined || whyNot(next.pod, node, world) !== undefined) return false;
    const pods = [...world.pods, on(next.pod, next.node)];
    return someOrderWorks(
      { ...objects, pods },
      left.filter((one) => one !== next),
    );
  });
}

describe(`a packing (seed ${SEED})`, () => {
  test('is found feasible exactly when some order of its pods works', { timeout: TIMEOUT_MS }, () => {
    let feasible = 0;
    let compared = 0;
    fc.assert(
      fc.property(fc.nat(2 ** 30), fc.array(fc.nat(7), { minLength: 4, maxLength: 4 }), (worldSeed, choices) => {
        const { objects, waiting } = randomWorld(worldSeed);
        // Twins of the first pod make groups that spread and affinity speak of.
        const [first] = waiting;
        const again = first === undefined ? [] : [{ ...first, metadata: { ...first.metadata, name: 'again' } }];
        const pods = [...waiting.slice(0, 3), ...again].map((pod) => on(pod, ''));
        const placements = pods.map((pod, index) => {
          const fitting = objects.nodes.filter((node) => whyNot(pod, node, worldOf(objects)) === undefined);
          const nodes = fitting.length > 0 && (choices[index] ?? 0) < 6 ? fitting : objects.nodes;
          return placementOf(pod, nodes[(choices[index] ?? 0) % nodes.length]?.metadata.name ?? '');
        });
        const works = someOrderWorks(objects, placements);
        const violations = verifyPacking(objects, placements);
        // Some pods may come too early for others; see verify-packing.ts.
        if (works && violations.length > 0) {
          const orderDecides = new Set(['PodTopologySpread', 'InterPodAffinity']);
          expect(violations.filter(({ plugin }) => !orderDecides.has(plugin))).toEqual([]);
        } else {
          expect({ works: violations.length === 0, violations }).toEqual({ works, violations });
        }
        compared += 1;
        if (works) feasible += 1;
      }),
      { numRuns: RUNS, seed: SEED },
    );
    expect(feasible / compared).toBeGreaterThan(0.02);
    expect(feasible / compared).toBeLessThan(0.98);
  });
});

const ZONE = 'topology.kubernetes.io/zone';

function node(name: string, zone: string): V1Node {
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, [ZONE]: zone } },
    status: { allocatable: { cpu: '2', memory: '4Gi', pods: '10' } },
  };
}

const NODES = [node('a', 'z1'), node('b', 'z1'), node('c', 'z2')];
const WEB = { labelSelector: { matchLabels: { app: 'web' } } };

function pod(spec: Omit<V1Pod['spec'], 'containers'> = {}, cpu = '500m'): V1Pod {
  const containers = [{ name: 'main', resources: { requests: { cpu } } }];
  return { metadata: { name: 'any', namespace: 'shop', labels: { app: 'web' } }, spec: { containers, ...spec } };
}

/** Pods of one kind named by number, each to the node at its place. */
function spreadOver(kind: V1Pod, ...nodes: readonly string[]): readonly Placement[] {
  return nodes.map((name, index) => ({ namespace: 'shop', name: `web-${index}`, pod: kind, node: name }));
}

const perZone = pod({
  topologySpreadConstraints: [{ topologyKey: ZONE, maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule', ...WEB }],
});
const together = pod({
  affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: ZONE, ...WEB }] } },
});
const apart = pod({
  affinity: {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname', ...WEB }],
    },
  },
});
const port = pod();
const holder: V1Pod = {
  ...port,
  spec: { containers: [{ name: 'main', ports: [{ hostPort: 80 }] }] },
};

interface Row {
  readonly name: string;
  readonly placements: readonly Placement[];
  /** Plugin per pod that has no place. */
  readonly want: readonly string[];
}

const rows: readonly Row[] = [
  { name: 'four halves of two cores', placements: spreadOver(pod(), 'a', 'a', 'a', 'a'), want: [] },
  { name: 'a fifth', placements: spreadOver(pod(), 'a', 'a', 'a', 'a', 'a'), want: ['NodeResourcesFit'] },
  {
    name: 'a pod placed twice',
    placements: [...spreadOver(pod(), 'a'), ...spreadOver(pod(), 'b')],
    want: ['Packing'],
  },
  { name: 'a node that is not there', placements: spreadOver(pod(), 'z'), want: ['Packing'] },
  { name: 'zones filled one after the other', placements: spreadOver(perZone, 'a', 'b', 'a', 'c', 'c', 'c'), want: [] },
  {
    name: 'a zone with three more',
    placements: spreadOver(perZone, 'a', 'b', 'a', 'b', 'c'),
    want: ['PodTopologySpread', 'PodTopologySpread'],
  },
  { name: 'a group in one zone', placements: spreadOver(together, 'a', 'b', 'a'), want: [] },
  { name: 'a group in two zones', placements: spreadOver(together, 'a', 'b', 'c'), want: ['InterPodAffinity'] },
  { name: 'one a node', placements: spreadOver(apart, 'a', 'b', 'c'), want: [] },
  { name: 'two on a node', placements: spreadOver(apart, 'a', 'b', 'a'), want: ['InterPodAffinity'] },
  { name: 'a port on two nodes', placements: spreadOver(holder, 'a', 'b'), want: [] },
  { name: 'a port twice on a node', placements: spreadOver(holder, 'a', 'a'), want: ['NodePorts'] },
];

describe('verifyPacking', () => {
  it.each(rows)('judges $name', ({ placements, want }) => {
    expect(verifyPacking({ nodes: NODES }, placements).map(({ plugin }) => plugin)).toEqual(want);
  });
});
