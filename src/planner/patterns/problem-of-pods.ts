// Pods and the nodes that could be had, as a packing problem: requests and room per axis, who may run where by taints and
// node affinity, and who may not share a node by host ports and anti-affinity on the hostname. Only what holds whatever
// else is placed: spread, affinity to other pods and volumes are left out, so a bound of the problem bounds the real thing.
import { LABELS } from '../../api/names.ts';
import type { PodShape, Resources } from '../../cluster/cluster-objects.ts';
import { expectedLabels } from '../../cluster/expected-node.ts';
import { termSelects, type NamespaceLabels } from '../../scheduling/inter-pod-affinity.ts';
import { matchesNodeAffinity } from '../../scheduling/node-affinity.ts';
import { ANY_ADDRESS } from '../../scheduling/node-ports.ts';
import { termKey } from '../../scheduling/shape-tokens.ts';
import { toleratesAll } from '../../scheduling/taint-toleration.ts';
import type { TemplateNode } from '../../scheduling/template-node.ts';
import { NO_LIMIT, type Exclusion, type PackingProblem } from '../bounds/packing-problem.ts';

export interface PodsAsked {
  readonly shape: PodShape;
  readonly count: number;
}

export interface NodeOffered {
  readonly template: TemplateNode;
  readonly pricePerHour: number;
  /** Lower ones are used up first. */
  readonly tier: number;
  /** Index into `groupNodesMax`. */
  readonly limitGroup: number;
}

/** Name that a node which does not exist yet goes by; not a legal one, so that no selector means it. */
const NEW_NODE_NAME = '~new';
/** cpu (millis), memory and ephemeral storage (bytes), pods; extended resources follow by name. */
export const FIXED_AXES = 4;

/** Shapes in the order of `asked`, offers in that of `offered`. */
export function problemOfPods(of: {
  readonly asked: readonly PodsAsked[];
  readonly offered: readonly NodeOffered[];
  readonly groupNodesMax: Int32Array;
  /** undefined: who may not share a node is added by the caller. */
  readonly namespaceLabels: NamespaceLabels | undefined;
}): PackingProblem {
  const { asked, offered } = of;
  const extended = extendedOf(asked);
  const axes = FIXED_AXES + extended.length;
  const requests = new Float64Array(asked.length * axes);
  const counts = new Int32Array(asked.length);
  for (let row = 0, at = 0; row < asked.length; row++, at += axes) {
    const one = asked[row];
    if (one === undefined) continue;
    const resources = one.shape.requests;
    write(requests, at, resources);
    requests[at + FIXED_AXES - 1] = 1;
    for (let k = 0; k < extended.length; k++) {
      requests[at + FIXED_AXES + k] = resources.extended.get(extended[k] ?? '') ?? 0;
    }
    counts[row] = one.count;
  }
  const capacities = new Float64Array(offered.length * axes);
  offered.forEach(({ template }, at) => writeRoom(capacities, { at: at * axes, template, extended }));
  const flavors = new Map<string, number>();
  for (const { template } of offered) {
    if (!flavors.has(template.flavor.name)) flavors.set(template.flavor.name, flavors.size);
  }
  const { namespaceLabels } = of;
  const exclusions = namespaceLabels ? [...portExclusions(asked), ...hostExclusions(asked, namespaceLabels)] : [];
  const perNodeMax = new Int32Array(asked.length).fill(NO_LIMIT);
  for (const { shapes, perNodeMax: max } of exclusions) {
    if (shapes.length === 1 && shapes[0] !== undefined) perNodeMax[shapes[0]] = max;
  }
  return {
    axes,
    shapes: asked.length,
    offers: offered.length,
    requests,
    counts,
    perNodeMax,
    exclusions: exclusions.filter(({ shapes }) => shapes.length > 1),
    capacities,
    prices: Float64Array.from(offered, ({ pricePerHour }) => pricePerHour),
    tiers: Int32Array.from(offered, ({ tier }) => tier),
    flavors: Int32Array.from(offered, ({ template }) => flavors.get(template.flavor.name) ?? 0),
    limitGroups: Int32Array.from(offered, ({ limitGroup }) => limitGroup),
    groupNodesMax: of.groupNodesMax,
    allowed: allowedBits(asked, offered),
  };
}

/** Names of the extended resources that pods ask for, sorted. */
function extendedOf(asked: readonly PodsAsked[]): readonly string[] {
  const names = new Set<string>();
  for (let row = 0; row < asked.length; row++) {
    const extended = asked[row]?.shape.requests.extended;
    if (extended !== undefined && extended.size > 0) for (const name of extended.keys()) names.add(name);
  }
  return [...names].sort((a, b) => (a < b ? -1 : 1));
}

/** All but pods and extended resources. */
function write(columns: Float64Array, at: number, resources: Resources): void {
  columns[at] = resources.cpuMillis;
  columns[at + 1] = resources.memoryBytes;
  columns[at + 2] = resources.ephemeralBytes;
}

