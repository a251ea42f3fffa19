// What a pod asks of a node: requests of its containers, init containers and sidecars, pod-level resources, overhead; of
// a bound pod also what its status says of a resize in place. Sums are exact (billionths) and rounded up once, as
// kube-scheduler does. Source: component-helpers/resource, v0.37.
import type { Resources } from './cluster-objects.ts';
import type { Fields } from './fields.ts';
import { isLabelKey } from './label-names.ts';
import { addAmounts, type Amount, greaterAmount, NO_AMOUNT, toMillis, toUnits } from './quantity.ts';

type Amounts = Map<string, Amount>;
type ReadonlyAmounts = ReadonlyMap<string, Amount>;
type RequestsOf = (container: Fields) => ReadonlyAmounts;

const NOTHING: ReadonlyAmounts = new Map();
const NO_EXTENDED: ReadonlyMap<string, number> = new Map();
/** Doubles count by ones up to twice this, so that sums with it stay exact: 4.5 PB, more than any node has. */
const EXACT_MAX = 2n ** 52n;

export interface RequestOptions {
  /** A container's limit stands in for a request that it does not name. The API server does that to pods when they are
   *  created, but not to the templates of controllers. */
  readonly limitsCount: boolean;
  /** Status of a pod that is bound: what it was given while it is resized counts too. */
  readonly status?: Fields | undefined;
}

export function podRequests(spec: Fields, options: RequestOptions): Resources {
  const requestsOf = (container: Fields): ReadonlyAmounts => {
    const resources = container.object('resources');
    if (resources === undefined) return NOTHING;
    const requests = resources.quantities('requests');
    return options.limitsCount ? new Map([...resources.quantities('limits'), ...requests]) : requests;
  };
  const { status } = options;
  const alone = onlyContainer(spec, status);
  if (alone !== undefined) return toResources(requestsOf(alone), 1);
  const resized = status !== undefined && isResized(status) ? status : undefined;
  const sum: Amounts =
    resized === undefined ? containersTotal(spec, requestsOf) : resizedTotal(spec, { status: resized, requestsOf });
  for (const [name, amount] of podLevel(spec, resized)) sum.set(name, amount);
  addAll(sum, spec.quantities('overhead'));
  return toResources(sum, 1);
}

/** The container that is all that asks for something; undefined: there is more to look at. */
function onlyContainer(spec: Fields, status: Fields | undefined): Fields | undefined {
  const [container, ...others] = spec.objects('containers');
  const more = others.length > 0 || spec.has('initContainers') || spec.has('resources') || spec.has('overhead');
  return more || (status !== undefined && isResized(status)) ? undefined : container;
}

/** An init container that keeps running. */
export function isSidecar(container: Fields): boolean {
  return container.text('restartPolicy') === 'Always';
}

/** Amounts by name as Resources; names that the scheduler does not count are dropped. `pods`: how many pods that is;
 *  undefined: the amounts say it. */
export function toResources(amounts: ReadonlyAmounts, pods: number | undefined): Resources {
  const exact = new Map<string, bigint>();
  let odd = false;
  const take = (name: string, amount: bigint): number => {
    if (amount < 0n || amount > EXACT_MAX) odd = true;
    exact.set(name, amount);
    return Math.max(0, Math.min(Number(amount), Number(EXACT_MAX)));
  };
  const units = (name: string): number => take(name, toUnits(amounts.get(name) ?? NO_AMOUNT));
  const scalars = [...amounts.keys()].filter(isScalarResource).sort();
  const extended = scalars.length === 0 ? NO_EXTENDED : new Map(scalars.map((name) => [name, units(name)]));
  return {
    cpuMillis: take('cpu', toMillis(amounts.get('cpu') ?? NO_AMOUNT)),
    memoryBytes: units('memory'),
    ephemeralBytes: units('ephemeral-storage'),
    pods: pods ?? units('pods'),
    extended,
    ...(odd ? { exact } : {}),
  };
}

/** Names that kube-scheduler counts beside the native ones. */
export function isScalarResource(name: string): boolean {
  if (name.startsWith('hugepages-') || name.startsWith('attachable-volumes-')) return true;
  if (name.includes('kubernetes.io/')) return true;
  return name.includes('/') && !name.startsWith('requests.') && isLabelKey(`requests.${name}`);
}

/** The most of all containers at once and of any moment while the init containers run, per resource. */
function containersTotal(spec: Fields, requestsOf: RequestsOf): Amounts {
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
  return sum;
}

/** The most of three totals: as the spec asks, as it was allocated, as it runs. */
function resizedTotal(spec: Fields, pod: { readonly status: Fields; readonly requestsOf: RequestsOf }): Amounts {
  const { status, requestsOf } = pod;
  const infeasible = isInfeasible(status);
  const byName = new Map<string, Fields>();
  for (const one of [...status.objects('containerStatuses'), ...status.objects('initContainerStatuses')]) {
    if (!byName.has(one.text('name'))) byName.set(one.text('name'), one);
  }
  const allocatedOf = (container: Fields): ReadonlyAmounts => {
    const found = byName.get(container.text('name'));
    if (found?.has('allocatedResources') === true) return found.quantities('allocatedResources');
    return infeasible ? NOTHING : requestsOf(container);
  };
  const actualOf = (container: Fields): ReadonlyAmounts => {
    const resources = byName.get(container.text('name'))?.object('resources');
    return resources?.has('requests') === true ? resources.quantities('requests') : allocatedOf(container);
  };
  const podResources = status.object('resources');
  const whole = status.has('allocatedResources') && podResources?.has('requests') === true;
  const most: Amounts = infeasible ? new Map() : containersTotal(spec, requestsOf);
  raiseAll(most, whole ? status.quantities('allocatedResources') : containersTotal(spec, allocatedOf));
  raiseAll(most, whole ? podResources.quantities('requests') : containersTotal(spec, actualOf));
  return most;
}

/** What the pod asks for as a whole, for the resources that it may name. */
function podLevel(spec: Fields, status: Fields | undefined): ReadonlyAmounts {
  const asked = spec.object('resources')?.quantities('requests') ?? NOTHING;
  if (![...asked.keys()].some(isPodLevel)) return NOTHING;
  const resources = status?.object('resources');
  const most: Amounts = new Map(resources !== undefined && status !== undefined && isInfeasible(status) ? [] : asked);
  if (resources !== undefined) {
    raiseAll(most, resources.quantities('requests'));
    raiseAll(most, status?.quantities('allocatedResources') ?? NOTHING);
  }
  return new Map([...most].filter(([name]) => isPodLevel(name)));
}

/** The status says something of resources, so that the slower way is needed. */
function isResized(status: Fields): boolean {
  if (status.has('resources') || status.has('allocatedResources') || isInfeasible(status)) return true;
  return [...status.objects('containerStatuses'), ...status.objects('initContainerStatuses')].some(
    (one) => one.has('allocatedResources') || one.has('resources'),
  );
}

function isInfeasible(status: Fields): boolean {
  const pending = status.objects('conditions').find((condition) => condition.text('type') === 'PodResizePending');
  return pending?.text('reason') === 'Infeasible';
}

function isPodLevel(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');
}

function addAll(to: Amounts, amounts: ReadonlyAmounts): void {
  for (const [name, amount] of amounts) {
    const before = to.get(name);
    to.set(name, before === undefined ? amount : addAmounts(before, amount));
  }
}

function raiseAll(to: Amounts, amounts: ReadonlyAmounts): void {
  for (const [name, amount] of amounts) {
    const before = to.get(name);
    to.set(name, before === undefined ? amount : greaterAmount(before, amount));
  }
}
