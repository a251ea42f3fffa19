// What plans find of nodes that are well, which is most of a large cluster in every plan, kept for as long as a node is made of
// the same objects in the next snapshot. A plan looks closer at the others only. Entries are held against the very objects
// that they were worked out of, so what is remembered can be late but never wrong.
import type { ClusterSnapshot, SnapshotNode } from '../cluster/build-snapshot.ts';
import { compareText, isStanding } from './claim-facts.ts';
import type { PlanDraft } from './plan-draft.ts';
import type { NodeVerdict } from './plan.ts';
import type { PoolState } from './pool-state.ts';

export interface KeptNodes {
  /** What the last plan said of the snapshot's node at this index, which this one would say too; undefined: look closer. */
  verdictAt(index: number): NodeVerdict | undefined;
  /** Puts the verdicts of a plan in order of their claims, in which it mostly finds them. */
  sort(verdicts: NodeVerdict[]): void;
  /** The verdict follows from the node and its pool alone, and nothing is to be done about the node. */
  remember(node: SnapshotNode, verdict: NodeVerdict): void;
}

/** Verdicts of plans for snapshots of one lineage. None of nodes that are removed, or while nothing may be. */
export function openKeptNodes(draft: PlanDraft): KeptNodes {
  const { snapshot, fork, removals } = draft;
  const known = memoryOf(snapshot);
  const rules = draft.pools.map(rulesOf).join();
  if (known.rules !== rules) {
    known.verdicts.fill(undefined);
    known.rules = rules;
  }
  const { verdicts } = known;
  const holds = draft.objects.frozen === undefined;
  return {
    verdictAt(index) {
      const verdict = holds ? verdicts[index] : undefined;
      if (verdict === undefined || fork.placedOn(index).length > 0) return undefined;
      return removals.size > 0 && removals.has(verdict.claim) ? undefined : verdict;
    },
    sort(list) {
      if (!isInOrderOf(known.sorted, list)) list.sort((a, b) => compareText(a.claim, b.claim));
      known.sorted = list;
    },
    remember({ index }, verdict) {
      verdicts[index] = verdict;
    },
  };
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
  /** undefined: look closer. */
  verdicts: (NodeVerdict | undefined)[];
  /** Of the last plan, in order. */
  sorted: readonly NodeVerdict[];
  /** undefined: it is not Ready, or does not stand. */
  readyPools: (string | undefined)[];
  readonly readyCounts: Map<string, number>;
  /** Of the pools: what is said of a node follows from them too. */
  rules: string;
}

const memories = new WeakMap<ClusterSnapshot['lineage'], Memory>();

/** What is known of the snapshot's nodes, at their indexes. Costs a look at each node, and more for those that changed. */
function memoryOf({ lineage, nodes }: ClusterSnapshot): Memory {
  let known = memories.get(lineage);
  if (known === undefined) {
    known = { nodes: [], verdicts: [], sorted: [], readyPools: [], readyCounts: new Map(), rules: '' };
    memories.set(lineage, known);
  }
  if (known.nodes === nodes) return known;
  if (!haveSameNames(known.nodes, nodes)) moveTo(known, nodes);
  const before = known.nodes;
  for (let index = 0; index < nodes.length; index += 1) {
    const node = nodes[index];
    const old = before[index];
    if (node === old || node === undefined || (old !== undefined && isMadeOfSame(old, node))) continue;
    known.verdicts[index] = undefined;
    count(known.readyCounts, known.readyPools[index], -1);
    known.readyPools[index] = readyPoolOf(node);
    count(known.readyCounts, known.readyPools[index], 1);
  }
  known.nodes = nodes;
  return known;
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
    readyPools.push(isKnown ? known.readyPools[from] : undefined);
    if (isKnown) from += 1;
  }
  for (; from < known.nodes.length; from += 1) count(known.readyCounts, known.readyPools[from], -1);
  known.nodes = old;
  known.verdicts = verdicts;
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