/** What the template's daemon pods leave. */
function writeRoom(
  columns: Float64Array,
  of: { readonly at: number; readonly template: TemplateNode; readonly extended: readonly string[] },
): void {
  const { at, template, extended } = of;
  const { allocatable, daemonShapes } = template;
  write(columns, at, allocatable);
  columns[at + FIXED_AXES - 1] = allocatable.pods;
  extended.forEach((name, k) => (columns[at + FIXED_AXES + k] = allocatable.extended.get(name) ?? 0));
  const daemon = new Float64Array(FIXED_AXES + extended.length);
  for (const { requests } of daemonShapes) {
    write(daemon, 0, requests);
    daemon[FIXED_AXES - 1] = 1;
    extended.forEach((name, k) => (daemon[FIXED_AXES + k] = requests.extended.get(name) ?? 0));
    daemon.forEach((amount, axis) => (columns[at + axis] = Math.max(0, (columns[at + axis] ?? 0) - amount)));
  }
}

/** Taints and node affinity, asked once per kind of shape and offer. */
function allowedBits(asked: readonly PodsAsked[], offered: readonly NodeOffered[]): Uint32Array {
  const words = (offered.length + 31) >>> 5;
  const bits = new Uint32Array(asked.length * words);
  const nodes = offered.map(({ template }) => nodeOf(template));
  const known = new Map<string, Uint32Array>();
  let lastKey: string | undefined;
  let lastRow: Uint32Array | undefined;
  for (let at = 0; at < asked.length; at++) {
    const shape = asked[at]?.shape;
    if (shape === undefined) continue;
    const key = staticKey(shape);
    let row = key === lastKey ? lastRow : known.get(key);
    if (row === undefined) {
      row = new Uint32Array(words);
      for (const [offer, { template }] of offered.entries()) {
        const node = nodes[offer] ?? nodeOf(template);
        if (!toleratesAll(shape.tolerations, template.taints) || !matchesNodeAffinity(shape, node)) continue;
        row[offer >>> 5] = (row[offer >>> 5] ?? 0) | (1 << (offer & 31));
      }
      known.set(key, row);
    }
    lastKey = key;
    lastRow = row;
    for (let word = 0; word < words; word++) bits[at * words + word] = row[word] ?? 0;
  }
  return bits;
}

interface NodeToBe {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
}

const nodesToBe = new WeakMap<TemplateNode, NodeToBe>();

/** What node affinity looks at; templates are the same objects from plan to plan. */
function nodeOf(template: TemplateNode): NodeToBe {
  let node = nodesToBe.get(template);
  if (node === undefined) {
    node = { name: NEW_NODE_NAME, labels: expectedLabels({ ...template, name: NEW_NODE_NAME }) };
    nodesToBe.set(template, node);
  }
  return node;
}

const staticKeys = new WeakMap<PodShape, string>();

/** Equal for shapes that taints and labels cannot tell apart. */
function staticKey(shape: PodShape): string {
  const { nodeSelector, nodeAffinity, tolerations } = shape;
  if (nodeSelector.size === 0 && nodeAffinity === undefined && tolerations.length === 0) return '';
  const known = staticKeys.get(shape);
  if (known !== undefined) return known;
  const key = JSON.stringify([[...nodeSelector], nodeAffinity ?? null, tolerations]);
  staticKeys.set(shape, key);
  return key;
}

/** Shapes that take the same port on every address: one pod of them per node. */
function portExclusions(asked: readonly PodsAsked[]): readonly Exclusion[] {
  const shapes = new Map<string, number[]>();
  asked.forEach(({ shape }, at) => {
    if (shape.hostPorts.length === 0) return;
    const ports = shape.hostPorts.filter(({ hostIp }) => hostIp === ANY_ADDRESS || hostIp === '');
    for (const key of new Set(ports.map(({ protocol, port }) => `${protocol} ${port}`))) add(shapes, key, at);
  });
  return [...shapes.values()].map((of) => ({ shapes: of, perNodeMax: 1 }));
}

/** Shapes that carry the same anti-affinity term on the hostname and match it themselves: no two share a node. */
function hostExclusions(asked: readonly PodsAsked[], namespaceLabels: NamespaceLabels): readonly Exclusion[] {
  const shapes = new Map<string, number[]>();
  asked.forEach(({ shape }, at) => {
    for (const term of shape.podAntiAffinity) {
      if (term.topologyKey !== LABELS.hostname || !termSelects(term, shape, namespaceLabels)) continue;
      add(shapes, termKey(term), at);
    }
  });
  return [...shapes.values()].map((of) => ({ shapes: [...new Set(of)], perNodeMax: 1 }));
}

function add(lists: Map<string, number[]>, key: string, value: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
