// A plan is exact, and kube-scheduler does not know it: it fills whatever node is Ready in the order of its own queue, and
// leaves some pods pending when all planned nodes are full. Their turn would come with the next plan, a boot of a server
// later. So the first round is simulated, and where it would leave more than a hundredth, the pods left get the nodes now that
// the next plan would add for them. Not where pods are bound by placement hints: there the plan is carried out as it is.
import type { TemplateNode } from '../scheduling/template-node.ts';
import type { SimulatedRound } from '../simulation/joining-round.ts';
import type { QueuedGroup } from '../simulation/scheduling-queue.ts';
import { SchedulerSimulation } from '../simulation/simulate-scheduler.ts';
import { NO_LIMIT } from './bounds/packing-problem.ts';
import { flavorsAdded, flavorWishes } from './flavor-wishes.ts';
import { packNewNodes } from './pack-new-nodes.ts';
import { countNewNodes, type NewNode, type PlanDraft, splitNodes } from './plan-draft.ts';
import type { FirstRound, PodRange } from './plan.ts';
import type { PodGroup } from './pod-groups.ts';

/** Up to so much of a plan's pods may wait for the next one, as simulated. Meant is a hundredth: a real round leaves up to a
 *  quarter more than the simulated one with the middle number (measured on w12: 1.06 % where 1 % was simulated). */
const LEFT_SHARE_MAX = 0.0075;
/** Nobody knows in which order nodes join, and how fast: so many ways are tried, each with an order of its own and this many
 *  times the usual pace, and the one with the middle number of pods left counts. */
const PACES = [1, 2, 0.5, 4, 0.25];
/** Each round adds nodes for what would be left with those of the rounds before. */
const ROUNDS_MAX = 3;
/** Over all runs: half a second at most. */
const STEPS_MAX = 32_000_000;
/** What one round may take of it before it must do with fewer runs. */
const STEPS_PER_ROUND = STEPS_MAX / 8;
/** kube-scheduler asks its API server 50 times a second (its default), once for each pod that it tries. Measured: 49. */
const TRIES_PER_SECOND = 50;
/** The usual pace: so long do servers that were asked for together take to become Ready one after the other, and so fast does a
 *  cloud make them where they are many. */
const JOIN_SECONDS = 30;
const JOINS_PER_SECOND_MAX = 5;
const AMENDED = 'for pods that kube-scheduler is expected to leave over when the other nodes have joined';

/** Pods that the plan puts on new nodes. */
interface OnNewNodes extends QueuedGroup {
  readonly group: PodGroup;
}

interface Way {
  readonly seed: number;
  /** 2: the nodes join in half the time. */
  readonly pace: number;
}

interface Run extends Way {
  readonly round: SimulatedRound;
}

/** Adds nodes to a plan that has been packed, and notes in the draft what the scheduler would leave. The pods keep their places.
 *  `groups`: all of the plan. */
export function amendFirstRound(draft: PlanDraft, groups: readonly PodGroup[]): void {
  const { placing, cluster } = draft.objects;
  // Wanted is not enough: the server may be too old, or refuse them. Who does not ask the server goes by the wish.
  const named = placing ?? cluster.spec.autoscaler?.placementHints === true;
  // What one node holds, it holds in any order.
  if (countNewNodes(draft) < 2 || named) return;
  splitNodes(draft);
  const waiting = onNewNodes(draft, groups);
  const pods = waiting.reduce((sum, one) => sum + one.pods.length, 0);
  if (pods === 0) return;
  const mark = draft.fork.mark();
  for (let index = 0; index < draft.forkedNodes.length; index += 1) {
    draft.fork.removeNode(draft.snapshot.nodes.length + index);
  }
  const simulation = new SchedulerSimulation(draft.fork, waiting, { stepsMax: STEPS_MAX });
  draft.firstRound = amended(draft, { simulation, waiting, groups, pods });
  draft.fork.rollback(mark);
}

interface Amending {
  readonly simulation: SchedulerSimulation;
  readonly waiting: readonly OnNewNodes[];
  readonly groups: readonly PodGroup[];
  readonly pods: number;
}

/** undefined: it would take too long to find out. */
function amended(draft: PlanDraft, amending: Amending): FirstRound | undefined {
  const { pods, simulation } = amending;
  const planned = draft.newNodes.length;
  const enough = pods * LEFT_SHARE_MAX;
  let run = middleRun(draft, simulation, draft.newNodes);
  const leftAsPlanned = run?.round.leftInAll ?? 0;
  let left = leftAsPlanned;
  for (let round = 1; round <= ROUNDS_MAX && run !== undefined && left > enough; round += 1) {
    const before = draft.newNodes.length;
    if (nodesForLeft(draft, amending, run) === 0) break;
    run = middleRun(draft, simulation, draft.newNodes);
    left = run?.round.leftInAll ?? left;
    if (run !== undefined && left <= enough) left = keepFewest(draft, amending, { from: before, enough, left });
  }
  if (run === undefined) {
    draft.cutShort.add(
      `what the scheduler leaves pending in the first round of ${pods} pods was not simulated to the end`,
    );
    if (draft.newNodes.length === planned) return undefined;
  }
  // More nodes, and no pod less is left: they would be bought for nothing.
  if (run !== undefined && left >= leftAsPlanned) {
    takeBack(draft, planned);
    left = leftAsPlanned;
  }
  return { pods, leftAsPlanned, left, amendedNodes: draft.newNodes.length - planned };
}

