// The operator's wishes about the flavors of new nodes: how many kinds one decision may mix, and how small a node may be.
// Wishes, not limits: a pod that has no other place still gets one, so neither can leave a pod waiting.
import type { Flavor } from '../cluster/cluster-objects.ts';
import { parseQuantity } from '../cluster/quantity.ts';
import { NO_LIMIT, type PackingProblem } from './bounds/packing-problem.ts';
import type { PatternOptions } from './patterns/choose-patterns.ts';
import type { PlanDraft } from './plan-draft.ts';
import type { Offer } from './pool-offers.ts';

const BYTES_PER_MIB = 2 ** 20;

export interface FlavorWishes {
  /** NO_LIMIT: any number. */
  readonly flavorsMax: number;
  /** Is it smaller than a node should be? By what the flavor has, reserved parts included. */
  readonly isSmall: (flavor: Flavor) => boolean;
}

/** What `spec.autoscaler` of the cluster says. */
export function flavorWishes({ objects }: PlanDraft): FlavorWishes {
  const { flavorsMax = NO_LIMIT, leastNode } = objects.cluster.spec.autoscaler ?? {};
  const cores = amount(leastNode?.cpu);
  const memoryBytes = amount(leastNode?.memory);
  return {
    flavorsMax,
    isSmall: ({ vcpus, memoryMiB }) => vcpus < cores || memoryMiB * BYTES_PER_MIB < memoryBytes,
  };
}

/** Names of the flavors that the plan adds so far. */
export function flavorsAdded({ newNodes }: PlanDraft): ReadonlySet<string> {
  return new Set(newNodes.map(({ offer }) => offer.template.flavor.name));
}

/** The wish for few flavors in the problem's numbers, less those that the plan adds already. */
export function wishedFlavors(
  draft: PlanDraft,
  { flavors }: PackingProblem,
  offers: readonly Offer[],
): Pick<PatternOptions, 'flavorsMax' | 'flavorsUsed'> {
  const { flavorsMax } = flavorWishes(draft);
  if (flavorsMax >= NO_LIMIT) return { flavorsMax, flavorsUsed: [] };
  const added = flavorsAdded(draft);
  const used = new Set<number>();
  offers.forEach(({ template }, offer) => {
    if (added.has(template.flavor.name)) used.add(flavors[offer] ?? 0);
  });
  // Flavors that are not offered any more count too.
  return { flavorsMax: Math.max(1, flavorsMax - (added.size - used.size)), flavorsUsed: [...used] };
}

function amount(quantity: string | undefined): number {
  return quantity === undefined ? 0 : (parseQuantity(quantity) ?? 0);
}
