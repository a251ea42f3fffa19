// Part of check-plan: what removals by choice do to pods. Counted over the whole set of nodes that drain: no budget may
// be asked for more than it has by several nodes, and none at all that has nothing left. Each kind of pods is compared
// with the budgets that name one of its labels, so that thousands of both cost their number and not their product.
import { selectorMatches } from '../cluster/label-selector.ts';
import type { ClusterSnapshot, SnapshotNode } from '../cluster/build-snapshot.ts';
import type { PodDisruptionBudgetObject, PodObject, PodShape, Requirement } from '../cluster/cluster-objects.ts';
import type { Finding } from './finding.ts';
import type { Plan } from './plan.ts';

/** Removals that are the planner's own choice; the others carry out a person's word or what has happened already. */
const BY_CHOICE: ReadonlySet<string> = new Set(['ScaleDown', 'Unready', 'Consolidated']);
/** Cluster-autoscaler's cutoff: below it a pod keeps no node. */
const EXPENDABLE_CUTOFF_DEFAULT = -10;

/** Evicted pods of one kind, one entry per pod: the node that it is on. */
type NodesOfKind = Map<PodShape, SnapshotNode[]>;

/** Removals by choice that would break a budget or a pod's wish to stay. All fatal. */
export function checkDisruptions(plan: Plan, snapshot: ClusterSnapshot): readonly Finding[] {
  const chosen = chosenNodes(plan, snapshot);
  if (chosen.size === 0) return [];
  const cutoff = snapshot.objects.cluster.spec.autoscaler?.expendablePodsPriorityCutoff ?? EXPENDABLE_CUTOFF_DEFAULT;
  const findings: Finding[] = [];
  const kinds: NodesOfKind = new Map();
  for (const node of snapshot.nodes) {
    const byChoice = chosen.has(node);
    if (!byChoice && !node.draining) continue;
    for (const pod of node.pods) {
      if (!isEvicted(pod, cutoff)) continue;
      const nodes = kinds.get(pod.shape);
      if (nodes === undefined) kinds.set(pod.shape, [node]);
      else nodes.push(node);
      if (!byChoice || (pod.safeToEvict !== false && !pod.doNotDisrupt)) continue;
      const message = `node '${node.name}' has pod ${pod.namespace}/${pod.name}, not to be evicted`;
      findings.push(fatal('disruption', message, poolOf([node])));
    }
  }
  const { podDisruptionBudgets } = snapshot.objects;
  const candidates = indexByLabel(kinds.keys(), new Set(podDisruptionBudgets.map((budget) => wordOf(budget)?.key)));
  for (const budget of podDisruptionBudgets) {
    const asked = candidates(budget).flatMap((shape) => kinds.get(shape) ?? []);
    findings.push(...checkBudget(budget, { asked, chosen }));
  }
  return findings;
}

/** `asked`: the node of each pod that the plan, or a drain that is under way, takes from the budget. */
function checkBudget(
  budget: PodDisruptionBudgetObject,
  of: { readonly asked: readonly SnapshotNode[]; readonly chosen: ReadonlySet<SnapshotNode> },
): readonly Finding[] {
  const nodes = new Set(of.asked);
  const uses = [...nodes].filter((node) => of.chosen.has(node));
  if (uses.length === 0) return [];
  const findings: Finding[] = [];
  const name = `PodDisruptionBudget ${budget.namespace}/${budget.name}`;
  if (budget.disruptionsAllowed < 1) {
    findings.push(fatal('disruptionBudget', `${name} allows nothing and the plan evicts its pods`, poolOf(uses)));
  }
  // One node alone drains its pods one after another; several at once add up.
  if (nodes.size > 1 && of.asked.length > budget.disruptionsAllowed) {
    const message = `${name} allows ${budget.disruptionsAllowed} and ${nodes.size} nodes evict ${of.asked.length}`;
    findings.push(fatal('disruptionBudget', message, poolOf(uses)));
  }
  return findings;
}

function isEvicted(pod: PodObject, cutoff: number): boolean {
  return !pod.mirror && !pod.deleting && pod.controller?.kind !== 'DaemonSet' && pod.priority >= cutoff;
}

/** Which of the shapes each budget selects. Looked up by a label that its selector asks for, `keys` being those of all budgets; one
 *  that asks for none by value is compared with every shape of its namespace. */
function indexByLabel(
  shapes: Iterable<PodShape>,
  keys: ReadonlySet<string | undefined>,
): (budget: PodDisruptionBudgetObject) => readonly PodShape[] {
  const all = new Map<string, PodShape[]>();
  const byLabel = new Map<string, Map<string, Map<string, PodShape[]>>>();
  for (const shape of shapes) {
    listed(all, shape.namespace).push(shape);
    for (const [key, value] of shape.labels) {
      if (keys.has(key)) listed(mapped(mapped(byLabel, shape.namespace), key), value).push(shape);
    }
  }
  return (budget) => {
    const { namespace, selector } = budget;
    const word = wordOf(budget);
    const values = word === undefined ? undefined : byLabel.get(namespace)?.get(word.key);
    const found =
      word === undefined
        ? (all.get(namespace) ?? [])
        : [...new Set(word.values)].flatMap((value) => values?.get(value) ?? []);
    return found.filter((shape) => selectorMatches(selector, shape.labels));
  };
}

/** A label that the selector asks for, with its values. */
function wordOf({ selector }: PodDisruptionBudgetObject): Requirement | undefined {
  return selector?.requirements.find(({ operator }) => operator === 'In');
}

function listed(lists: Map<string, PodShape[]>, key: string): PodShape[] {
  let list = lists.get(key);
  if (list === undefined) lists.set(key, (list = []));
  return list;
}

function mapped<Value>(maps: Map<string, Map<string, Value>>, key: string): Map<string, Value> {
  let map = maps.get(key);
  if (map === undefined) maps.set(key, (map = new Map()));
  return map;
}

/** The one pool of all `nodes`; undefined: there are several, and only all of them together are at fault. */
function poolOf(nodes: readonly SnapshotNode[]): string | undefined {
  const pools = new Set(nodes.map((node) => node.claim?.spec.poolName));
  return pools.size === 1 ? [...pools][0] : undefined;
}

function chosenNodes(plan: Plan, snapshot: ClusterSnapshot): ReadonlySet<SnapshotNode> {
  const names = new Set(
    plan.steps.flatMap((step) => (step.kind === 'removeClaim' && BY_CHOICE.has(step.reason) ? [step.claim] : [])),
  );
  if (names.size === 0) return new Set();
  return new Set(snapshot.nodes.filter((node) => node.claim !== undefined && names.has(node.claim.metadata.name)));
}

function fatal(kind: string, message: string, pool?: string): Finding {
  return { severity: 'fatal', kind, message, ...(pool === undefined ? {} : { pool }) };
}
