// NodeResourcesFit: one more pod, and everything requested, within what is left. All that is short is reported.
// An over-full node still takes a pod that asks for nothing of what is short.
import type { Resources } from '../cluster/cluster-objects.ts';
import { isServed } from './dynamic-resources.ts';
import type { Refusal } from './refusal.ts';

interface NodeRoom {
  readonly allocatable: Resources;
  /** Extended resources that device classes serve. */
  readonly served?: ReadonlySet<string> | undefined;
}

export function nodeResourcesFit(
  requests: Resources,
  node: NodeRoom & { readonly requested: Resources },
): Refusal | undefined {
  const { allocatable, requested, served } = node;
  const reasons: string[] = [];
  if (requested.pods + 1 > allocatable.pods) reasons.push('Too many pods');
  if (isShort(requests.cpuMillis, allocatable.cpuMillis - requested.cpuMillis)) reasons.push('Insufficient cpu');
  if (isShort(requests.memoryBytes, allocatable.memoryBytes - requested.memoryBytes)) {
    reasons.push('Insufficient memory');
  }
  if (isShort(requests.ephemeralBytes, allocatable.ephemeralBytes - requested.ephemeralBytes)) {
    reasons.push('Insufficient ephemeral-storage');
  }
  for (const [name, amount] of requests.extended) {
    const left = (allocatable.extended.get(name) ?? 0) - (requested.extended.get(name) ?? 0);
    if (served !== undefined && isServed(name, { allocatable, served })) continue;
    if (isShort(amount, left)) reasons.push(`Insufficient ${name}`);
  }
  return reasons.length === 0 ? undefined : { plugin: 'NodeResourcesFit', reasons };
}

/** The same where amounts are odd (below zero, beyond doubles): int64 sums that wrap, as in the scheduler. Slower: adds up
 *  the pods each time. */
export function exactResourcesFit(
  requests: Resources,
  node: NodeRoom & { readonly pods: readonly { readonly shape: { readonly requests: Resources } }[] },
): Refusal | undefined {
  const { allocatable, pods, served } = node;
  const reasons: string[] = [];
  if (pods.length + 1 > allocatable.pods) reasons.push('Too many pods');
  for (const name of ['cpu', 'memory', 'ephemeral-storage', ...requests.extended.keys()]) {
    const amount = exactAmount(requests, name);
    if (amount <= 0n || (served !== undefined && isServed(name, { allocatable, served }))) continue;
    const used = pods.reduce((sum, pod) => sum + exactAmount(pod.shape.requests, name), 0n);
    if (amount > BigInt.asIntN(64, exactAmount(allocatable, name) - used)) reasons.push(`Insufficient ${name}`);
  }
  return reasons.length === 0 ? undefined : { plugin: 'NodeResourcesFit', reasons };
}

function exactAmount(resources: Resources, name: string): bigint {
  const { exact } = resources;
  if (exact !== undefined) return exact.get(name) ?? 0n;
  switch (name) {
    case 'cpu':
      return BigInt(resources.cpuMillis);
    case 'memory':
      return BigInt(resources.memoryBytes);
    case 'ephemeral-storage':
      return BigInt(resources.ephemeralBytes);
    default:
      return BigInt(resources.extended.get(name) ?? 0);
  }
}

function isShort(request: number, left: number): boolean {
  return request > 0 && request > left;
}