/** Only the first `count` nodes stay. The budget still counts the others: nothing asks it any more in this plan. */
function takeBack(draft: PlanDraft, count: number): void {
  for (const { pool } of draft.newNodes.splice(count)) {
    draft.newNodeCounts.set(pool, (draft.newNodeCounts.get(pool) ?? 1) - 1);
  }
}

/** Together the nodes leave less room unused than one round after the other: takes back those of the last round that are not
 *  needed, as far as there are steps to find out. Returns how many pods are left. */
function keepFewest(
  draft: PlanDraft,
  { simulation }: Amending,
  of: { readonly from: number; readonly enough: number; readonly left: number },
): number {
  let { left } = of;
  let few = of.from;
  let many = draft.newNodes.length;
  while (many - few > 1 && simulation.stepsLeft > STEPS_MAX / 4) {
    const some = Math.floor((few + many) / 2);
    const run = middleRun(draft, simulation, draft.newNodes.slice(0, some));
    if (run === undefined) break;
    if (run.round.leftInAll > of.enough) few = some;
    else {
      many = some;
      left = run.round.leftInAll;
    }
  }
  takeBack(draft, many);
  return left;
}

function onNewNodes(draft: PlanDraft, groups: readonly PodGroup[]): readonly OnNewNodes[] {
  const rangesOf = new Map<PodRange['pods'], PodRange[]>();
  for (const node of draft.newNodes) {
    for (const range of node.pods) {
      const known = rangesOf.get(range.pods);
      if (known === undefined) rangesOf.set(range.pods, [range]);
      else known.push(range);
    }
  }
  return groups.flatMap((group): readonly OnNewNodes[] => {
    const ranges = rangesOf.get(group.pods)?.sort((a, b) => a.from - b.from) ?? [];
    const pods = ranges.flatMap(({ from, to }) => group.pods.slice(from, to));
    if (pods.length === 0) return [];
    return [{ group, shape: group.shape, priority: group.priority, pods, evictedLater: !group.pending }];
  });
}

/** Of several ways in which the nodes may join, the one with the middle number of pods left; undefined: there were not
 *  steps enough for one. The fork is left as it was. */
function middleRun(draft: PlanDraft, simulation: SchedulerSimulation, nodes: readonly NewNode[]): Run | undefined {
  const runs: Run[] = [];
  const before = simulation.stepsLeft;
  for (const [seed, pace] of PACES.entries()) {
    if (before - simulation.stepsLeft > STEPS_PER_ROUND) break;
    const mark = draft.fork.mark();
    const round = simulateRun(simulation, nodes, { seed, pace });
    draft.fork.rollback(mark);
    if (!round.cutShort) runs.push({ seed, pace, round });
  }
  runs.sort((a, b) => a.round.leftInAll - b.round.leftInAll || a.seed - b.seed);
  return runs[Math.floor((runs.length - 1) / 2)];
}

function simulateRun(simulation: SchedulerSimulation, nodes: readonly NewNode[], way: Way): SimulatedRound {
  const seconds = Math.max(JOIN_SECONDS, nodes.length / JOINS_PER_SECOND_MAX) / way.pace;
  return simulation.run(
    nodes.map(({ offer }): TemplateNode => offer.template),
    { seed: way.seed, triesPerNode: Math.ceil((TRIES_PER_SECOND * seconds) / nodes.length) },
  );
}

/** Where few flavors are wished for, no other ones than the plan has. */
function offersForLeft(draft: PlanDraft): PlanDraft['offers'] {
  if (flavorWishes(draft).flavorsMax >= NO_LIMIT) return draft.offers;
  const added = flavorsAdded(draft);
  return new Map(
    [...draft.offers].map(([pool, all]) => [
      pool,
      { ...all, offers: all.offers.filter(({ template }) => added.has(template.flavor.name)) },
    ]),
  );
}

/** Adds the nodes that the next plan would add for the pods left; how many. The fork is left as it was. */
function nodesForLeft(draft: PlanDraft, amending: Amending, run: Run): number {
  const { round } = run;
  const mark = draft.fork.mark();
  const joined: NewNode[] = [];
  if (round.forked) {
    simulateRun(amending.simulation, draft.newNodes, run);
    for (const number of round.order) joined.push(...draft.newNodes.slice(number, number + 1));
  }
  const planned = draft.newNodes.length;
  // Copies: what the next plan puts on a node is no part of this one.
  const copies = new Map(draft.newNodes.map((node): [NewNode, NewNode] => [node, { ...node, pods: [] }]));
  const copyOf = (node: NewNode): NewNode => copies.get(node) ?? node;
  // A draft of the next plan: budget, names and offers are this one's, so that limits hold for both together.
  const next: PlanDraft = {
    ...draft,
    newNodes: draft.newNodes.map(copyOf),
    forkedNodes: [...draft.forkedNodes, ...joined].map(copyOf),
    unforkedNodes: [],
    podRuns: [],
    improved: undefined,
    solved: [],
    offers: offersForLeft(draft),
  };
  const left = amending.waiting.flatMap(({ group, pods }, at): readonly PodGroup[] => {
    const count = round.left[at] ?? 0;
    // Not pending: they have their place in this plan, and get no second one.
    return count === 0 ? [] : [{ ...group, pods: pods.slice(pods.length - count), placed: 0, pending: false }];
  });
  packNewNodes(next, left, [...amending.groups, ...left]);
  splitNodes(next);
  draft.fork.rollback(mark);
  for (const node of next.newNodes.slice(planned)) {
    draft.newNodes.push({ ...node, reason: AMENDED, pods: [], amended: true });
  }
  return draft.newNodes.length - planned;
}
