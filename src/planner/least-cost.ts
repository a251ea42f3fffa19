// What new nodes for some pods cost at least, amount by amount: a bound that takes no search, for saying what is not worth one.
import type { PodGroup } from './pod-groups.ts';
import type { Offer } from './pool-offers.ts';

export const AXES = ['cpuMillis', 'memoryBytes', 'pods'] as const;
export type Amounts = Readonly<Record<(typeof AXES)[number], number>>;

/** No new nodes for so much cost less: each amount at the lowest price at which any offer has it. */
export function leastCost(amounts: Amounts, unitPrices: Amounts): number {
  return Math.max(...AXES.map((axis) => (amounts[axis] > 0 ? amounts[axis] * unitPrices[axis] : 0)));
}

/** Of one unit of each amount, where it is cheapest; Infinity where nobody has any. */
export function unitPricesOf(offers: readonly Offer[]): Amounts {
  const prices = { cpuMillis: Infinity, memoryBytes: Infinity, pods: Infinity };
  for (const { template, pricePerHour } of offers) {
    for (const axis of AXES) {
      const amount = template.allocatable[axis];
      if (amount > 0) prices[axis] = Math.min(prices[axis], pricePerHour / amount);
    }
  }
  return prices;
}

/** What the pods without a place ask for. */
export function amountsLeft(groups: readonly PodGroup[]): Amounts {
  const amounts = { cpuMillis: 0, memoryBytes: 0, pods: 0 };
  for (const { shape, pods, placed } of groups) {
    for (const axis of AXES) amounts[axis] += shape.requests[axis] * (pods.length - placed);
  }
  return amounts;
}
