// What plans find of nodes that are well, which is most of a large cluster in every plan, kept for as long as a node is made of
// the same objects in the next snapshot. A plan looks closer at the others only. Entries are held against the very objects
// that they were worked out of, so what is remembered can be late but never wrong. Longer than 250 lines because all that is
// remembered of a node is forgotten in the same places.
import type { ClusterSnapshot, SnapshotNode } from '../cluster/build-snapshot.ts';
import type { ClusterObjects } from '../cluster/cluster-objects.ts';
import { compareText, isStanding } from './claim-facts.ts';
import type { PlanDraft } from './plan-draft.ts';
import type { NodeVerdict } from './plan.ts';
import type { PoolState } from './pool-state.ts';
import type { Lasting } from './scale-down-candidates.ts';

export interface KeptNodes {
  /** Indexes of nodes to be looked at; undefined: all. The others have the verdict that they had. */
  readonly open: readonly number[] | undefined;
  /** What the last plan said of the snapshot's node at this index, which this one would say too; undefined: look closer. */
  verdictAt(index: number): NodeVerdict | undefined;
  /** All verdicts, in order of their claims: those of this plan, and of nodes that it did not look at. */
  all(verdicts: readonly NodeVerdict[]): readonly NodeVerdict[];
  /** The verdict follows from what is said, and nothing is to be done about the node. */
  remember(node: SnapshotNode, verdict: NodeVerdict, from: Lasting): void;
}

/** Verdicts of plans for snapshots of one lineage. None of nodes that are removed, or while nothing may be. */
export function openKeptNodes(draft: PlanDraft): KeptNodes {
  const { snapshot, fork, removals } = draft;
  const known = memoryOf(snapshot);
  const rules = draft.pools.map(rulesOf).join();
  if (known.rules !== rules) {
    known.verdicts.fill(undefined);
    known.unsaid = undefined;
    known.rules = rules;
  }
  forgetOtherBudgets(known, draft.objects);
  const { verdicts } = known;
  const holds = draft.objects.frozen === undefined && removals.size === 0 && draft.held.size === 0;
  const touched = [...fork.touched()].filter((index) => index < snapshot.nodes.length);
  const open =
    holds && known.unsaid !== undefined ? [...new Set([...known.unsaid, ...known.saidElse, ...touched])] : undefined;
  return {
    open,
    verdictAt(index) {
      const verdict = draft.objects.frozen === undefined ? verdicts[index] : undefined;
      if (verdict === undefined || fork.placedOn(index).length > 0) return undefined;
      return removals.size > 0 && removals.has(verdict.claim) ? undefined : verdict;
    },
    all(list) {
      const { unsaid } = known;
      // Should the lists not agree, the next plan looks at all nodes again.
      known.unsaid = undefined;
      const sorted = open === undefined ? inOrder(list, known.sorted) : withOthers(known.sorted, list);
      known.sorted = sorted;
      if (open !== undefined) known.unsaid = unsaid;
      else if (holds) known.unsaid = unsaidOf(snapshot, verdicts);
      known.saidElse = touched;
      return sorted;
    },
    remember({ index }, verdict, from) {
      verdicts[index] = verdict;
      known.unsaid?.delete(index);
      known.from[index] = from;
    },
  };
}

/** Forgets verdicts that followed from other disruption budgets, or from what else was said of the cluster. */
function forgetOtherBudgets(known: Memory, { podDisruptionBudgets, cluster }: ClusterObjects): void {
  if (known.budgets === podDisruptionBudgets && known.cluster === cluster) return;
  known.budgets = podDisruptionBudgets;
  known.cluster = cluster;
  for (let index = 0; index < known.verdicts.length; index += 1) {
    if (known.verdicts[index] === undefined || known.from[index] !== 'budgets') continue;
    known.verdicts[index] = undefined;
    known.unsaid?.add(index);
  }
}

