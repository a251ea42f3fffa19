// Keeps every node as its pool's template says: labels, annotations, finalizers, taints, unschedulable; for as long as it
// lives, as OVH does, because users and rebuilt kubelets take them off. Writes only where something differs.
import { createHash } from 'node:crypto';
import { ANNOTATIONS, API_GROUP, LABELS } from '../api/names.ts';
import type { NodeClaim } from '../api/node-claim.ts';
import type { NodePool } from '../api/node-pool.ts';
import { type PoolSettings, poolSettings } from '../api/defaults.ts';
import type { NodeObject } from '../cluster/cluster-objects.ts';
import { isNodeOfClaim } from '../lifecycle/ownership.ts';
import { clusterLabel } from './claim-status.ts';
import type { ClusterContext, ReconcileOutcome } from './cluster-context.ts';
import { isPortError, type PortErrorCode } from './port-errors.ts';
import type { NodeAssertion } from './ports.ts';

/** Marks a node that the template closed, so that only such a node is opened again: a person's cordon is theirs. */
const CLOSED_BY_TEMPLATE = `${API_GROUP}/unschedulable`;

/** Nodes written in one round; a changed label on a pool of a thousand goes out within a minute, and others get turns. */
const WRITES_PER_ROUND_MAX = 50;
const MORE_NODES_MS = 1000;
/** Changes of nodes and pools wake us; annotations of a node are not watched, so they are put again this often. */
const REASSERT_MS = 1_800_000;
const RECHECK_MS = 300_000;
const BLOCKED_RECHECK_MS = 60_000;
/** What concerns one node (its template, a webhook on it, a race): the others go on. The rest ends the round. */
const CONCERNS_ONE_NODE = new Set<PortErrorCode>(['conflict', 'notFound', 'invalidSpec', 'forbidden']);

interface Asserted {
  readonly hash: string;
  readonly atMs: number;
}

/** Per session, by node uid. What was written before a restart is written once more. */
const asserted = new WeakMap<ClusterContext, Map<string, Asserted>>();

/** Asserts the templates of all pools on all nodes of claims. Rejects with the PortError of a failure that concerns
 *  more than one node. */
export async function assertNodes(context: ClusterContext): Promise<ReconcileOutcome> {
  if (!context.lease().held) return { kind: 'wait', afterMs: RECHECK_MS, why: 'not leading' };
  const frozen = context.frozen();
  if (frozen !== undefined) return { kind: 'wait', afterMs: BLOCKED_RECHECK_MS, why: frozen };
  const memory = asserted.get(context) ?? new Map<string, Asserted>();
  asserted.set(context, memory);
  const { due, seen } = dueNodes(context, memory);
  for (const uid of memory.keys()) if (!seen.has(uid)) memory.delete(uid);
  let blocked = 0;
  for (const { node, assertion, hash } of due.slice(0, WRITES_PER_ROUND_MAX)) {
    if (!context.lease().held || context.signal.aborted) break;
    try {
      await context.workload.assertNode(node, assertion);
      memory.set(node.uid, { hash, atMs: context.clock.monotonicMs() });
    } catch (error) {
      if (!isPortError(error) || !CONCERNS_ONE_NODE.has(error.code)) throw error;
      blocked += 1;
      context.telemetry.log('warn', 'the template of its pool could not be put on a node', {
        cluster: clusterLabel(context),
        node: node.name,
        code: error.code,
        error: error.message,
      });
    }
  }
  if (blocked > 0) return { kind: 'wait', afterMs: BLOCKED_RECHECK_MS, why: `${blocked} nodes could not be written` };
  if (due.length > WRITES_PER_ROUND_MAX) return { kind: 'wait', afterMs: MORE_NODES_MS, why: 'more nodes differ' };
  return { kind: 'wait', afterMs: RECHECK_MS, why: 'all nodes are as their pools say' };
}

