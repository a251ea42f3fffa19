// Workloads of the same families as the shared bench inputs, from a seed and a scale: for machines without those files, and
// so that no figure stands on one input alone. The same seed and scale give the same workloads.
import { seeded } from '../still-cluster.ts';
import type { NodeType, PodKind, Workload, WorkloadGroup } from './read-workload.ts';
import { TEMPLATE_NAME } from './read-workload.ts';

export interface Generation {
  readonly seed: number;
  /** 1: a few hundred pods per workload; pods grow with it, and shapes where the family has many. */
  readonly scale: number;
}

type Random = () => number;
type Family = (
  random: Random,
  scale: number,
) => { readonly template: NodeType; readonly groups: readonly WorkloadGroup[] };

const BIG = nodeType({ cpuMillis: 32_000, memoryMiB: 65_536, pods: 320, gpus: 0 });
const MIDDLE = nodeType({ cpuMillis: 15_800, memoryMiB: 61_440, pods: 110, gpus: 0 });
const GPU = nodeType({ cpuMillis: 96_000, memoryMiB: 393_216, pods: 110, gpus: 8 });

const FAMILIES: Readonly<Record<string, Family>> = {
  /** Deployments of small services. */
  services: (random, scale) => ({
    template: MIDDLE,
    groups: times(20, (app) =>
      group(Math.ceil(15 * scale), {
        cpuMillis: pick(random, [100, 200, 250, 400, 500, 1000]),
        memoryMiB: pick(random, [128, 256, 360, 512, 1024, 2048]),
        label: `app=a${app}`,
      }),
    ),
  }),
  /** A great many of the same. */
  uniform: (_random, scale) => ({
    template: MIDDLE,
    groups: [
      group(Math.ceil(2000 * scale), { cpuMillis: 50, memoryMiB: 100, label: 'app=tiny' }),
      group(Math.ceil(60 * scale), { cpuMillis: 950, memoryMiB: 1900, label: 'app=small' }),
    ],
  }),
  /** A fifth each of generic, zone spread, host spread, zone affinity, host anti-affinity. */
  constrained: (random, scale) => ({
    template: BIG,
    groups: times(Math.ceil(300 * scale), (index) => constrainedGroup(random, index)),
  }),
  /** CPU and memory pull apart. */
  contrary: (random, scale) => ({
    template: BIG,
    groups: times(100, () =>
      group(Math.ceil(8 * scale * random()), {
        cpuMillis: pick(random, [100, 250, 500, 1000, 1500]),
        memoryMiB: pick(random, [100, 256, 512, 1024, 2048, 4096]),
        label: `my-label=${letter(random, 7)}`,
      }),
    ),
  }),
  /** Hardly two alike. */
  shapes: (random, scale) => ({
    template: MIDDLE,
    groups: times(Math.ceil(400 * scale), () =>
      group(1, {
        cpuMillis: 50 + Math.floor(random() * 2000),
        memoryMiB: 64 + Math.floor(random() * 16_000),
        label: 'app=x',
      }),
    ),
  }),
  /** Replicas that keep away from each other. */
  apart: (random, scale) => ({
    template: MIDDLE,
    groups: times(6, (app) => {
      const pair = `app=h${app}`;
      return group(Math.ceil(20 * scale * (0.5 + random())), {
        kind: 'anti-host',
        cpuMillis: 250,
        memoryMiB: 512,
        label: pair,
        selector: pair,
      });
    }),
  }),
  /** Lognormal requests, Zipf replicas. */
  skewed: (random, scale) => ({
    template: MIDDLE,
    groups: times(60, (rank) =>
      group(Math.max(1, Math.round((600 * scale) / (rank + 1))), {
        cpuMillis: 10 * Math.max(1, Math.round(30 * Math.exp(normal(random)))),
        memoryMiB: 16 * Math.max(1, Math.round(40 * Math.exp(1.2 * normal(random)))),
        label: `app=s${rank}`,
      }),
    ),
  }),
  /** Every Deployment even over zones. */
  zones: (random, scale) => ({
    template: MIDDLE,
    groups: times(10, (app) => {
      const pair = `app=z${app}`;
      const cpuMillis = pick(random, [250, 500, 1000]);
      return group(Math.ceil(20 * scale), {
        kind: 'spread-zone',
        cpuMillis,
        memoryMiB: 512,
        label: pair,
        selector: pair,
      });
    }),
  }),
  /** Jobs with and without GPUs; one that fits nowhere. */
  gpus: (random, scale) => ({
    template: GPU,
    groups: [
      ...times(24, () =>
        group(Math.ceil(10 * scale * random()), {
          gpus: pick(random, [0, 1, 1, 1, 2, 4, 8]),
          cpuMillis: 1000 * (1 + Math.floor(random() * 16)),
          memoryMiB: 2048 * (1 + Math.floor(random() * 24)),
          label: 'app=o',
        }),
      ),
      group(1, { gpus: 8, cpuMillis: 120_000, memoryMiB: 737_280, label: 'app=o' }),
    ],
  }),
};

