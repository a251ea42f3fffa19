// What a pod asks of a node: requests of its containers, init containers and sidecars, pod-level resources, overhead.
// Sums are exact (billionths) and rounded up once, as kube-scheduler does. Source: component-helpers/resource, v0.37.
// Not here: the status of bound pods that are being resized in place.
import type { Resources } from './cluster-objects.ts';
import type { Fields } from './fields.ts';
import { nanosToMillis, nanosToUnits } from './quantity.ts';

type Amounts = Map<string, bigint>;

/** `limitsCount`: a container's limit stands in for a request that it does not name. The API server does that to pods
 *  when they are created, but not to the templates of controllers. */
export function podRequests(spec: Fields, options: { readonly limitsCount: boolean }): Resources {
  const requestsOf = (container: Fields): ReadonlyMap<string, bigint> => {
    const resources = container.object('resources');
    if (resources === undefined) return new Map();
    const requests = resources.quantities('requests');
    return options.limitsCount ? new Map([...resources.quantities('limits'), ...requests]) : requests;
  };
  const sum: Amounts = new Map();
  for (const container of spec.objects('containers')) addAll(sum, requestsOf(container));
  const sidecars: Amounts = new Map();
  const peak: Amounts = new Map();
  for (const container of spec.objects('initContainers')) {
    const requests = requestsOf(container);
    if (isSidecar(container)) {
      addAll(sum, requests);
      addAll(sidecars, requests);
      raiseAll(peak, sidecars);
    } else {
      const alone = new Map(sidecars);
      addAll(alone, requests);
      raiseAll(peak, alone);
    }
  }
  raiseAll(sum, peak);
  const podLevel = spec.object('resources')?.quantities('requests') ?? new Map<string, bigint>();
  for (const [name, amount] of podLevel) if (isPodLevel(name)) sum.set(name, amount);
  addAll(sum, spec.quantities('overhead'));
  return toResources(sum, { rounding: 'up', pods: 1 });
}

/** An init container that keeps running. */
export function isSidecar(container: Fields): boolean {
  return container.text('restartPolicy') === 'Always';
}

/** Amounts by name as Resources; names that the scheduler does not count are dropped, negative amounts count as 0.
 *  `pods`: the number to use where the amounts have none. */
export function toResources(
  amounts: ReadonlyMap<string, bigint>,
  options: { readonly rounding: 'up' | 'down'; readonly pods: number },
): Resources {
  const { rounding } = options;
  const units = (name: string): number => Math.max(0, nanosToUnits(amounts.get(name) ?? 0n, rounding));
  const extended = new Map<string, number>();
  for (const name of [...amounts.keys()].sort()) if (isScalarResource(name)) extended.set(name, units(name));
  return {
    cpuMillis: Math.max(0, nanosToMillis(amounts.get('cpu') ?? 0n, rounding)),
    memoryBytes: units('memory'),
    ephemeralBytes: units('ephemeral-storage'),
    pods: amounts.has('pods') ? units('pods') : options.pods,
    extended,
  };
}

/** Names that kube-scheduler counts beside the native ones. */
export function isScalarResource(name: string): boolean {
  if (name.startsWith('hugepages-') || name.startsWith('attachable-volumes-')) return true;
  return name.includes('kubernetes.io/') || (name.includes('/') && !name.startsWith('requests.'));
}

function isPodLevel(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');
}

function addAll(to: Amounts, amounts: ReadonlyMap<string, bigint>): void {
  for (const [name, amount] of amounts) to.set(name, (to.get(name) ?? 0n) + amount);
}

function raiseAll(to: Amounts, amounts: ReadonlyMap<string, bigint>): void {
  for (const [name, amount] of amounts) {
    const before = to.get(name);
    if (before === undefined || before < amount) to.set(name, amount);
  }
}