/** What the pool wants of this node. Startup taints are not asserted: they are there to be taken off. */
export function assertionOf(pool: NodePool, settings: PoolSettings, node: NodeObject): NodeAssertion {
  const { name } = pool.metadata;
  const close = settings.unschedulable === true;
  const weClosedIt = node.annotations.get(CLOSED_BY_TEMPLATE) === 'true';
  return {
    name: node.name,
    labels: new Map([...settings.labels, [LABELS.nodePool, name], [LABELS.nodePoolOvh, name]]),
    annotations: new Map([...settings.annotations, ...(close ? [[CLOSED_BY_TEMPLATE, 'true'] as const] : [])]),
    finalizers: settings.finalizers,
    taints: settings.taints,
    unschedulable: close ? true : weClosedIt ? false : undefined,
  };
}

/** Where a node's users can read its address: the claim is out of their sight. */
function withFloatingIp(assertion: NodeAssertion, { status }: NodeClaim): NodeAssertion {
  if (status?.floatingIp === undefined) return assertion;
  const annotations = new Map([...assertion.annotations, [ANNOTATIONS.floatingIp, status.floatingIp] as const]);
  return { ...assertion, annotations };
}

/** Is anything of the assertion visibly not so? Annotations are known only as far as the parser keeps them. */
export function differs(node: NodeObject, assertion: NodeAssertion): boolean {
  if (assertion.unschedulable !== undefined && assertion.unschedulable !== node.unschedulable) return true;
  if (assertion.annotations.get(CLOSED_BY_TEMPLATE) !== node.annotations.get(CLOSED_BY_TEMPLATE)) return true;
  if ([...assertion.labels].some(([key, value]) => node.labels.get(key) !== value)) return true;
  if (assertion.finalizers.some((finalizer) => !node.finalizers.includes(finalizer))) return true;
  return assertion.taints.some(
    (taint) =>
      !node.taints.some(
        (other) => other.key === taint.key && other.effect === taint.effect && other.value === taint.value,
      ),
  );
}

interface DueNode {
  readonly node: NodeObject;
  readonly assertion: NodeAssertion;
  readonly hash: string;
}

function dueNodes(
  context: ClusterContext,
  memory: ReadonlyMap<string, Asserted>,
): { readonly due: readonly DueNode[]; readonly seen: ReadonlySet<string> } {
  const nowMs = context.clock.monotonicMs();
  const settings = poolSettingsByName(context);
  const due: DueNode[] = [];
  const seen = new Set<string>();
  for (const claim of context.management.stores.nodeClaims.list()) {
    const node = standingNode(context, claim);
    const pool = settings.get(claim.spec.poolName);
    if (node === undefined || pool === undefined) continue;
    seen.add(node.uid);
    const assertion = withFloatingIp(assertionOf(pool.pool, pool.settings, node), claim);
    const hash = hashOf(assertion);
    const last = memory.get(node.uid);
    const stale = last === undefined || last.hash !== hash || nowMs - last.atMs > REASSERT_MS;
    if (stale || differs(node, assertion)) due.push({ node, assertion, hash });
  }
  return { due, seen };
}

/** By name, as for the planner: a pool that was lost with its definition and applied again has its nodes back. */
function poolSettingsByName(
  context: ClusterContext,
): ReadonlyMap<string, { readonly pool: NodePool; readonly settings: PoolSettings }> {
  const cluster = context.cluster();
  const pools = context.workload.stores.nodePools.list().filter((pool) => !pool.metadata.deletionTimestamp);
  return new Map(pools.map((pool) => [pool.metadata.name, { pool, settings: poolSettings(pool, cluster) }]));
}

/** The claim's Node, if it is there to stay: a node on its way out gets no template, which would open it again. */
function standingNode(context: ClusterContext, claim: NodeClaim): NodeObject | undefined {
  const { metadata, spec, status } = claim;
  if (spec.clusterUid !== context.clusterUid || status?.registeredAt === undefined) return undefined;
  if (metadata.deletionTimestamp !== undefined || status.removal !== undefined || status.failure !== undefined) {
    return undefined;
  }
  const node = context.workload.stores.nodes.get(metadata.name);
  return node !== undefined && !node.deleting && isNodeOfClaim(claim, node) ? node : undefined;
}

function hashOf(assertion: NodeAssertion): string {
  const { labels, annotations, ...rest } = assertion;
  const text = JSON.stringify({ ...rest, labels: sorted(labels), annotations: sorted(annotations) });
  return createHash('sha256').update(text).digest('hex');
}

function sorted(map: ReadonlyMap<string, string>): readonly (readonly [string, string])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}