/** One workload per family, named `<family>-<pods>`. */
export function generatedWorkloads({ seed, scale }: Generation): readonly Workload[] {
  return Object.entries(FAMILIES).map(([name, family], index) => {
    const { template, groups: all } = family(seeded(seed * 1000 + index), scale);
    const groups = all.filter(({ count }) => count > 0);
    const pods = groups.reduce((sum, { count }) => sum + count, 0);
    return { name: `${name}-${pods}`, groups, pods, template };
  });
}

/** Node types for the mixed mode: three ratios of memory to CPU, prices linear in size as at most providers. */
export function generatedTypes(): readonly NodeType[] {
  const ratios = [
    { name: 'cpu', gib: 2, pricePerCore: 0.0228 },
    { name: 'even', gib: 4, pricePerCore: 0.0256 },
    { name: 'memory', gib: 8, pricePerCore: 0.0331 },
  ];
  return ratios.flatMap(({ name, gib, pricePerCore }) =>
    [2, 4, 8, 16, 32].map((vcpus): NodeType => {
      const cpuMillis = vcpus * 1000 - 150 - 5 * vcpus;
      const memoryMiB = vcpus * gib * 1000 - 1590;
      return { name: `${name}-${vcpus}`, cpuMillis, memoryMiB, pods: 110, gpus: 0, pricePerHour: vcpus * pricePerCore };
    }),
  );
}

function constrainedGroup(random: Random, index: number): WorkloadGroup {
  const kinds: readonly PodKind[] = ['generic', 'spread-zone', 'spread-host', 'aff-zone', 'anti-host'];
  const kind = kinds[index % kinds.length] ?? 'generic';
  const size = { cpuMillis: pick(random, [100, 250, 500, 1000]), memoryMiB: pick(random, [100, 256, 512, 1024]) };
  const count = 1 + Math.floor(random() * 3);
  if (kind === 'anti-host') return group(count, { ...size, kind, label: 'app=nginx', selector: 'app=nginx' });
  const key = kind === 'aff-zone' ? 'my-affinity' : 'my-label';
  const label = `${key}=${letter(random, 7)}`;
  if (kind === 'generic') return group(count, { ...size, label });
  // Spread may count others than the pod itself; affinity to others only would often have nobody to go to.
  const selector = kind === 'aff-zone' ? label : `${key}=${letter(random, 7)}`;
  return group(count, { ...size, kind, label, selector });
}

function group(count: number, change: Partial<WorkloadGroup>): WorkloadGroup {
  return { count, cpuMillis: 100, memoryMiB: 128, gpus: 0, kind: 'generic', label: '', selector: '', ...change };
}

function nodeType(size: Omit<NodeType, 'name' | 'pricePerHour'>): NodeType {
  return { name: TEMPLATE_NAME, pricePerHour: 1, ...size };
}

function times<T>(count: number, make: (index: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function pick(random: Random, choices: readonly number[]): number {
  return choices[Math.floor(random() * choices.length)] ?? 0;
}

function letter(random: Random, letters: number): string {
  return String.fromCodePoint(97 + Math.floor(random() * letters));
}

/** Box and Muller. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
