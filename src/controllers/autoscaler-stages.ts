// Binds the stages of the loop to the sources of one cluster.
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import { nextSnapshot } from '../cluster/next-snapshot.ts';
import { checkPlan } from '../planner/check-plan.ts';
import { makePlan } from '../planner/make-plan.ts';
import { singleSteps } from '../planner/single-steps.ts';
import type { AutoscalerStages } from './autoscaler-loop.ts';
import type { ClusterContext } from './cluster-context.ts';
import { executePlan } from './execute-plan.ts';
import { observeCluster, type ObserveSources } from './observe-cluster.ts';
import { PodPlacer } from './place-pods.ts';
import type { PlanPolish } from './polish-plans.ts';
import type { StatusWriter } from './write-status.ts';

/** Digits of the seed that claim names are drawn from: collisions are checked against the project anyway. */
const NAME_SEED_DIGITS = 16;
/** After so many updates, half an hour of them at five a second, the snapshot is built anew: nothing that an update got wrong
 *  could stay. It takes 200 ms at 150,000 pods, so one decision in a hundred must not have to wait for it. */
const UPDATES_MAX = 9000;

/** The real stages. */
export function autoscalerStages(
  context: ClusterContext,
  deps: { readonly sources: ObserveSources; readonly writer: StatusWriter; readonly polish: PlanPolish },
): AutoscalerStages {
  const { sources, writer, polish } = deps;
  let previous: ClusterSnapshot | undefined;
  let updates = 0;
  const placer = new PodPlacer(context, sources.hints);
  return {
    observe: () => observeCluster(context, sources),
    snapshot({ objects, version }) {
      updates = previous === undefined || updates >= UPDATES_MAX ? 0 : updates + 1;
      const last = updates === 0 ? undefined : previous;
      // Should an update throw, the next pass begins anew.
      previous = undefined;
      previous = nextSnapshot(last, objects, version);
      return previous;
    },
    plan: (snapshot) => makePlan(snapshot, { nameSeed: context.random.hex(NAME_SEED_DIGITS), improved: polish.memory }),
    check: checkPlan,
    execute: async (plan, snapshot) => {
      // Before anything is awaited: a look and a hold that others can come between would be none.
      const short = sources.facts.hold(plan, snapshot);
      const executed =
        short === undefined
          ? executePlan(context, plan, { snapshot, expectations: sources.expectations })
          : singleSteps(plan.steps).map((step) => ({ step, kind: 'dropped', why: short }) as const);
      // Beside the steps: pods on their way to nodes that stand are no matter of theirs.
      const [outcomes] = await Promise.all([executed, placer.run(plan, snapshot)]);
      return outcomes;
    },
    report: async (result) => {
      await writer.report(result);
      // Last, as it is about the next plan.
      polish.consider(result);
    },
    reportWaiting: (observation) => writer.reportWaiting(observation),
  };
}
