// One random cluster in both forms: what is done to the fork is done to a list of v1 objects, and both are asked.
import { buildSnapshot } from '../../src/cluster/build-snapshot.ts';
import type { PodObject } from '../../src/cluster/cluster-objects.ts';
import { parseNode } from '../../src/cluster/parse-node.ts';
import { parsePod } from '../../src/cluster/parse-pod.ts';
import { PodShapeInterner } from '../../src/cluster/pod-shape-interner.ts';
import { ForkedSnapshot } from '../../src/scheduling/forked-snapshot.ts';
import type { TemplateNode } from '../../src/scheduling/template-node.ts';
import { makeFlavor } from '../builders/make-objects.ts';
import { Random } from '../oracle/cases/random.ts';
import { allocatableOf } from './node-resources-fit.ts';
import { limitsOf } from './node-volume-limits.ts';
import { podRequests } from './pod-requests.ts';
import { claimsAfterPlacing, claimsAfterRemoving } from './held-claims.ts';
import { drawNode } from './draw-node.ts';
import { parseWorld } from './parse-world.ts';
import { CSI_DRIVERS, randomWorld } from './random-world.ts';
import { sameRefusal, type TwinRefusal } from './refusal.ts';
import { whyNot } from './run-filters.ts';
import type { V1Node, V1Objects, V1Pod } from './v1.ts';
import { labelsOf, nodeNameOf, worldOf } from './world.ts';

export interface Waiting {
  readonly raw: V1Pod;
  readonly parsed: PodObject;
}

interface State {
  readonly objects: V1Objects;
  /** Names of the pods that were placed. */
  readonly placed: ReadonlySet<string>;
}

export class TwinSession {
  compared = 0;
  fitting = 0;
  /** Pods that were placed and got devices. */
  devicesTaken = 0;
  readonly plugins = new Set<string>();
  readonly #interner = new PodShapeInterner();
  readonly #fork: ForkedSnapshot;
  readonly #waiting: readonly Waiting[];
  readonly #marks: { readonly fork: number; readonly state: State; readonly observed: unknown }[] = [];
  #state: State;

  constructor(seed: number) {
    const { objects, waiting } = randomWorld(seed, { devices: true });
    this.#fork = new ForkedSnapshot(buildSnapshot(parseWorld(objects, this.#interner), 1));
    this.#waiting = waiting.map((raw) => ({ raw, parsed: parsePod(raw, this.#interner) }));
    this.#state = { objects: { ...objects, pods: worldOf(objects).pods }, placed: new Set() };
  }

