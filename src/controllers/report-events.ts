// Tells pods and pools what a pass did for them, as Kubernetes events. Says a thing once, and again only when it changed
// and some time has passed: a tenant's events live in the tenant's etcd.
import { GROUP_VERSION } from '../api/names.ts';
import type { NodePool } from '../api/node-pool.ts';
import { podsIn, type PodVerdict, podVerdicts } from '../planner/plan.ts';
import type { SingleStep } from '../planner/single-steps.ts';
import type { PassResult } from './autoscaler-loop.ts';
import type { ClusterContext } from './cluster-context.ts';
import type { EventInput } from './ports.ts';

interface Said {
  readonly note: string;
  readonly atMs: number;
}

/** Events about pods in one pass; the others follow on the next passes, oldest pods first. */
const POD_EVENTS_MAX = 50;
/** The same pod hears of a changed "no" no more often: quota numbers in the text move all the time. */
const REPEAT_AFTER_MS = 60_000;
/** EventInput allows 1 KiB; the rest is for what the adapter puts around it. */
const NOTE_LENGTH_MAX = 1000;
/** Claim names in one note; a pool growing by hundreds says how many. */
const NAMES_MAX = 5;

/** Remembers what each pod and pool was told last, by uid and reason. */
export class ReportEvents {
  readonly #context: ClusterContext;
  readonly #podSaid = new Map<string, Said>();
  readonly #poolSaid = new Map<string, Said>();

  constructor(context: ClusterContext) {
    this.#context = context;
  }

  report(result: PassResult): void {
    const verdicts = podVerdicts(result.plan.report);
    this.#reportPods(result, verdicts);
    for (const pool of result.snapshot.objects.nodePools) this.#reportPool(pool, result);
    prune(this.#podSaid, new Set(verdicts.map((verdict) => verdict.podUid)));
    prune(this.#poolSaid, new Set(result.snapshot.objects.nodePools.map((pool) => pool.metadata.uid)));
  }

  #reportPods(result: PassResult, verdicts: readonly PodVerdict[]): void {
    const created = doneSteps(result).filter((step) => step.kind === 'createClaim');
    const claimsByPod = new Map(created.flatMap((step) => podsIn(step.pods).map((pod) => [pod.uid, step] as const)));
    let left = POD_EVENTS_MAX;
    for (const verdict of verdicts) {
      if (left === 0) break;
      const step = claimsByPod.get(verdict.podUid);
      const said =
        step === undefined
          ? this.#sayNo(verdict)
          : this.#sayPod(verdict, {
              type: 'Normal',
              reason: 'TriggeredScaleUp',
              action: 'ScaleUp',
              note: `Node pool ${step.pool} gets node ${step.name} (${step.spec.flavor}).`,
            });
      if (said) left -= 1;
    }
  }

  #sayNo(verdict: PodVerdict): boolean {
    if (verdict.outcome !== 'unplaceable' || verdict.refusals.length === 0) return false;
    const reasons = verdict.refusals.map((refusal) => `${refusal.pool}: ${refusal.message}`).join('; ');
    const note = `No new node would take this pod: ${reasons}`;
    return this.#sayPod(verdict, { type: 'Normal', reason: 'NotTriggerScaleUp', action: 'ScaleUp', note });
  }

  #sayPod(verdict: PodVerdict, event: Omit<EventInput, 'regarding'>): boolean {
    const { podUid: uid, name, namespace } = verdict;
    return this.#say(this.#podSaid, { apiVersion: 'v1', kind: 'Pod', name, namespace, uid }, event);
  }

  #reportPool(pool: NodePool, result: PassResult): void {
    const steps = doneSteps(result).filter((step) => step.kind !== 'setTimer' && step.pool === pool.metadata.name);
    const created = steps.filter((step) => step.kind === 'createClaim');
    const removed = steps.filter((step) => step.kind === 'removeClaim');
    if (created.length > 0) {
      const note = `Creating ${nodesText(created.map((step) => step.name))}: ${created[0]?.reason ?? ''}`;
      this.#sayPool(pool, { type: 'Normal', reason: 'ScalingUp', action: 'ScaleUp', note });
    }
    if (removed.length > 0) {
      const note = `Removing ${nodesText(removed.map((step) => step.claim))}: ${removed[0]?.message ?? ''}`;
      this.#sayPool(pool, { type: 'Normal', reason: 'ScalingDown', action: 'ScaleDown', note });
    }
    const blocked = result.plan.blocked.find((entry) => entry.pool === pool.metadata.name);
    if (blocked !== undefined) {
      const { reason, message: note } = blocked;
      this.#sayPool(pool, { type: 'Warning', reason, action: 'Plan', note });
    }
  }

  #sayPool(pool: NodePool, event: Omit<EventInput, 'regarding'>): void {
    const { name, uid } = pool.metadata;
    this.#say(this.#poolSaid, { apiVersion: GROUP_VERSION, kind: 'NodePool', name, uid }, event);
  }

  #say(said: Map<string, Said>, regarding: EventInput['regarding'], event: Omit<EventInput, 'regarding'>): boolean {
    const key = `${regarding.uid ?? ''}/${event.reason}`;
    const nowMs = this.#context.clock.monotonicMs();
    const before = said.get(key);
    const note = event.note.slice(0, NOTE_LENGTH_MAX);
    if (before?.note === note) return false;
    const news = event.reason === 'NotTriggerScaleUp' || event.type === 'Warning' ? REPEAT_AFTER_MS : 0;
    if (before !== undefined && nowMs - before.atMs < news) return false;
    said.set(key, { note, atMs: nowMs });
    this.#context.workload.recordEvent({ ...event, note, regarding });
    return true;
  }
}

function doneSteps(result: PassResult): readonly SingleStep[] {
  return result.outcomes.filter((outcome) => outcome.kind === 'done').map((outcome) => outcome.step);
}

function nodesText(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_MAX).join(', ');
  const more = names.length > NAMES_MAX ? `, … (${names.length} in all)` : '';
  return names.length === 1 ? `node ${shown}` : `nodes ${shown}${more}`;
}

function prune(said: Map<string, Said>, present: ReadonlySet<string>): void {
  for (const key of said.keys()) if (!present.has(key.slice(0, key.lastIndexOf('/')))) said.delete(key);
}
