// What a control plane does by itself, in one pass over the stored objects: controllers, scheduler, lifecycle of nodes,
// garbage. A pass follows every burst of changes; when a pass changes nothing, there is silence until the next change.
import type { ApiServer } from '../kubernetes-api/api-server.ts';
import type { PlaygroundTimings } from '../playground.ts';
import { BrainContext } from './brain-context.ts';
import { runDisruptionBudgets } from './disruption-budgets.ts';
import { collectDefinitions, collectGarbage, collectVolumes } from './garbage.ts';
import { collectOrphanedPods, runNodeLifecycle, signRequests } from './node-lifecycle.ts';
import { Scheduler } from './scheduler.ts';
import { bindImmediately } from './volume-binder.ts';
import { runDaemonSets, runDeployments, runReplicaSets } from './workloads.ts';

/** Changes come in bursts: a pass per burst. Short beside everything that a person sees. */
const QUIET_MS = 20;

export interface ClusterBrain {
  close(): void;
}

/** Starts it. `onFault` is told of a pass that threw: a bug of the playground, never of its user. */
export function startClusterBrain(
  api: ApiServer,
  options: { readonly timings: PlaygroundTimings; readonly onFault: (error: unknown) => void },
): ClusterBrain {
  const context = new BrainContext(api, options.timings);
  const scheduler = new Scheduler(context);
  let timer: NodeJS.Timeout | undefined;
  let wakeTimer: NodeJS.Timeout | undefined;
  let closed = false;
  const schedulePass = (): void => {
    if (closed || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      try {
        const wakeMs = runPass(context, scheduler);
        clearTimeout(wakeTimer);
        if (wakeMs !== undefined) wakeTimer = setTimeout(schedulePass, Math.max(QUIET_MS, wakeMs - Date.now()));
      } catch (error) {
        options.onFault(error);
      }
    }, QUIET_MS);
  };
  const unwatch = api.storage.watchAll(schedulePass);
  schedulePass();
  return {
    close: () => {
      closed = true;
      unwatch();
      clearTimeout(timer);
      clearTimeout(wakeTimer);
    },
  };
}

/** Returns when to look again though nothing changes. */
function runPass(context: BrainContext, scheduler: Scheduler): number | undefined {
  const nowMs = Date.now();
  signRequests(context);
  const wakeMs = runNodeLifecycle(context, nowMs);
  collectOrphanedPods(context);
  runDeployments(context);
  runReplicaSets(context);
  runDaemonSets(context);
  bindImmediately(context);
  scheduler.run(nowMs);
  runDisruptionBudgets(context, nowMs);
  collectGarbage(context);
  collectVolumes(context);
  collectDefinitions(context);
  return wakeMs;
}
