// Static feasibility: which of many node classes take each of many pod shapes, by cordons, taints, selectors and affinity.
// Every bit is checked against the filters themselves before it is timed.
import { parseArgs } from 'node:util';
import { parseNode } from '../src/cluster/parse-node.ts';
import { parsePod } from '../src/cluster/parse-pod.ts';
import { PodShapeInterner } from '../src/cluster/pod-shape-interner.ts';
import type { PodShape } from '../src/cluster/cluster-objects.ts';
import { hasBit } from '../src/scheduling/class-bits.ts';
import { nodeAffinity } from '../src/scheduling/node-affinity.ts';
import type { NodeFacts } from '../src/scheduling/node-facts.ts';
import { nodeUnschedulable } from '../src/scheduling/node-unschedulable.ts';
import { StaticVerdicts } from '../src/scheduling/static-verdicts.ts';
import { taintToleration } from '../src/scheduling/taint-toleration.ts';
import { percentile, round } from './figures.ts';

const ROUNDS = 30;
const WARM_UP_ROUNDS = 10;

/** Times a fresh index for each round: classes are numbered, then every shape's classes found. */
export function feasibility(argv: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const { values } = parseArgs({
    args: [...argv],
    options: { shapes: { type: 'string', default: '1000' }, classes: { type: 'string', default: '500' } },
  });
  const shapes = makeShapes(Number(values.shapes));
  const nodes = makeNodes(Number(values.classes));
  const pairs = verify(shapes, nodes);
  const timesMs: number[] = [];
  let sink = 0;
  for (let turn = 0; turn < WARM_UP_ROUNDS + ROUNDS; turn += 1) {
    const startedMs = performance.now();
    const statics = new StaticVerdicts();
    for (const node of nodes) statics.classOf(node);
    for (const shape of shapes) sink += statics.admitted(statics.profileOf(shape))[0] ?? 0;
    if (turn >= WARM_UP_ROUNDS) timesMs.push(performance.now() - startedMs);
  }
  return Promise.resolve({
    name: 'feasibility',
    shapes: shapes.length,
    classes: nodes.length,
    feasiblePairs: pairs,
    minMs: round(Math.min(...timesMs)),
    medianMs: round(percentile(timesMs, 0.5)),
    p99Ms: round(percentile(timesMs, 0.99)),
    sink: sink % 7,
  });
}

function verify(shapes: readonly PodShape[], nodes: readonly NodeFacts[]): number {
  const statics = new StaticVerdicts();
  const classes = nodes.map((node) => statics.classOf(node));
  let pairs = 0;
  for (const shape of shapes) {
    const admitted = statics.admitted(statics.profileOf(shape));
    nodes.forEach((node, index) => {
      const refusal = nodeUnschedulable(shape, node) ?? taintToleration(shape, node) ?? nodeAffinity(shape, node);
      const bit = hasBit(admitted, classes[index] ?? 0);
      if (bit !== (refusal === undefined)) throw new Error(`${shape.key} on ${node.name}: ${bit} is wrong`);
      if (bit) pairs += 1;
    });
  }
  return pairs;
}

function makeNodes(count: number): readonly NodeFacts[] {
  return Array.from({ length: count }, (_, index) => {
    const taints = index % 5 === 0 ? [{ key: 'team', value: `t${index % 7}`, effect: 'NoSchedule' }] : [];
    const {
      name,
      labels,
      taints: parsed,
    } = parseNode({
      metadata: {
        name: `node-${index}`,
        labels: { zone: `z${index % 3}`, flavor: `f${index % 40}`, pool: `p${index}`, cores: `${index % 64}` },
      },
      spec: { taints },
    });
    return { name, labels, taints: parsed, unschedulable: index % 50 === 49, volumeLimits: new Map() };
  });
}

function makeShapes(count: number): readonly PodShape[] {
  const interner = new PodShapeInterner();
  return Array.from({ length: count }, (_, index) => {
    const expressions = [
      { key: 'flavor', operator: 'In', values: [`f${index % 40}`, `f${(index * 7) % 40}`, `f${(index * 3) % 40}`] },
      { key: 'cores', operator: 'Gt', values: [`${index % 60}`] },
      { key: 'pool', operator: 'NotIn', values: [`p${index % 500}`] },
    ];
    const required = { nodeSelectorTerms: [{ matchExpressions: expressions.slice(0, index % 4) }] };
    return parsePod(
      {
        metadata: { name: `pod-${index}`, namespace: 'default', labels: { app: `a${index}` } },
        spec: {
          containers: [],
          ...(index % 3 === 0 ? { nodeSelector: { zone: `z${index % 4}` } } : {}),
          ...(index % 4 === 0
            ? {}
            : { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } } }),
          tolerations: index % 2 === 0 ? [{ key: 'team', operator: 'Equal', value: `t${index % 7}` }] : [],
        },
      },
      interner,
    ).shape;
  });
}
