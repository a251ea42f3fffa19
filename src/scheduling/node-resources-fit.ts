// NodeResourcesFit: one more pod, and everything requested, within what is left. All that is short is reported.
// An over-full node still takes a pod that asks for nothing of what is short.
import type { Resources } from '../cluster/cluster-objects.ts';
import { isServed } from './dynamic-resources.ts';
import type { Refusal } from './refusal.ts';

export function nodeResourcesFit(
  requests: Resources,
  node: {
    readonly allocatable: Resources;
    readonly requested: Resources;
    /** Extended resources that device classes serve. */
    readonly served?: ReadonlySet<string> | undefined;
  },
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

function isShort(request: number, left: number): boolean {
  return request > 0 && request > left;
}
