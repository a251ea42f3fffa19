// What a flavor costs per hour: the operator's price list, else a stated model.
// The model's weights are near European public-cloud list prices of 2025 per vCPU, GiB and GPU, so that a cost ceiling
// written in money is not absurd under it; it is meant for comparing flavors, not for bills.
// A flavor missing from a given list also takes the model's price.
import type { Flavor, Resources } from '../cluster/cluster-objects.ts';
import { flavorGpus } from '../scheduling/flavor-gpus.ts';

const PRICE_PER_VCPU = 0.02;
const PRICE_PER_GIB = 0.005;
/** A data-centre GPU costs about as much as 40 vCPUs at the usual providers. */
const PRICE_PER_GPU = 0.8;
/** What one more pod is worth besides its requests, so that pods that request nothing still count. */
const PRICE_PER_POD = 0.0001;
const BYTES_PER_GIB = 2 ** 30;
const MIB_PER_GIB = 1024;

/** Price per hour of a server of `flavor`. */
export function pricePerHour(flavor: Flavor, prices: ReadonlyMap<string, number> | undefined): number {
  const listed = prices?.get(flavor.name);
  if (listed !== undefined) return listed;
  return (
    flavor.vcpus * PRICE_PER_VCPU + (flavor.memoryMiB / MIB_PER_GIB) * PRICE_PER_GIB + gpusOf(flavor) * PRICE_PER_GPU
  );
}

/** Price per hour by name of the flavor. */
export function pricesByFlavor(
  flavors: readonly Flavor[],
  prices: ReadonlyMap<string, number> | undefined,
): ReadonlyMap<string, number> {
  return new Map(flavors.map((flavor) => [flavor.name, pricePerHour(flavor, prices)]));
}

/** By flavor: its extra specs are text, and a plan asks once per claim. */
const gpus = new WeakMap<Flavor, number>();

function gpusOf(flavor: Flavor): number {
  let known = gpus.get(flavor);
  if (known === undefined) gpus.set(flavor, (known = flavorGpus(flavor)));
  return known;
}

/** What `requests` of one pod are worth per hour under the model; above 0 for every pod. */
export function requestsWorth(requests: Resources): number {
  let gpus = 0;
  for (const [name, amount] of requests.extended) if (name.endsWith('/gpu')) gpus += amount;
  return (
    (requests.cpuMillis / 1000) * PRICE_PER_VCPU +
    (requests.memoryBytes / BYTES_PER_GIB) * PRICE_PER_GIB +
    gpus * PRICE_PER_GPU +
    PRICE_PER_POD
  );
}
