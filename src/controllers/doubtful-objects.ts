// Objects whose newest version could not be read. What stands for them in a store is old or missing, and a removal that
// rests on it could evict what must stay or take a node for gone. So nothing is removed while there is one; creating goes
// on. It is the tenant's own cluster that is held up, by the tenant's own object, and no other: a price that is paid.
import type { ClusterContext } from './cluster-context.ts';

/** A condition's message has room for about this many. */
const NAMED_MAX = 3;

/** Why nothing may be removed, naming objects and fields; undefined: every object that a removal rests on was read. */
export function doubtfulObjects(context: ClusterContext): string | undefined {
  const { nodePools, pods, nodes, podDisruptionBudgets, persistentVolumeClaims, resourceClaims } =
    context.workload.stores;
  const stores = [nodePools, nodes, pods, podDisruptionBudgets, persistentVolumeClaims, resourceClaims];
  const reasons = stores.flatMap((store) => [...store.doubtful.values()]);
  // Claims of all clusters are in one store: another tenant's must not hold up this one.
  for (const [key, why] of context.management.stores.nodeClaims.doubtful) {
    if (key.startsWith(`${context.namespace}/`)) reasons.push(why);
  }
  if (reasons.length === 0) return undefined;
  const more = reasons.length > NAMED_MAX ? `; and ${reasons.length - NAMED_MAX} more` : '';
  const named = reasons.toSorted().slice(0, NAMED_MAX).join('; ');
  return `${named}${more}. Nothing is removed until it is changed or deleted, or a Sluice that can read it runs.`;
}
