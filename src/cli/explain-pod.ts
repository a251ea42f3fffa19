// `sluice explain pod`: where a pod could run, why not elsewhere, and which pool would help.
import { parseArgs } from 'node:util';
import { buildSnapshot } from '../cluster/build-snapshot.ts';
import type { PodObject } from '../cluster/cluster-objects.ts';
import { explainPod, type PodExplanation } from '../simulation/explain-pod.ts';
import { readObjects, SOURCE_HELP, SOURCE_OPTIONS } from './cluster-source.ts';
import { type CommandIo, parseOutput, UsageError } from './command-io.ts';

const HELP = `sluice explain pod NAMESPACE/NAME (--cluster NAME | --from FILE) [OPTIONS]

Says for each node and for a new node of each pool whether the pod fits, and if not, why, in the scheduler's words.

${SOURCE_HELP}  --all               every node, not one line per reason
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
  const pod = objects.pods.find((candidate) => `${candidate.namespace}/${candidate.name}` === name);
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
  const lines = [`pod ${explanation.pod}: ${pod.nodeName === '' ? pod.phase : `${pod.phase} on ${pod.nodeName}`}`];
  lines.push(`  ${explanation.summary}`);
  const groups = new Map<string, string[]>();
  for (const node of explanation.nodes) {
    const verdict = verdictOf(node);
    groups.set(verdict, [...(groups.get(verdict) ?? []), node.name]);
  }
  lines.push('nodes:');
  for (const [verdict, names] of groups) {
    if (all) for (const name of names) lines.push(`  ${name}: ${verdict}`);
    else lines.push(`  ${names.length === 1 ? names[0] : `${names.length} nodes`}: ${verdict}`);
  }
  if (groups.size === 0) lines.push('  none');
  lines.push('a new node of:');
  for (const pool of explanation.pools) {
    const where = pool.zone === '' ? '' : ` in ${pool.zone}`;
    lines.push(`  ${pool.pool} (${pool.flavor}${where}): ${verdictOf(pool)}`);
    if (pool.advice !== undefined) lines.push(`    ${pool.advice}`);
  }
  if (explanation.pools.length === 0) lines.push('  no pool stands');
  return `${lines.join('\n')}\n`;
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
