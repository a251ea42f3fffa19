// What plans find of nodes that are well, which is most of a large cluster in every plan, kept for as long as a node is the
// same object in the next snapshot. A plan looks closer at the others only. Entries are held against the very objects that
// they were worked out of, so what is remembered can be late but never wrong.
import type { ClusterSnapshot, SnapshotNode } from '../cluster/build-snapshot.ts';
import { isStanding } from './claim-facts.ts';
import type { PlanDraft } from './plan-draft.ts';
import type { NodeVerdict } from './plan.ts';
import type { PoolState } from './pool-state.ts';

/** Per node of the last plan's snapshot. */
interface Memory<T> {
  nodes: SnapshotNode[];
  values: (T | undefined)[];
}

export interface KeptNodes {
  /** What the last plan said of the node, which this one would say too; undefined: look closer. */
  verdictOf(node: SnapshotNode): NodeVerdict | undefined;
  /** The verdict follows from the node and its pool alone, and nothing is to be done about the node. */
  remember(node: SnapshotNode, verdict: NodeVerdict): void;
}

interface Verdicts extends Memory<NodeVerdict> {
  pools: readonly PoolState[];
}

const verdicts = new WeakMap<ClusterSnapshot['lineage'], Verdicts>();

/** Verdicts of plans for snapshots of one lineage. None while something is removed or nothing may be. */
export function openKeptNodes(draft: PlanDraft): KeptNodes {
  const { snapshot, fork, pools } = draft;
  let known = verdicts.get(snapshot.lineage);
  if (known === undefined || !isSame(known.pools, pools)) {
    known = { nodes: [], values: [], pools };
    verdicts.set(snapshot.lineage, known);
  }
  const { nodes, values } = known;
  const holds = draft.objects.frozen === undefined && draft.removals.size === 0;
  return {
    verdictOf(node) {
      const verdict = holds && nodes[node.index] === node ? values[node.index] : undefined;
      return verdict === undefined || fork.placedOn(node.index).length > 0 ? undefined : verdict;
    },
    remember(node, verdict) {
      nodes[node.index] = node;
      values[node.index] = verdict;
    },
  };
}

interface Ready extends Memory<string> {
  readonly counts: Map<string, number>;
}

const ready = new WeakMap<ClusterSnapshot['lineage'], Ready>();

/** Nodes that are Ready, by pool, of claims that stand after the plan. */
export function readyByPool({ snapshot, removals }: PlanDraft): ReadonlyMap<string, number> {
  let known = ready.get(snapshot.lineage);
  if (known === undefined || known.nodes.length !== snapshot.nodes.length) {
    known = { nodes: [], values: [], counts: new Map() };
    ready.set(snapshot.lineage, known);
  }
  const { nodes, values, counts } = known;
  const add = (pool: string | undefined, by: 1 | -1, to = counts): void => {
    if (pool !== undefined) to.set(pool, (to.get(pool) ?? 0) + by);
  };
  for (const node of snapshot.nodes) {
    const { index } = node;
    if (nodes[index] === node) continue;
    add(values[index], -1);
    nodes[index] = node;
    values[index] = readyPoolOf(node);
    add(values[index], 1);
  }
  if (removals.size === 0) return new Map(counts);
  const left = new Map(counts);
  for (const { index, claim } of snapshot.nodes) {
    if (claim !== undefined && removals.has(claim.metadata.name)) add(values[index], -1, left);
  }
  return left;
}

/** Its pool, when it is Ready and stands. */
function readyPoolOf({ claim, node }: SnapshotNode): string | undefined {
  if (claim?.status?.phase !== 'Ready' || node?.ready !== 'True' || !isStanding(claim)) return undefined;
  return claim.spec.poolName;
}

function isSame(left: readonly PoolState[], right: readonly PoolState[]): boolean {
  return left.length === right.length && left.every((pool, index) => pool === right[index]);
}