/** Indexes of nodes of ours without a verdict that lasts. */
function unsaidOf({ nodes }: ClusterSnapshot, verdicts: readonly (NodeVerdict | undefined)[]): Set<number> {
  const unsaid = new Set<number>();
  for (let index = 0; index < nodes.length; index += 1) {
    if (verdicts[index] === undefined && nodes[index]?.claim !== undefined) unsaid.add(index);
  }
  return unsaid;
}

/** The list in order of its claims, which is mostly that of the last one. */
function inOrder(list: readonly NodeVerdict[], last: readonly NodeVerdict[]): readonly NodeVerdict[] {
  return isInOrderOf(last, list) ? list : list.toSorted((a, b) => compareText(a.claim, b.claim));
}

/** The last list with some verdicts in the place of those of the same claims. */
function withOthers(last: readonly NodeVerdict[], list: readonly NodeVerdict[]): readonly NodeVerdict[] {
  let own: NodeVerdict[] | undefined;
  for (const verdict of list) {
    const place = placeOf(last, verdict.claim);
    if (last[place]?.claim !== verdict.claim) throw new Error('a node of ours must have had a verdict before');
    if (last[place] === verdict) continue;
    own ??= last.slice();
    own[place] = verdict;
  }
  return own ?? last;
}

/** Where the claim is in the list, which is in order. */
function placeOf(list: readonly NodeVerdict[], claim: string): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle]?.claim ?? '') < claim) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Nodes that are Ready, by pool, of claims that stand after the plan. */
export function readyByPool({ snapshot, removals }: PlanDraft): ReadonlyMap<string, number> {
  const { readyPools, readyCounts } = memoryOf(snapshot);
  const left = new Map(readyCounts);
  if (removals.size === 0) return left;
  for (const { index, claim } of snapshot.nodes) {
    if (claim !== undefined && removals.has(claim.metadata.name)) count(left, readyPools[index], -1);
  }
  return left;
}

/** Per node of the last plan's snapshot. */
interface Memory {
  nodes: readonly (SnapshotNode | undefined)[];
  /** Of those nodes. */
  mark: object | undefined;
  /** undefined: look closer. */
  verdicts: (NodeVerdict | undefined)[];
  /** Of the last plan, in order of their claims. */
  sorted: readonly NodeVerdict[];
  /** Nodes of ours without one of `verdicts`; while it is known, `sorted` has a verdict of each node of ours. */
  unsaid: Set<number> | undefined;
  /** Nodes of which `sorted` may say something else than `verdicts`. */
  saidElse: readonly number[];
  /** What each of `verdicts` follows from. */
  from: (Lasting | undefined)[];
  budgets: ClusterObjects['podDisruptionBudgets'] | undefined;
  cluster: ClusterObjects['cluster'] | undefined;
  /** undefined: it is not Ready, or does not stand. */
  readyPools: (string | undefined)[];
  readonly readyCounts: Map<string, number>;
  /** Of the pools: what is said of a node follows from them too. */
  rules: string;
}

const memories = new WeakMap<ClusterSnapshot['lineage'], Memory>();

/** What is known of the snapshot's nodes, at their indexes. Costs what changed where the snapshot tells it, else a look at each
 *  node. */
function memoryOf({ lineage, nodes, renewal }: ClusterSnapshot): Memory {
  let known = memories.get(lineage);
  if (known === undefined) memories.set(lineage, (known = emptyMemory()));
  if (known.mark === renewal.mark) return known;
  if (known.mark !== undefined && known.mark === renewal.since) {
    for (const index of renewal.indexes) renew(known, index, nodes[index]);
  } else {
    known.unsaid = undefined;
    if (!haveSameNames(known.nodes, nodes)) moveTo(known, nodes);
    for (let index = 0; index < nodes.length; index += 1) renew(known, index, nodes[index]);
  }
  known.nodes = nodes;
  known.mark = renewal.mark;
  return known;
}

function emptyMemory(): Memory {
  return {
    nodes: [],
    mark: undefined,
    verdicts: [],
    sorted: [],
    unsaid: undefined,
    saidElse: [],
    from: [],
    budgets: undefined,
    cluster: undefined,
    readyPools: [],
    readyCounts: new Map(),
    rules: '',
  };
}

