// Groups whose pods have the same rules towards others: what keeps one of them off a node by such a rule keeps all off it.
import type { QueuedGroup } from './scheduling-queue.ts';

/** Class of each group, numbered from 0. Pods with volumes, disks or claims of devices are a class by themselves. */
export function ruleClasses(groups: readonly QueuedGroup[]): Uint32Array {
  const numbers = new Map<string, number>();
  return Uint32Array.from(groups, ({ shape }) => {
    const { namespace, labels, hostPorts, spread, podAffinity, podAntiAffinity, volumes, disks, resourceClaims } =
      shape;
    const own = volumes.length > 0 || disks !== undefined || resourceClaims !== undefined;
    const rules = [namespace, textOf(labels), hostPorts, spread, podAffinity, podAntiAffinity];
    // What a spread constraint counts depends on the node selector too.
    const chosen = spread.length === 0 ? [] : [textOf(shape.nodeSelector), shape.nodeAffinity, shape.tolerations];
    const key = own ? shape.key : JSON.stringify([rules, chosen]);
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
    return number;
  });
}

function textOf(labels: ReadonlyMap<string, string>): readonly string[] {
  return [...labels].map(([key, value]) => `${key}=${value}`).sort();
}
