// The demo's story, step by step: a load that needs nodes, less load so that nodes are drained, none. It waits for what the
// playground shows, never for the controller's words, and says what is missing when it does not come.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Playground, PlaygroundCluster } from '../playground/playground.ts';
import { DEMO_NAMESPACE, loadObjects } from './demo-objects.ts';
import type { DemoTimeline } from './demo-timeline.ts';

export interface StoryStage {
  readonly playground: Playground;
  readonly workload: PlaygroundCluster;
  readonly timeline: DemoTimeline;
  /** Ends the story early. */
  readonly signal: AbortSignal;
}

/** Why the story did not come to its end. */
export class StoryFailure extends Error {}

const WEB_REPLICAS_MANY = 8;
const WEB_REPLICAS_FEW = 1;
const POLL_MS = 50;
/** For each of the three waits. Each takes some 8 s; all of it has to end within a minute also on a busy machine. */
const WAIT_MAX_MS = 40_000;

interface PodView {
  readonly name: string;
  readonly phase: string;
  readonly node: string;
  readonly message: string;
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The application's pods, daemon pods and those on their way out left aside. */
function pods(workload: PlaygroundCluster): readonly PodView[] {
  return workload
    .list('pods')
    .filter((pod) => {
      const metadata = recordOf(pod['metadata']);
      return metadata['namespace'] === DEMO_NAMESPACE && metadata['deletionTimestamp'] === undefined;
    })
    .map((pod) => {
      const status = recordOf(pod['status']);
      const conditions = Array.isArray(status['conditions']) ? status['conditions'].map(recordOf) : [];
      return {
        name: textOf(recordOf(pod['metadata'])['name']),
        phase: textOf(status['phase']),
        node: textOf(recordOf(pod['spec'])['nodeName']),
        message: textOf(conditions.find((condition) => condition['type'] === 'PodScheduled')?.['message']),
      };
    });
}

/** Polls until `missing` says nothing. Throws StoryFailure with what is still missing when the time is over. */
async function until(stage: StoryStage, missing: () => string): Promise<void> {
  const deadlineMs = performance.now() + WAIT_MAX_MS;
  for (let what = missing(); what !== ''; what = missing()) {
    if (stage.signal.aborted) throw new StoryFailure('interrupted');
    if (performance.now() > deadlineMs) throw new StoryFailure(`after ${WAIT_MAX_MS / 1000} s: ${what}`);
    await sleep(POLL_MS);
  }
}

function notRunning(workload: PlaygroundCluster, wanted: number): string {
  const all = pods(workload);
  if (all.length !== wanted) return `${all.length} pods where ${wanted} should be`;
  const waiting = all.filter((pod) => pod.phase !== 'Running');
  const [first] = waiting;
  return first === undefined ? '' : `${waiting.length} pods do not run, e.g. ${first.name}: ${first.message}`;
}

const totalPods = (web: number): number =>
  loadObjects(web).reduce((total, object) => {
    const { replicas } = recordOf(object['spec']);
    return total + (typeof replicas === 'number' ? replicas : 0);
  }, 0);

/** Nodes, servers and ports that are still there. */
function leftOver({ playground, workload }: StoryStage): string {
  const { serversLeft, portsLeft } = playground.books();
  const nodes = workload.list('nodes').length;
  const claims = playground.management.list('nodeclaims').length;
  const left = [
    serversLeft === 0 ? '' : `${serversLeft} servers`,
    portsLeft === 0 ? '' : `${portsLeft} ports`,
    nodes === 0 ? '' : `${nodes} nodes`,
    claims === 0 ? '' : `${claims} claims`,
  ].filter((text) => text !== '');
  return left.length === 0 ? '' : `still there: ${left.join(', ')}`;
}

/** Deploys the load, lowers it, takes it away. Resolves when the pools are back at their minimum, which is zero.
 *  Throws StoryFailure. */
export async function tellStory(stage: StoryStage): Promise<void> {
  const { workload, timeline } = stage;
  timeline.say(
    'story',
    `an application of ${totalPods(WEB_REPLICAS_MANY)} pods is deployed; there is no node at all`,
    'bold',
  );
  await workload.apply(loadObjects(WEB_REPLICAS_MANY));
  await until(stage, () => notRunning(workload, totalPods(WEB_REPLICAS_MANY)));
  timeline.flush();
  timeline.say(
    'story',
    `every pod runs, on ${workload.list('nodes').length} nodes for ${timeline.costPerHour().toFixed(4)} €/h; now the load falls and most are not needed`,
    'bold',
  );

  const nodesBefore = workload.list('nodes').length;
  await workload.apply(loadObjects(WEB_REPLICAS_FEW));
  await until(stage, () => notRunning(workload, totalPods(WEB_REPLICAS_FEW)));
  await until(stage, () => {
    const nodes = workload.list('nodes').length;
    return nodes < nodesBefore ? notRunning(workload, totalPods(WEB_REPLICAS_FEW)) : `${nodes} nodes stay`;
  });
  timeline.flush();
  timeline.say('story', 'the rest of the application goes', 'bold');

  for (const name of ['web', 'jobs', 'cache']) await workload.remove('deployments', name, DEMO_NAMESPACE);
  await until(stage, () => leftOver(stage));
  timeline.flush();
  timeline.say('story', 'both pools are back at their minimum of 0: no node, no server, no port', 'bold');
}