  /** Every pod that waits and every node that is open, asked of both. */
  differences(): readonly string[] {
    const found: string[] = [];
    const world = worldOf(this.#state.objects);
    const nodes = new Map(world.nodes.map((node) => [node.metadata.name, node]));
    for (let index = 0; index < this.#fork.nodeCount; index += 1) {
      const node = nodes.get(this.#fork.nodeName(index));
      if (node !== undefined) found.push(...this.#roomDifferences(index, node));
    }
    for (const { raw, parsed } of this.#waitingNow()) {
      const fits: number[] = [];
      for (let index = 0; index < this.#fork.nodeCount; index += 1) {
        const node = nodes.get(this.#fork.nodeName(index));
        if (node === undefined) continue;
        const twin = whyNot(raw, node, world);
        const compiled = this.#fork.whyNot(parsed, index, { asBound: true });
        this.#count(twin);
        if (!sameRefusal(twin, compiled) && !isUnknownDevice(twin, compiled)) {
          found.push(`${raw.metadata.name} on ${node.metadata.name}: ${say(compiled)}; twin: ${say(twin)}`);
        }
        if (whyNot(unbound(raw), node, world) === undefined) fits.push(index);
      }
      const first = this.#fork.firstFit(parsed);
      if (first !== (fits[0] ?? -1)) found.push(`${raw.metadata.name}: first fit ${first}; twin: ${fits[0] ?? -1}`);
    }
    return found;
  }

  /** Everything that can be seen of the fork. */
  observe(): unknown {
    const pods = this.#waitingNow();
    return Array.from({ length: this.#fork.nodeCount }, (_, index) => ({
      name: this.#fork.nodeName(index),
      open: this.#fork.isOpen(index),
      pods: this.#fork.podsOn(index).map((pod) => pod.uid),
      requested: this.#fork.requestedOn(index),
      allocatable: this.#fork.allocatableOn(index),
      devices: this.#fork.podsOn(index).map((pod) => this.#fork.devicesOf(pod)),
      verdicts: pods.map(({ parsed }) => this.#fork.whyNot(parsed, index)),
    }));
  }

  place(podChoice: number, nodeChoice: number, options: { readonly fitting: boolean }): void {
    const pods = this.#waitingNow().filter(({ raw }) => nodeNameOf(raw) === '');
    const pod = pods[podChoice % Math.max(1, pods.length)];
    if (pod === undefined) return;
    const node = options.fitting ? this.#fittingNode(pod.raw, nodeChoice) : this.#nodeAt(nodeChoice);
    if (node === undefined) return;
    this.#fork.place(pod.parsed, this.#indexOf(node));
    const { objects } = this.#state;
    const { claims, changed } = claimsAfterPlacing(pod.raw, node, objects);
    if (changed) this.devicesTaken += 1;
    this.#state = {
      objects: {
        ...objects,
        resourceClaims: claims,
        pods: [...(objects.pods ?? []), onNode(pod.raw, node.metadata.name)],
      },
      placed: new Set([...this.#state.placed, pod.raw.metadata.name]),
    };
  }

  removeNode(nodeChoice: number): void {
    const node = this.#nodeAt(nodeChoice);
    if (node === undefined || this.#state.objects.nodes.length === 1) return;
    this.#fork.removeNode(this.#indexOf(node));
    const { objects } = this.#state;
    const nodes = objects.nodes.filter((one) => one !== node);
    const gone = (objects.pods ?? []).filter((pod) => nodeNameOf(pod) === node.metadata.name);
    const pods = (objects.pods ?? []).filter((pod) => !gone.includes(pod));
    const left = { ...objects, nodes, pods };
    this.#state = { ...this.#state, objects: { ...left, resourceClaims: claimsAfterRemoving(gone, left) } };
  }

  addTemplateNode(seed: number): void {
    const name = `new-${this.#fork.nodeCount}`;
    const { node, csiNode, daemon } = drawNode(new Random(seed), name, this.#waiting);
    const { taints, allocatable, unschedulable } = parseNode(node);
    const template: TemplateNode = {
      key: `template-${seed}`,
      poolName: 'pool',
      flavor: makeFlavor(),
      zone: '',
      labels: labelsOf(node),
      taints,
      unschedulable,
      allocatable,
      daemonShapes: daemon === undefined ? [] : [daemon.parsed.shape],
      volumeLimits: limitsOf(csiNode),
      drivers: new Set(CSI_DRIVERS),
      features: new Set(node.status?.declaredFeatures),
    };
    this.#fork.addTemplateNode(template, name);
    const { objects } = this.#state;
    this.#state = {
      ...this.#state,
      objects: {
        ...objects,
        nodes: [...objects.nodes, node],
        csiNodes: [...(objects.csiNodes ?? []), csiNode],
        pods: [...(objects.pods ?? []), ...(daemon === undefined ? [] : [onNode(daemon.raw, name)])],
      },
    };
  }

  mark(): void {
    this.#marks.push({ fork: this.#fork.mark(), state: this.#state, observed: this.observe() });
  }

  /** Back to the last mark; returns what was seen there. undefined: there is no mark. */
  rollback(): unknown {
    const mark = this.#marks.pop();
    if (mark === undefined) return undefined;
    this.#fork.rollback(mark.fork);
    this.#state = mark.state;
    return mark.observed;
  }

  #roomDifferences(index: number, node: V1Node): readonly string[] {
    const { cpuMillis, pods } = this.#fork.allocatableOn(index);
    const compiled = { cpuMillis, pods, requested: this.#fork.requestedOn(index).cpuMillis };
    const amount = (amounts: ReadonlyMap<string, bigint>, name: string): number => Number(amounts.get(name) ?? 0n);
    const allocatable = allocatableOf(node);
    const here = (this.#state.objects.pods ?? []).filter((pod) => nodeNameOf(pod) === node.metadata.name);
    const twin = {
      cpuMillis: amount(allocatable, 'cpu'),
      pods: amount(allocatable, 'pods'),
      requested: here.reduce((sum, pod) => sum + amount(podRequests(pod), 'cpu'), 0),
    };
    if (JSON.stringify(compiled) === JSON.stringify(twin)) return [];
    return [`room on ${node.metadata.name}: ${JSON.stringify(compiled)}; twin: ${JSON.stringify(twin)}`];
  }

  #waitingNow(): readonly Waiting[] {
    return this.#waiting.filter(({ raw }) => !this.#state.placed.has(raw.metadata.name));
  }

  #nodeAt(choice: number): V1Node | undefined {
    const { nodes } = this.#state.objects;
    return nodes[choice % nodes.length];
  }

  /** The first that fits, from the choice on and round. */
  #fittingNode(pod: V1Pod, choice: number): V1Node | undefined {
    const world = worldOf(this.#state.objects);
    const start = choice % world.nodes.length;
    const turned = [...world.nodes.slice(start), ...world.nodes.slice(0, start)];
    return turned.find((node) => whyNot(pod, node, world) === undefined);
  }

  #indexOf(node: V1Node): number {
    for (let index = this.#fork.nodeCount - 1; index >= 0; index -= 1) {
      if (this.#fork.nodeName(index) === node.metadata.name) return index;
    }
    throw new Error(`the fork has no node ${node.metadata.name}`);
  }

  #count(twin: TwinRefusal | undefined): void {
    this.compared += 1;
    if (twin === undefined) this.fitting += 1;
    else this.plugins.add(twin.plugin);
  }
}

/** The devices of a node that does not exist yet are not known: the fork says so, for the twin there are none. And the twin goes
 *  on with a search that the fork gives up; what it refuses in the end is refused either way. */
function isUnknownDevice(twin: TwinRefusal | undefined, compiled: TwinRefusal | undefined): boolean {
  const [reason = ''] = compiled?.reasons ?? [];
  const unknown = ['the devices of new nodes are not known', 'the search for devices was given up'];
  return twin?.plugin === 'DynamicResources' && unknown.some((words) => reason.startsWith(words));
}

function onNode(pod: V1Pod, name: string): V1Pod {
  return { ...pod, spec: { ...pod.spec, nodeName: name } };
}

function unbound(pod: V1Pod): V1Pod {
  return onNode(pod, '');
}

function say(refusal: TwinRefusal | undefined): string {
  return refusal === undefined ? 'fits' : JSON.stringify(refusal);
}
