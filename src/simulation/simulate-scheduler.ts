// What kube-scheduler would leave pending once planned nodes have joined: it knows nothing of the plan, only a queue of
// pods and the nodes that are Ready. Nodes join in an order drawn from a seed, and while the scheduler works through its
// queue. Where rules of pods on each other decide, the fork is asked, else numbers. Left out, because it hardly changes
// how many are left: preferences of pods, preemption, back-off.
import { LABELS } from '../api/names.ts';
import type { PodShape } from '../cluster/cluster-objects.ts';
import type { ForkedSnapshot } from '../scheduling/forked-snapshot.ts';
import type { TemplateNode } from '../scheduling/template-node.ts';
import { kindsOf, needsFork, type NodeKind, type Requests, requestsOf } from './joining-kinds.ts';
import { JoiningRound, type SimulatedRound } from './joining-round.ts';
import { ruleClasses } from './rule-classes.ts';
import { QueueOrder, type QueuedGroup } from './scheduling-queue.ts';
import { SeededDraws } from './seeded-draws.ts';

/** Asking the fork about a pod and a kind of node costs as much as so many looks at numbers. */
const STEPS_PER_ASK = 20;

/** How the nodes join. */
export interface Joining {
  /** Decides the order of the nodes and of pods that are equally old. */
  readonly seed: number;
  /** Pods that are tried between one node and the next. Infinity: no node joins before the last one is full; 0: all join
   *  at once. */
  readonly triesPerNode: number;
}

/** Knows the pods and the fork without them; asked about one list of nodes after another. */
export class SchedulerSimulation {
  readonly #fork: ForkedSnapshot;
  readonly #groups: readonly QueuedGroup[];
  readonly #order: QueueOrder;
  readonly #requests: Requests;
  readonly #kinds = new Map<TemplateNode, NodeKind>();
  readonly #classes: Uint32Array;
  #stepsLeft: number;

  /** `stepsMax` over all that is asked of it: some 12 ns each. */
  constructor(fork: ForkedSnapshot, groups: readonly QueuedGroup[], options: { readonly stepsMax: number }) {
    this.#fork = fork;
    this.#groups = groups;
    this.#order = new QueueOrder(groups);
    this.#requests = requestsOf(groups);
    this.#classes = ruleClasses(groups);
    this.#stepsLeft = options.stepsMax;
  }

  get stepsLeft(): number {
    return this.#stepsLeft;
  }

  /** One way in which the nodes may join. Where rules of pods on each other matter, the fork keeps the nodes and the
   *  placements; the caller takes them back. */
  run(nodes: readonly TemplateNode[], joining: Joining): SimulatedRound {
    const draws = new SeededDraws(joining.seed);
    const queue = this.#order.draw(draws);
    const order = Uint32Array.from(nodes, (_, node) => node);
    draws.shuffle(order);
    const kinds = this.#kindsOf(nodes);
    const forked = this.#asksFork(nodes);
    const round = new JoiningRound({
      fork: forked ? this.#fork : undefined,
      groups: this.#groups,
      requests: this.#requests,
      classes: this.#classes,
      kinds: [...order].flatMap((node) => kinds[node] ?? []),
      stepsMax: this.#stepsLeft,
      queue,
      draws,
    });
    for (let joined = 1; joined <= nodes.length && !round.cutShort; joined += 1) {
      round.join();
      round.schedule(joined === nodes.length ? Infinity : joining.triesPerNode);
    }
    this.#stepsLeft = round.stepsLeft;
    const left = round.left();
    const leftInAll = left.reduce((sum, count) => sum + count, 0);
    return { left, leftInAll, placements: round.placements(), order, forked, cutShort: round.cutShort };
  }

  #kindsOf(nodes: readonly TemplateNode[]): readonly NodeKind[] {
    const added = [...new Set(nodes)].filter((template) => !this.#kinds.has(template));
    const of = { groups: this.#groups, requests: this.#requests };
    kindsOf(this.#fork, added, of).forEach((kind) => this.#kinds.set(kind.template, kind));
    this.#stepsLeft -= added.length * this.#groups.length * STEPS_PER_ASK;
    return nodes.map((template) => {
      const kind = this.#kinds.get(template);
      if (kind === undefined) throw new Error(`the kind of a node of pool ${template.poolName} was not looked at`);
      return kind;
    });
  }

  /** Numbers alone decide unless a pod of the queue has rules, or one that runs keeps others off whole domains. */
  #asksFork(nodes: readonly TemplateNode[]): boolean {
    const { snapshot } = this.#fork;
    const rules = { devicesServeExtended: (snapshot.objects.deviceClasses ?? []).length > 0 };
    const reachesFar = ({ podAntiAffinity }: PodShape): boolean =>
      podAntiAffinity.some(({ topologyKey }) => topologyKey !== LABELS.hostname);
    return (
      this.#groups.some(({ shape }) => needsFork(shape, rules)) ||
      snapshot.shapes.some(reachesFar) ||
      nodes.some(({ daemonShapes }) => daemonShapes.some((shape) => shape.podAntiAffinity.length > 0))
    );
  }
}
