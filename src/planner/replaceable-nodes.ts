// Which nodes a search for cheaper ones starts from: of pools that want it, those first whose pods could be had for the smallest
// share of what the node costs. Pods of all nodes are added up, once per list of pods; the rules for removal are asked of the
// first nodes only, as they cost more than the search.
import type { NodeClaim } from '../api/node-claim.ts';
import type { SnapshotNode } from '../cluster/build-snapshot.ts';
import type { PodObject } from '../cluster/cluster-objects.ts';
import { compareText, isMovable } from './claim-facts.ts';
import { nodeIndexOf, type PlanDraft } from './plan-draft.ts';
import { expendableCutoff } from './plan-scale-up.ts';
import type { PoolState } from './pool-state.ts';
import { pricesByFlavor } from './price-model.ts';
import { openDisruptionLedger } from './removal-rules/disruption-ledger.ts';
import { judgeNode, type Candidate } from './scale-down-candidates.ts';
import { grownMs } from './scale-down-times.ts';
import { type Amounts, leastCost } from './try-cheaper-nodes.ts';

/** More than a search has steps for. */
const CANDIDATES_MAX = 64;
/** Nodes that are asked about before that many may go: a cluster whose worst nodes are all held is told so. */
const JUDGED_MAX = 512;

export interface Replaceable {
  /** The most wasteful first; those that `before` names in front. */
  readonly candidates: readonly Candidate[];
  /** Why others may not go, as far as they were asked about. */
  readonly kept: readonly string[];
  /** What a pod of these pools costs on average, per hour. */
  readonly pricePerPod: number;
}

/** The nodes of `pools` to start from. `before`: claims of which something was found before. */
export function replaceableNodes(
  draft: PlanDraft,
  pools: readonly PoolState[],
  by: { readonly unitPrices: Amounts; readonly before: ReadonlySet<NodeClaim> },
): Replaceable {
  const { flavors, prices, podDisruptionBudgets } = draft.objects;
  const ask = {
    cutoff: expendableCutoff(draft),
    budgets: openDisruptionLedger(podDisruptionBudgets),
    prices: pricesByFlavor(flavors, prices),
    whateverUsed: true,
  } as const;
  const kept: string[] = [];
  const ranked = pools.flatMap((pool) =>
    isGrowing(draft, pool, kept) ? [] : rankedNodes(draft, pool, { ...by, prices: ask.prices }),
  );
  ranked.sort((a, b) => a.share - b.share || compareText(a.node.name, b.node.name));
  const candidates: Candidate[] = [];
  for (const { node, claim } of ranked.slice(0, JUDGED_MAX)) {
    if (candidates.length >= CANDIDATES_MAX) break;
    const judged = judgeNode(draft, { ...ask, node, claim });
    if (judged.kind === 'kept') kept.push(`${claim.metadata.name} stays: ${judged.because ?? 'it is leaving'}`);
    else if (judged.candidate.ready) candidates.push(judged.candidate);
  }
  const price = ranked.reduce((sum, one) => sum + one.price, 0);
  const pods = ranked.reduce((sum, { node }) => sum + amountsOf(node.pods).pods, 0);
  return { candidates, kept, pricePerPod: pods === 0 ? 0 : price / pods };
}

function isGrowing(draft: PlanDraft, pool: PoolState, kept: string[]): boolean {
  const shrinksMs = grownMs(draft, pool) + pool.settings.scaleDownDelayAfterAddMs;
  if (draft.nowMs >= shrinksMs) return false;
  draft.dueMs.push(shrinksMs);
  kept.push(`pool ${pool.name} got a node lately (scaleDownDelayAfterAddSeconds)`);
  return true;
}

interface Ranked {
  readonly node: SnapshotNode;
  readonly claim: NodeClaim;
  readonly price: number;
  /** Of the price that its pods are worth; below zero for those that come first anyway. */
  readonly share: number;
}

function rankedNodes(
  draft: PlanDraft,
  pool: PoolState,
  by: {
    readonly prices: ReadonlyMap<string, number>;
    readonly unitPrices: Amounts;
    readonly before: ReadonlySet<NodeClaim>;
  },
): readonly Ranked[] {
  return pool.claims.flatMap((claim): readonly Ranked[] => {
    const node = draft.snapshot.nodes[nodeIndexOf(draft, claim) ?? -1];
    const price = by.prices.get(claim.spec.flavor) ?? 0;
    if (node === undefined || node.claim !== claim || !(price > 0)) return [];
    const share = by.before.has(claim) ? -1 : leastCost(amountsOf(node.pods), by.unitPrices) / price;
    return [{ node, claim, price, share }];
  });
}

const known = new WeakMap<readonly PodObject[], Amounts>();

/** Of the pods that would look for another node. */
function amountsOf(pods: readonly PodObject[]): Amounts {
  let amounts = known.get(pods);
  if (amounts !== undefined) return amounts;
  let [cpuMillis, memoryBytes, count] = [0, 0, 0];
  for (const pod of pods) {
    if (!isMovable(pod)) continue;
    cpuMillis += pod.shape.requests.cpuMillis;
    memoryBytes += pod.shape.requests.memoryBytes;
    count += pod.shape.requests.pods;
  }
  amounts = { cpuMillis, memoryBytes, pods: count };
  known.set(pods, amounts);
  return amounts;
}
