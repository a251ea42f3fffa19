// What if these nodes were gone? Their pods first take the room that other nodes have; what is left is packed on new nodes with
// the packer that pods that wait get theirs from. A set that must leave pods over, or saves too little, is no replacement.
// Fork and budget are left as they were.
import { placeGroups } from '../simulation/place-groups.ts';
import { isMovable } from './claim-facts.ts';
import { nameOf, type NewNode, type PlanDraft, splitNodes } from './plan-draft.ts';
import type { Refused } from './node-limits.ts';
import { leftInSomeOrder, ordersFor } from './placed-in-any-order.ts';
import { AXES, type Amounts, amountsLeft, leastCost } from './least-cost.ts';
import { demandOf, nextPod, type PodGroup } from './pod-groups.ts';
import type { Offer } from './pool-offers.ts';
import { sizeOf } from './pool-size.ts';
import type { PoolState } from './pool-state.ts';
import { openDisruptionLedger } from './removal-rules/disruption-ledger.ts';
import { packSettled } from './settle-spread.ts';
import type { Candidate } from './scale-down-candidates.ts';

/** Least saving, as a share of what the nodes that go cost: a server that boots, pods that move and caches that warm up again
 *  cost something too, and prices within a few per cent of each other are the same price. It also bounds a chain of replacements
 *  of one load: each is a tenth cheaper than the one before. */
const LEAST_SAVING_SHARE = 0.1;
/** A pod that moves is charged with this share of what an average pod costs per hour: dozens of small pods are not moved for
 *  what one big one could save, and of two replacements that save about as much the one that disturbs less is taken. */
const MOVE_SHARE = 0.1;
/** Steps that the parts of a trial count, measured with 40 to 5,000 nodes. A packing of the pods of a few nodes takes 10 to 20 ms,
 *  whatever they are. */
const STEPS_PER_NODE_LOOKED_AT = 2;
const STEPS_PER_MOVE = 100;
const STEPS_PER_SEARCH = 200;
const STEPS_PER_TEMPLATE = 100;
const STEPS_PER_PACKING = 600_000;
/** Sums of prices are floating point. */
const COST_TOLERANCE = 1e-9;

export interface CheaperNodes {
  readonly candidates: readonly Candidate[];
  /** In their place; empty: other nodes have room for all of their pods. */
  readonly nodes: readonly NewNode[];
  readonly savesPerHour: number;
  /** The same less what the moves are charged with; the more the better. */
  readonly worth: number;
  readonly podsMoved: number;
}

/** What a search goes by. */
export interface Terms {
  readonly draft: PlanDraft;
  readonly cutoff: number;
  /** Where new nodes may come from. */
  readonly pools: readonly PoolState[];
  readonly offers: readonly Offer[];
  readonly unitPrices: Amounts;
  /** What a pod costs on average, per hour. */
  readonly pricePerPod: number;
  /** Nodes with pods that may drain at once. */
  readonly drainsMax: number;
  /** Raised by what each trial cost, in steps of about 30 ns. */
  steps: number;
}

export type Tried =
  | { readonly kind: 'cheaper'; readonly found: CheaperNodes }
  /** `limit`: what forbade the new nodes. */
  | { readonly kind: 'no'; readonly limit: Refused | undefined };

const NO: Tried = { kind: 'no', limit: undefined };

/** What doing without these nodes could be worth at most; undefined: too little. */
export function mostWorth(terms: Terms, candidates: readonly Candidate[]): number | undefined {
  if (!drainTogether(terms, candidates)) return undefined;
  const { fork } = terms.draft;
  const mark = fork.mark();
  const emptied = emptyNodes(terms, candidates);
  fork.rollback(mark);
  const most = emptied.price - leastCost(amountsLeft(emptied.left), terms.unitPrices);
  return most < emptied.leastSaving ? undefined : most - emptied.charge;
}

/** Tries to do without the nodes of `candidates`. What is found still has to be looked at by holdsInAnyOrder. */
export function tryCheaperNodes(terms: Terms, candidates: readonly Candidate[]): Tried {
  const { fork, budget } = terms.draft;
  const mark = fork.mark();
  const releaseBudget = budget.checkpoint();
  try {
    return tryOnFork(terms, candidates);
  } finally {
    fork.rollback(mark);
    releaseBudget();
  }
}

function tryOnFork(terms: Terms, candidates: readonly Candidate[]): Tried {
  if (!drainTogether(terms, candidates)) return NO;
  const { groups, left, price, podsMoved, charge, leastSaving } = emptyNodes(terms, candidates);
  if (price - leastCost(amountsLeft(left), terms.unitPrices) < leastSaving) return NO;
  const nodes = packCheaply(terms, left, groups);
  if (nodes === undefined) return { kind: 'no', limit: limitOf(terms) };
  const savesPerHour = price - nodes.reduce((sum, { offer }) => sum + offer.pricePerHour, 0);
  if (savesPerHour < leastSaving || !keepsMinNodes(terms.draft, candidates, nodes)) return NO;
  return { kind: 'cheaper', found: { candidates, nodes, savesPerHour, worth: savesPerHour - charge, podsMoved } };
}

/** Budgets and the number of drains let all of them go at once: one that had to wait for its turn would get the pods of the others. */
function drainTogether({ draft, drainsMax }: Terms, candidates: readonly Candidate[]): boolean {
  const ledger = openDisruptionLedger(draft.objects.podDisruptionBudgets);
  let drains = 0;
  return candidates.every(({ pods }) => {
    if (pods.length > 0) drains += 1;
    if (drains > drainsMax || ledger.refusal(pods) !== undefined) return false;
    ledger.take(pods);
    return true;
  });
}

