// What budgets.yaml counts: one decision per generated workload, one with mixed node types, one scale-down, one
// consolidation.
import { buildSnapshot } from '../../src/cluster/build-snapshot.ts';
import { verifyPacking } from '../../test/packing/verify-packing.ts';
import { consolidateAll, mixedCluster } from '../consolidation.ts';
import { halfEmptyCluster, scaleAllDown } from '../scale-down.ts';
import type { Offered } from '../inputs/empty-cluster.ts';
import { generatedTypes, generatedWorkloads } from '../inputs/generated-workloads.ts';
import type { Workload } from '../inputs/read-workload.ts';
import { decide, freshSnapshot, loadWorkload } from '../packing/decide.ts';
import { packingOf } from '../packing/packing-of-plan.ts';

export interface CountedInput {
  readonly name: string;
  /** Decides on fresh state; what came out, as numbers of which less is better. */
  readonly decide: () => Readonly<Record<string, number>>;
}

const GENERATION = { seed: 7, scale: 1 };
const HALF_EMPTY = { nodes: 40, pods: 680, seed: 7 };
const ONE_ZONE = ['zone-1'];
const THREE_ZONES = ['zone-a', 'zone-b', 'zone-c'];

export function countedInputs(): readonly CountedInput[] {
  const workloads = generatedWorkloads(GENERATION);
  const mixed = workloads.filter(({ name }) => name.startsWith('contrary') || name.startsWith('services'));
  return [
    ...workloads.map((workload) =>
      packed(family(workload), workload, {
        types: [workload.template],
        zones: workload.name.startsWith('zones') ? THREE_ZONES : ONE_ZONE,
      }),
    ),
    ...mixed.map((workload) =>
      packed(`${family(workload)}-mixed`, workload, { types: generatedTypes(), zones: ONE_ZONE }),
    ),
    scaledDown(),
    consolidated(),
  ];
}

function family({ name }: Workload): string {
  return name.slice(0, name.indexOf('-'));
}

function packed(name: string, workload: Workload, offered: Offered): CountedInput {
  const { objects } = loadWorkload(workload, offered);
  let version = 1;
  return {
    name,
    decide() {
      version += 1;
      const { plan } = decide(freshSnapshot(objects, version));
      const packing = packingOf(plan);
      const wrong = verifyPacking({ workload, ...offered, ...packing });
      return {
        nodes: packing.nodes.length,
        // A ten-thousandth of a price unit an hour, so that 5 % means something on small costs too.
        cost_1e4: Math.round(plan.report.costPerHour * 1e4),
        unplaced: packing.unplaced.length,
        violations: wrong.length,
      };
    },
  };
}

function scaledDown(): CountedInput {
  const objects = halfEmptyCluster(HALF_EMPTY);
  return {
    name: 'scale-down',
    decide() {
      buildSnapshot(objects, 1);
      const { removed, plans, evictions, breaches } = scaleAllDown(objects);
      return { nodes: objects.nodes.length - removed, plans, evictions, breaches };
    },
  };
}

function consolidated(): CountedInput {
  const objects = mixedCluster({ nodes: 12, pods: 300, seed: 7 }, true);
  return {
    name: 'consolidation',
    decide() {
      const { nodes, costPerHour, plans, evictions } = consolidateAll(objects);
      return { nodes, cost_1e4: Math.round(costPerHour * 1e4), plans, evictions };
    },
  };
}
