// NodeResourcesFit: one more pod must be allowed, and of every resource that the pod asks for, allocatable less what the
// pods on the node ask for must be enough. Nothing asked for is always there, even on a node that is over-full. Resources
// that count: cpu, memory, ephemeral-storage and scalars; other names are ignored. Capacity is never read.
import { podRequests } from './pod-requests.ts';
import { nanosOf, rounded } from './quantity.ts';
import { no, type TwinRefusal } from './refusal.ts';
import { isQualifiedName } from './selectors.ts';
import type { V1Node, V1Pod } from './v1.ts';
import { mapOf } from './world.ts';

export function nodeResourcesFit(
  pod: V1Pod,
  place: { readonly node: V1Node; readonly others: readonly V1Pod[] },
): TwinRefusal | undefined {
  const allocatable = allocatableOf(place.node);
  const used = place.others.map(podRequests);
  const reasons = BigInt(used.length + 1) > (allocatable.get('pods') ?? 0n) ? ['Too many pods'] : [];
  for (const [name, amount] of podRequests(pod)) {
    if (amount <= 0n || !isCounted(name)) continue;
    const free = used.reduce((left, one) => left - (one.get(name) ?? 0n), allocatable.get(name) ?? 0n);
    if (amount > free) reasons.push(`Insufficient ${name}`);
  }
  return reasons.length === 0 ? undefined : no('NodeResourcesFit', ...reasons);
}

/** Millicores of cpu, units of everything else, rounded up. */
export function allocatableOf(node: V1Node): ReadonlyMap<string, bigint> {
  return new Map(
    [...mapOf(node.status?.allocatable)].map(([name, quantity]) => [name, rounded(name, nanosOf(quantity) ?? 0n)]),
  );
}

/** cpu, memory, ephemeral-storage; hugepages, attachable volumes, names of Kubernetes' own domain, extended resources. */
export function isCounted(name: string): boolean {
  if (['cpu', 'memory', 'ephemeral-storage'].includes(name)) return true;
  if (name.startsWith('hugepages-') || name.startsWith('attachable-volumes-')) return true;
  if (name.includes('kubernetes.io/')) return true;
  return name.includes('/') && !name.startsWith('requests.') && isQualifiedName(`requests.${name}`);
}
