// What a pod takes of its node, per resource:
//  1. sum = all containers + all sidecars (init containers with restartPolicy Always);
//  2. peak = the most of any moment of the start: a plain init container beside the sidecars before it, a sidecar beside
//     the sidecars before it;
//  3. the total is the greater of both;
//  4. cpu, memory and hugepages that spec.resources.requests names replace the total, as soon as it names one of them;
//  5. spec.overhead comes on top.
// A pod that is bound may be in the middle of a resize: then 1–3 are done three times, with what the spec asks, what was
// allocated and what is in use, and the greatest counts; what the spec asks is left out when the resize is infeasible.
// Sums are exact and rounded up once per pod.
import { nanosOf, rounded } from './quantity.ts';
import type { Maybe, ResourceList, V1Container, V1ContainerStatus, V1Pod } from './v1.ts';
import { mapOf, nodeNameOf } from './world.ts';

type Nanos = Map<string, bigint>;
type RequestsOf = (container: V1Container) => ReadonlyMap<string, bigint>;

/** Millicores of cpu, units of everything else, by resource name. */
export function podRequests(pod: V1Pod): ReadonlyMap<string, bigint> {
  const bound = nodeNameOf(pod) !== '';
  const total = bound ? boundTotal(pod) : containersTotal(pod, ofSpec);
  for (const [name, nanos] of podLevel(pod, bound)) total.set(name, nanos);
  add(total, amounts(pod.spec.overhead));
  return new Map([...total].map(([name, nanos]) => [name, rounded(name, nanos)]));
}

export function amounts(list: ResourceList): Nanos {
  return new Map([...mapOf(list)].map(([name, quantity]) => [name, nanosOf(quantity) ?? 0n]));
}

export function isSidecar(container: V1Container): boolean {
  return container.restartPolicy === 'Always';
}

function ofSpec(container: V1Container): Nanos {
  return amounts(container.resources?.requests);
}

function containersTotal(pod: V1Pod, requestsOf: RequestsOf): Nanos {
  const init = pod.spec.initContainers ?? [];
  const total: Nanos = new Map();
  for (const container of [...(pod.spec.containers ?? []), ...init.filter(isSidecar)])
    add(total, requestsOf(container));
  init.forEach((container, index) => {
    const moment: Nanos = new Map();
    for (const sidecar of init.slice(0, index).filter(isSidecar)) add(moment, requestsOf(sidecar));
    add(moment, requestsOf(container));
    raise(total, moment);
  });
  return total;
}

function boundTotal(pod: V1Pod): Nanos {
  const { status } = pod;
  const infeasible = isInfeasible(pod);
  const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  const statusOf = (container: V1Container): Maybe<V1ContainerStatus> =>
    statuses.find((one) => (one.name ?? '') === (container.name ?? ''));
  const allocated: RequestsOf = (container) => {
    const list = statusOf(container)?.allocatedResources;
    if (list !== undefined && list !== null) return amounts(list);
    return infeasible ? new Map() : ofSpec(container);
  };
  const inUse: RequestsOf = (container) => {
    const list = statusOf(container)?.resources?.requests;
    return list === undefined || list === null ? allocated(container) : amounts(list);
  };
  const total: Nanos = infeasible ? new Map() : containersTotal(pod, ofSpec);
  const podAllocated = status?.allocatedResources ?? undefined;
  const podInUse = status?.resources?.requests ?? undefined;
  if (podAllocated !== undefined && podInUse !== undefined) {
    raise(total, amounts(podAllocated));
    raise(total, amounts(podInUse));
  } else {
    raise(total, containersTotal(pod, allocated));
    raise(total, containersTotal(pod, inUse));
  }
  return total;
}

function podLevel(pod: V1Pod, bound: boolean): Nanos {
  const asked = amounts(pod.spec.resources?.requests);
  if (![...asked.keys()].some(isPodLevel)) return new Map();
  const most = new Map(asked);
  const resources = pod.status?.resources ?? undefined;
  if (bound && resources !== undefined) {
    if (isInfeasible(pod)) most.clear();
    raise(most, amounts(resources.requests));
    raise(most, amounts(pod.status?.allocatedResources));
  }
  return new Map([...most].filter(([name]) => isPodLevel(name)));
}

function isPodLevel(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');
}

/** The first condition of its type tells; its status does not matter. */
function isInfeasible(pod: V1Pod): boolean {
  return (pod.status?.conditions ?? []).find((one) => one.type === 'PodResizePending')?.reason === 'Infeasible';
}

function add(to: Nanos, more: ReadonlyMap<string, bigint>): void {
  for (const [name, nanos] of more) to.set(name, (to.get(name) ?? 0n) + nanos);
}

function raise(to: Nanos, other: ReadonlyMap<string, bigint>): void {
  for (const [name, nanos] of other) {
    const before = to.get(name);
    if (before === undefined || nanos > before) to.set(name, nanos);
  }
}