/** Forgets what was known of a node that is made of other objects now. */
function renew(known: Memory, index: number, node: SnapshotNode | undefined): void {
  const old = known.nodes[index];
  if (node === old || node === undefined || (old !== undefined && isMadeOfSame(old, node))) return;
  // Another list of verdicts then: with a claim more, or one less.
  if (known.unsaid !== undefined && old?.claim?.metadata.name !== node.claim?.metadata.name) known.unsaid = undefined;
  known.verdicts[index] = undefined;
  if (node.claim !== undefined) known.unsaid?.add(index);
  count(known.readyCounts, known.readyPools[index], -1);
  known.readyPools[index] = readyPoolOf(node);
  count(known.readyCounts, known.readyPools[index], 1);
}

function haveSameNames(before: readonly (SnapshotNode | undefined)[], nodes: readonly SnapshotNode[]): boolean {
  if (before.length !== nodes.length) return false;
  for (let index = 0; index < nodes.length; index += 1) {
    if (nodes[index] !== before[index] && nodes[index]?.name !== before[index]?.name) return false;
  }
  return true;
}

/** Nodes came or went, so that others have other indexes: what is known moves with them. Both lists are in order of names. */
function moveTo(known: Memory, nodes: readonly SnapshotNode[]): void {
  const old: (SnapshotNode | undefined)[] = [];
  const verdicts: (NodeVerdict | undefined)[] = [];
  const lasting: (Lasting | undefined)[] = [];
  const readyPools: (string | undefined)[] = [];
  let from = 0;
  for (const { name } of nodes) {
    let before = known.nodes[from];
    for (; before !== undefined && before.name < name; before = known.nodes[from]) {
      count(known.readyCounts, known.readyPools[from], -1);
      from += 1;
    }
    const isKnown = before?.name === name;
    old.push(isKnown ? before : undefined);
    verdicts.push(isKnown ? known.verdicts[from] : undefined);
    lasting.push(isKnown ? known.from[from] : undefined);
    readyPools.push(isKnown ? known.readyPools[from] : undefined);
    if (isKnown) from += 1;
  }
  for (; from < known.nodes.length; from += 1) count(known.readyCounts, known.readyPools[from], -1);
  known.nodes = old;
  known.verdicts = verdicts;
  known.from = lasting;
  known.readyPools = readyPools;
}

/** The list has the claims of the other one, at the same places. */
function isInOrderOf(sorted: readonly NodeVerdict[], list: readonly NodeVerdict[]): boolean {
  if (sorted.length !== list.length) return false;
  for (let index = 0; index < list.length; index += 1) {
    if (list[index] !== sorted[index] && list[index]?.claim !== sorted[index]?.claim) return false;
  }
  return true;
}

/** All that a node says follows from these; its index does not. */
function isMadeOfSame(left: SnapshotNode, right: SnapshotNode): boolean {
  return (
    left.pods === right.pods &&
    left.node === right.node &&
    left.claim === right.claim &&
    left.upcoming === right.upcoming
  );
}

function count(counts: Map<string, number>, pool: string | undefined, by: 1 | -1): void {
  if (pool !== undefined) counts.set(pool, (counts.get(pool) ?? 0) + by);
}

/** Its pool, when it is Ready and stands. */
function readyPoolOf({ claim, node }: SnapshotNode): string | undefined {
  if (claim?.status?.phase !== 'Ready' || node?.ready !== 'True' || !isStanding(claim)) return undefined;
  return claim.spec.poolName;
}

const rulesOfPools = new WeakMap<PoolState, string>();

/** Equal for pools that treat their nodes alike, whatever nodes they have. */
function rulesOf(pool: PoolState): string {
  let rules = rulesOfPools.get(pool);
  if (rules === undefined) {
    const { name, deleting, problems, settings } = pool;
    rules = JSON.stringify([name, deleting, problems, settings]);
    rulesOfPools.set(pool, rules);
  }
  return rules;
}
