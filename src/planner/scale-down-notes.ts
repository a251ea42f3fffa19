// What a plan notes of each node while it looks for nodes to remove: the timers on its claim, and the verdict in the report.
import type { NodeClaim } from '../api/node-claim.ts';
import type { PlanDraft } from './plan-draft.ts';
import type { NodeVerdict } from './plan.ts';
import { utilizationOf } from './utilization.ts';

/** Since when the Node of a Ready claim is not Ready. Kept apart from being unneeded: it goes on while a rule holds. */
export function watchReadiness(draft: PlanDraft, index: number): void {
  const node = draft.snapshot.nodes[index];
  const pool = draft.poolsByName.get(node?.claim?.spec.poolName ?? '');
  const watched = pool?.settings.autoscale === true && node?.claim?.status?.phase === 'Ready';
  const unready = watched && node.node !== undefined && node.node.ready !== 'True';
  const known = node?.claim?.status?.unreadySince !== undefined;
  if (unready !== known) setTimer(draft, index, { timer: 'unreadySince', sinceMs: unready ? draft.nowMs : undefined });
}

/** Starts or ends the timer; one that does not run is not ended. */
export function setTimer(
  draft: PlanDraft,
  index: number,
  set: { readonly timer: 'unneededSince' | 'unreadySince' | 'replaceableSince'; readonly sinceMs: number | undefined },
): void {
  const claim = draft.snapshot.nodes[index]?.claim;
  if (claim === undefined) return;
  if (set.sinceMs === undefined && claim.status?.[set.timer] === undefined) return;
  draft.timers.push({ kind: 'setTimer', claim: claim.metadata.name, claimUid: claim.metadata.uid, ...set });
}

/** Why the node stays; undefined: it goes, or will when its time has come. */
export function report(draft: PlanDraft, index: number, keptBecause: string | undefined): NodeVerdict | undefined {
  const node = draft.snapshot.nodes[index];
  if (node?.claim === undefined) return undefined;
  const utilization = utilizationOf(draft.snapshot, node);
  let verdict = verdicts.get(node.claim);
  if (verdict?.utilization !== utilization || verdict.keptBecause !== keptBecause) {
    verdict = { claim: node.claim.metadata.name, pool: node.claim.spec.poolName, utilization, keptBecause };
    verdicts.set(node.claim, verdict);
  }
  draft.judged.push(verdict);
  return verdict;
}

/** The last one of each claim: most say the same in plan after plan. */
const verdicts = new WeakMap<NodeClaim, NodeVerdict>();
