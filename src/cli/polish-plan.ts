// A plan made again with what a polish of it finds, for those who can wait: `sluice plan --polish` and the benchmark.
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import { makePlan } from '../planner/make-plan.ts';
import { countPods, type Plan } from '../planner/plan.ts';
import { PatternMemory } from '../planner/patterns/pattern-memory.ts';
import { keepPolished } from '../planner/patterns/polish.ts';
import { polishFor } from './polish-for.ts';

/** The better plan for the snapshot that `first` stands on, found within `seconds`; `first` where nothing is better. */
export function polishPlan(
  snapshot: ClusterSnapshot,
  first: Plan,
  options: { readonly nameSeed: string; readonly seconds: number },
): Plan {
  const { polishable } = first;
  if (polishable === undefined) return first;
  const improved = new PatternMemory();
  keepPolished(improved, polishable, polishFor(polishable, options.seconds));
  const plan = makePlan(snapshot, { nameSeed: options.nameSeed, improved });
  return isWorse(plan, first) ? first : plan;
}

/** Limits that cut a plan (quota) can cut a better packing worse. */
function isWorse(one: Plan, other: Plan): boolean {
  const left = countPods(one.report, 'unplaceable') - countPods(other.report, 'unplaceable');
  if (left !== 0) return left > 0;
  return (one.report.cost?.perHour ?? 0) > (other.report.cost?.perHour ?? 0);
}
