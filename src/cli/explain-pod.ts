// `sluice explain pod`: where a pod could run, why not elsewhere, and which pool would help.
import { parseArgs } from 'node:util';
import { buildSnapshot } from '../cluster/build-snapshot.ts';
import type { PodObject } from '../cluster/cluster-objects.ts';
import { explainPod, type PodExplanation } from '../simulation/explain-pod.ts';
import { readObjects, SOURCE_HELP, SOURCE_OPTIONS } from './cluster-source.ts';
import { type CommandIo, parseOutput, UsageError } from './command-io.ts';

const HELP = `sluice explain pod NAMESPACE/NAME (--cluster NAME | --from FILE) [OPTIONS]

Says for each node and for a new node of each pool whether the pod fits, and if not, why, in the scheduler's words.

${SOURCE_HELP}  --all               every node, flavor and zone, not one line per reason
  --output text|json

Exit code 1: nothing that stands or could be created takes the pod, or there is no such pod.
`;

export async function runExplainPod(argv: readonly string[], io: CommandIo): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      ...SOURCE_OPTIONS,
      all: { type: 'boolean' },
      output: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) {
    io.stdout(HELP);
    return 0;
  }
  const name = podName(positionals);
  const output = parseOutput(values.output);
  const objects = await readObjects(values, io.env);
  const pod = [...objects.pods].find((candidate) => `${candidate.namespace}/${candidate.name}` === name);
  if (pod === undefined) {
    io.stdout(output === 'json' ? `${JSON.stringify({ pod: name, found: false })}\n` : `there is no pod ${name}\n`);
    return 1;
  }
  const explanation = explainPod(buildSnapshot(objects, 1), pod);
  io.stdout(
    output === 'json'
      ? `${JSON.stringify({ found: true, ...stateOf(pod), ...explanation })}\n`
      : explanationText({ pod, explanation, all: values.all === true }),
  );
  const bound = pod.nodeName !== '';
  const fits = [...explanation.nodes, ...explanation.pools].some((candidate) => candidate.fits);
  return bound || fits ? 0 : 1;
}

/** `pod NAMESPACE/NAME`; a name alone is in the namespace default, as with kubectl. */
function podName(positionals: readonly string[]): string {
  const [what, name, ...more] = positionals;
  if (what !== 'pod') throw new UsageError(`explain what? Only a pod is known: '${what ?? ''}'`);
  if (name === undefined || name === '' || more.length > 0)
    throw new UsageError('explain pod takes one NAMESPACE/NAME');
  const full = name.includes('/') ? name : `default/${name}`;
  if (!/^[^/]+\/[^/]+$/.test(full)) throw new UsageError(`explain pod takes one NAMESPACE/NAME: '${name}'`);
  return full;
}

function stateOf(pod: PodObject): { readonly phase: string; readonly nodeName: string } {
  return { phase: pod.phase, nodeName: pod.nodeName };
}

/** Text for people: nodes with the same reasons are one line unless `all`. */
export function explanationText(options: {
  readonly pod: PodObject;
  readonly explanation: PodExplanation;
  readonly all: boolean;
}): string {
  const { pod, explanation, all } = options;
  const bound = pod.nodeName !== '';
  const lines = [`pod ${explanation.pod}: ${bound ? `${pod.phase} on ${pod.nodeName}` : pod.phase}`];
  lines.push(`  ${bound ? 'It has a node; below is where one more like it would fit.' : explanation.summary}`);
  lines.push('nodes:', ...nodeLines(explanation.nodes, all), 'a new node of:', ...poolLines(explanation.pools, all));
  return `${lines.join('\n')}\n`;
}

function nodeLines(nodes: PodExplanation['nodes'], all: boolean): readonly string[] {
  if (nodes.length === 0) return ['  none'];
  if (all) return nodes.map((node) => `  ${node.name}: ${verdictOf(node)}`);
  return [...Map.groupBy(nodes, verdictOf)].map(
    ([verdict, { length, 0: first }]) => `  ${length === 1 ? first?.name : `${length} nodes`}: ${verdict}`,
  );
}

/** A line per pool, verdict and advice, with its flavors and their zones; with `all` a line per flavor and zone. */
function poolLines(pools: PodExplanation['pools'], all: boolean): readonly string[] {
  if (pools.length === 0) return ['  no pool stands'];
  const alike = Map.groupBy(pools, (each) =>
    JSON.stringify([each.pool, verdictOf(each), each.advice, all ? [each.flavor, each.zone] : '']),
  );
  return [...alike.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const zones = [...new Set(group.map((each) => each.zone).filter((zone) => zone !== ''))];
    const flavors = [...new Set(group.map((each) => each.flavor))].join(', ');
    const where = zones.length === 0 ? '' : ` in ${zones.join(', ')}`;
    const line = `  ${first.pool} (${flavors}${where}): ${verdictOf(first)}`;
    return first.advice === undefined ? [line] : [line, `    ${first.advice}`];
  });
}

function verdictOf(candidate: {
  readonly fits: boolean;
  readonly plugin?: string;
  readonly reasons?: readonly string[];
}): string {
  if (candidate.fits) return 'fits';
  const reasons = (candidate.reasons ?? []).join('; ');
  return candidate.plugin === undefined ? reasons : `${reasons} (${candidate.plugin})`;
}