interface Emptied {
  readonly groups: readonly PodGroup[];
  /** Those of them that other nodes do not have room for. */
  readonly left: readonly PodGroup[];
  /** Of the nodes that were emptied. */
  readonly price: number;
  readonly podsMoved: number;
  /** What the moves are charged with. */
  readonly charge: number;
  readonly leastSaving: number;
}

/** Takes the nodes away, and puts their pods where other nodes have room. */
function emptyNodes(terms: Terms, candidates: readonly Candidate[]): Emptied {
  const { fork } = terms.draft;
  const groups = groupsOn(terms, candidates);
  const podsMoved = groups.reduce((sum, group) => sum + group.pods.length, 0);
  terms.steps += groups.length * fork.nodeCount * STEPS_PER_NODE_LOOKED_AT + podsMoved * STEPS_PER_MOVE;
  placeGroups(fork, groups, { place: land });
  const left = groups.filter((group) => nextPod(group) !== undefined);
  const price = candidates.reduce((sum, one) => sum + one.pricePerHour, 0);
  const charge = podsMoved * terms.pricePerPod * MOVE_SHARE;
  const leastSaving = Math.max(price * LEAST_SAVING_SHARE, charge) - COST_TOLERANCE;
  return { groups, left, price, podsMoved, charge, leastSaving };
}

/** Takes the nodes away; their pods that must go elsewhere. */
function groupsOn({ draft, cutoff }: Terms, candidates: readonly Candidate[]): readonly PodGroup[] {
  const pods = candidates.flatMap(({ node }) => draft.fork.removeNode(node.index));
  const displaced = pods.filter((pod) => pod.priority >= cutoff && isMovable(pod));
  return demandOf({ pending: [], displaced, rehoused: [] });
}

function land(group: PodGroup, { count }: { readonly count: number }): void {
  group.placed += count;
}

/** New nodes for what is `left` of the groups; undefined: there are none for all of it. One node for all of them first: the
 *  packer is made for many. */
function packCheaply(
  terms: Terms,
  left: readonly PodGroup[],
  groups: readonly PodGroup[],
): readonly NewNode[] | undefined {
  if (left.length === 0) return [];
  const one = oneNodeFor(terms, left);
  if (one !== undefined && one.offer.pricePerHour <= leastCost(amountsLeft(left), terms.unitPrices) + COST_TOLERANCE)
    return [one];
  const next = nextDraft(terms);
  terms.steps += STEPS_PER_PACKING;
  packSettled(next, left, groups);
  splitNodes(next);
  const packed = left.every((group) => nextPod(group) === undefined);
  const nodes = next.newNodes.filter((node) => node.pods.length > 0);
  const cost = nodes.reduce((sum, { offer }) => sum + offer.pricePerHour, 0);
  if (one !== undefined && (!packed || one.offer.pricePerHour <= cost + COST_TOLERANCE)) return [one];
  return packed ? nodes : undefined;
}

/** The cheapest node that takes all of them, as the offers are in that order by pool. */
function oneNodeFor(terms: Terms, left: readonly PodGroup[]): NewNode | undefined {
  const { draft, offers } = terms;
  const amounts = amountsLeft(left);
  const { fork, budget, names } = draft;
  for (const offer of [...offers].sort((a, b) => a.pricePerHour - b.pricePerHour)) {
    const { pool, template } = offer;
    if (AXES.some((axis) => amounts[axis] > template.allocatable[axis])) continue;
    if (budget.refusal(pool, template.flavor) !== undefined) continue;
    terms.steps += left.length * STEPS_PER_TEMPLATE;
    const mark = fork.mark();
    const index = fork.addTemplateNode(template, '~one');
    const copies = left.map((group) => ({ ...group }));
    placeGroups(fork, copies, { from: index, place: land });
    fork.rollback(mark);
    if (copies.some((group) => nextPod(group) !== undefined)) continue;
    const pods = left.map((group) => ({ pods: group.pods, from: group.placed, to: group.pods.length }));
    return { pool, offer, names: names.next(pool.name, 1), reason: '', pods };
  }
  return undefined;
}

/** A draft of its own for the packer: the fork, the budget and the names are the plan's, what is decided on it is not. */
function nextDraft({ draft, pools }: Terms): PlanDraft {
  return {
    ...draft,
    pools,
    newNodes: [],
    newNodeCounts: new Map(),
    forkedNodes: [],
    unforkedNodes: [],
    podRuns: [],
    blocked: new Map(),
    improved: undefined,
    solved: [],
  };
}

/** The first limit that stands against one of the new nodes. */
function limitOf({ draft, offers }: Terms): Refused | undefined {
  for (const { pool, template } of offers) {
    const refusal = draft.budget.refusal(pool, template.flavor);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function keepsMinNodes(draft: PlanDraft, candidates: readonly Candidate[], nodes: readonly NewNode[]): boolean {
  return candidates.every(({ pool }) => {
    const lost = candidates.filter((one) => one.pool === pool).length;
    const added = nodes.filter((node) => node.pool === pool).length;
    return sizeOf(draft, pool) - lost + added >= pool.settings.minNodes;
  });
}

/** No pod is left over in whatever order the scheduler takes them. What is tighter than that is not to be tried. */
export function holdsInAnyOrder(terms: Terms, { candidates, nodes, podsMoved }: CheaperNodes): boolean {
  const { fork, snapshot } = terms.draft;
  const mark = fork.mark();
  const groups = groupsOn(terms, candidates);
  for (const node of nodes) fork.addTemplateNode(node.offer.template, nameOf(node));
  terms.steps += podsMoved * ordersFor(podsMoved) * STEPS_PER_SEARCH;
  const left = leftInSomeOrder(fork, groups, { newFrom: snapshot.nodes.length });
  fork.rollback(mark);
  return left === undefined;
}
