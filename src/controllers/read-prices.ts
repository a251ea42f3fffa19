// The operator's prices: a ConfigMap that maps flavor to price per hour.
import type { ClusterContext } from './cluster-context.ts';
import { PortError } from './port-errors.ts';

/** More prices than there are flavors anywhere; the rest is ignored. */
const PRICES_MAX = 4096;

/** Flavor name → price per hour. Rejects with `notFound` when there is no such ConfigMap in the cluster's namespace, with
 *  `invalidSpec` when a price is no number of at least 0. */
export async function readPrices(
  { management, namespace }: Pick<ClusterContext, 'management' | 'namespace'>,
  name: string,
): Promise<ReadonlyMap<string, number>> {
  const data = await management.getConfigMap(namespace, name);
  if (data === undefined) throw new PortError('notFound', `ConfigMap '${name}' of spec.pricesRef does not exist`);
  const prices = new Map<string, number>();
  for (const [flavor, text] of [...data].slice(0, PRICES_MAX)) {
    const price = Number(text);
    if (text.trim() === '' || !Number.isFinite(price) || price < 0) {
      throw new PortError('invalidSpec', `ConfigMap '${name}': the price of '${flavor}' is not a number of at least 0`);
    }
    prices.set(flavor, price);
  }
  return prices;
}
