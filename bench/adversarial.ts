// Specs made to be hard: what a tenant may write must cost a bounded number of steps, never a stall, and what was not
// looked at must be said. Each case is placed pod by pod on a cluster of 10,000 pods of all kinds; seconds are of this machine,
// steps are the same everywhere.
import { parseArgs } from 'node:util';
import { buildSnapshot } from '../src/cluster/build-snapshot.ts';
import type { PodObject } from '../src/cluster/cluster-objects.ts';
import { parsePod } from '../src/cluster/parse-pod.ts';
import { PodShapeInterner } from '../src/cluster/pod-shape-interner.ts';
import { ForkedSnapshot } from '../src/scheduling/forked-snapshot.ts';
import { round } from './figures.ts';
import { packedCluster } from './packed-cluster.ts';

const HOST = 'kubernetes.io/hostname';
const ZONE = 'topology.kubernetes.io/zone';

/** Pods of each case, as specs. */
const CASES: Readonly<Record<string, (index: number) => object>> = {
  '100 affinity terms x 100 values': () => affinity('podAffinity', terms(100, 'In', 100)),
  '100 anti-affinity terms x 100 values': () => affinity('podAntiAffinity', terms(100, 'In', 100)),
  '100 anti-affinity terms x 100 other values': () => affinity('podAntiAffinity', terms(100, 'NotIn', 100)),
  '50 spread constraints': () => ({ topologySpreadConstraints: numbers(50).map(spreadConstraint) }),
  '1,000 node selector requirements': () => nodeAffinity(1000),
  '100 selectors of 1,000 values': () => affinity('podAntiAffinity', terms(100, 'NotIn', 1000)),
  'all kinds keep all others away': (index) =>
    affinity('podAntiAffinity', [
      { topologyKey: HOST, labelSelector: { matchExpressions: [{ key: `not-${index}`, operator: 'DoesNotExist' }] } },
    ]),
  'all kinds spread over all others': (index) => ({
    topologySpreadConstraints: [
      {
        topologyKey: ZONE,
        maxSkew: 1,
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchExpressions: [{ key: `not-${index}`, operator: 'DoesNotExist' }] },
      },
    ],
  }),
  'own node policy each': (index) => ({
    nodeSelector: { [`not-${index}`]: 'x' },
    topologySpreadConstraints: [spreadConstraint(0)],
  }),
};

export function adversarial(argv: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      kinds: { type: 'string', default: '10000' },
      pods: { type: 'string', default: '10000' },
      only: { type: 'string', default: '' },
    },
  });
  const interner = new PodShapeInterner();
  const snapshot = buildSnapshot(packedCluster(Number(values.pods), interner), 1);
  const cases: Record<string, unknown> = {};
  for (const [name, specOf] of Object.entries(CASES)) {
    if (!name.includes(values.only)) continue;
    // Where the spec does not change, kinds differ by label only; 10,000 of those would be gigabytes of text to parse.
    const kinds = specOf.length === 0 ? Math.min(100, Number(values.kinds)) : Number(values.kinds);
    const pods = numbers(kinds).map((index) => podOf(index, { spec: specOf(index), interner }));
    const fork = new ForkedSnapshot(snapshot);
    const startedMs = performance.now();
    let placed = 0;
    for (const pod of pods) {
      const node = fork.firstFit(pod);
      if (node === -1) continue;
      fork.place(pod, node);
      placed += 1;
    }
    const seconds = round((performance.now() - startedMs) / 1000, 3);
    cases[name] = { kinds, placed, seconds, steps: fork.stepsSpent, cutShort: fork.cutShort !== undefined };
  }
  return Promise.resolve({ benchmark: 'adversarial', ...cases });
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function podOf(index: number, of: { readonly spec: object; readonly interner: PodShapeInterner }): PodObject {
  const raw = {
    metadata: {
      name: `hard-${index}`,
      namespace: 'bench',
      uid: `hard-${index}`,
      labels: { app: 'hard', number: `${index}` },
    },
    spec: { containers: [{ name: 'main', resources: { requests: { cpu: '1m' } } }], ...of.spec },
    status: { phase: 'Pending' },
  };
  return parsePod(raw, of.interner);
}

function terms(count: number, operator: string, valueCount: number): readonly object[] {
  return numbers(count).map((term) => ({
    topologyKey: HOST,
    labelSelector: {
      matchExpressions: [{ key: 'app', operator, values: numbers(valueCount).map((value) => `v${term}-${value}`) }],
    },
  }));
}

function affinity(kind: 'podAffinity' | 'podAntiAffinity', required: readonly object[]): object {
  return { affinity: { [kind]: { requiredDuringSchedulingIgnoredDuringExecution: required } } };
}

function spreadConstraint(index: number): object {
  return {
    topologyKey: index % 2 === 0 ? ZONE : HOST,
    maxSkew: 1 + index,
    whenUnsatisfiable: 'DoNotSchedule',
    labelSelector: { matchExpressions: [{ key: `absent-${index}`, operator: 'DoesNotExist' }] },
  };
}

function nodeAffinity(requirements: number): object {
  const matchExpressions = numbers(requirements).map((index) => ({ key: `k${index}`, operator: 'DoesNotExist' }));
  return {
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] },
      },
    },
  };
}
