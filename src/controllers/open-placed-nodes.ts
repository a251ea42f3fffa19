// No node stays closed by the placing taint: it goes at once where hints are not used, and else when its time is over,
// whatever became of the pass that should have done it. The time counts from the Node itself, so a successor knows it too.
import type { NodeObject } from '../cluster/cluster-objects.ts';
import { isNodeOfClaim } from '../lifecycle/ownership.ts';
import type { ClusterContext, ReconcileOutcome } from './cluster-context.ts';
import { extraWaitMs } from './large-round.ts';
import { clusterFields, errorFields } from './log-fields.ts';
import { ownClaims } from './observe-cluster.ts';
import { isPlacing, PLACING_TAINT, type PlacementHints } from './placement-hints.ts';
import { isPortError } from './port-errors.ts';

/** Passes come each second while anything changes; four hundred full nodes that join at once take a minute of names. */
const OPEN_AFTER_READY_MS = 120_000;
/** A node whose network pods do not tolerate the taint never becomes Ready while it stands. */
const OPEN_AFTER_CREATION_MS = 120_000;
/** A lift costs two requests; a hundred a round are done in a second. */
const LIFTS_PER_ROUND_MAX = 100;
const NEXT_LOOK_MS = 5000;
const IDLE_LOOK_MS = 60_000;

/** Lifts the taint from this cluster's nodes that have had it for long enough. `placing`: passes are made that do it
 *  in time. Failures are logged and tried again; only a programmer error rejects. */
export async function openPlacedNodes(
  context: ClusterContext,
  options: { readonly hints: PlacementHints; readonly placing: boolean },
): Promise<ReconcileOutcome> {
  const claims = new Map(ownClaims(context).map((claim) => [claim.metadata.name, claim]));
  const closed = context.workload.stores.nodes.list().filter((node) => {
    const claim = isPlacing(node) ? claims.get(node.name) : undefined;
    return claim !== undefined && !node.deleting && isNodeOfClaim(claim, node);
  });
  if (closed.length === 0) return { kind: 'wait', afterMs: IDLE_LOOK_MS, why: 'no node waits for its pods' };
  const { kind } = options.hints.use();
  // Not known yet: the first question to the server is under way.
  const inUse = options.placing && (kind === 'on' || kind === 'unknown');
  const nowMs = context.clock.nowMs();
  const extraMs = extraWaitMs([...claims.values()].filter(({ metadata }) => !isOpen(context, metadata.name)));
  const due = inUse ? closed.filter((node) => opensAtMs(node) + extraMs <= nowMs) : closed;
  for (const node of due.slice(0, LIFTS_PER_ROUND_MAX)) {
    if (!context.lease().held || context.signal.aborted) break;
    await lift(context, node, inUse ? 'deadline' : 'notUsed');
  }
  return { kind: 'wait', afterMs: NEXT_LOOK_MS, why: `${closed.length} nodes wait for their pods` };
}

function isOpen({ workload }: ClusterContext, name: string): boolean {
  const node = workload.stores.nodes.get(name);
  return node !== undefined && !isPlacing(node);
}

/** When the taint goes whatever happened, in wall-clock ms, but for nodes of a large round. Readiness is the kubelet's word, creation the server's. */
export function opensAtMs(node: Pick<NodeObject, 'ready' | 'readyChangedMs' | 'createdMs'>): number {
  const latestMs = node.createdMs + OPEN_AFTER_CREATION_MS;
  return node.ready === 'True' ? Math.min(node.readyChangedMs, latestMs) + OPEN_AFTER_READY_MS : latestMs;
}

async function lift(context: ClusterContext, node: NodeObject, why: 'deadline' | 'notUsed'): Promise<void> {
  const labels = clusterFields(context);
  try {
    await context.workload.liftTaint(node, PLACING_TAINT);
    context.telemetry.count('sluice_placing_taints_lifted_total', { ...labels, why });
    if (why === 'deadline') {
      context.telemetry.log('warn', 'a node was opened before its pods were named', { ...labels, node: node.name });
    }
  } catch (error) {
    if (!isPortError(error)) throw error;
    const fields = { ...labels, node: node.name, ...errorFields(error) };
    context.telemetry.log('warn', 'a node could not be opened to pods', fields);
  }
}
