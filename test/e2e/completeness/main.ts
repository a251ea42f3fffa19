// npm run test:completeness -- [--inputs DIR] [--only w1,w12] [--apps FILE] [--hints off,on] …: how much of a first plan the real
// scheduler carries out. KUBECONFIG names an empty control plane with scheduler and controller-manager. One JSON line a
// measurement; exit 1 when one is below its bar.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readIndex } from '../../../bench/inputs/read-workload.ts';
import { readAppFacts } from '../../apps/app-facts.ts';
import { credentialsOf, KubeClient } from '../kube-client.ts';
import { inputOfApps } from './app-input.ts';
import { type CompletenessInput, inputOfWorkload } from './completeness-input.ts';
import { type Completeness, measure } from './measure.ts';
import { PlacementTrace } from './placement-trace.ts';
import { PodsOfInput } from './pods-of-input.ts';

/** Without hints: the share of the pods that the scheduler may leave. With them: none. */
const LEFT_SHARE_MAX = 0.01;
const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '../shared/traces/bench-inputs' },
    only: { type: 'string' },
    apps: { type: 'string' },
    hints: { type: 'string', default: 'off,on' },
    seed: { type: 'string', default: '1' },
    'join-ms': { type: 'string', default: '100' },
    /** Nodes that join at the same time: servers that were asked for together boot side by side. */
    together: { type: 'string', default: '1' },
    'quiet-ms': { type: 'string', default: '15000' },
    /** With hints: the share of the pods that must be where the first plan has them. */
    'bound-min': { type: 'string', default: '0.99' },
    verbose: { type: 'boolean', default: false },
    /** A file for what became of each pod and node, a JSON line each; and each pod that is elsewhere is shown with it. */
    trace: { type: 'string' },
  },
});

/** Without a word on either: the two workloads that are quick. */
function* inputs(): Generator<CompletenessInput> {
  const only = values.only ?? (values.apps === undefined ? 'w1,w12' : '');
  if (only !== '') {
    for (const entry of readIndex(values.inputs, only.split(','))) yield inputOfWorkload(values.inputs, entry);
  }
  if (values.apps !== undefined) yield inputOfApps(readAppFacts(values.apps));
}

function shortfall(result: Completeness): string | undefined {
  const { hints, leftAfterFirstRound, leftShare, boundWherePlannedShare } = result;
  if (!hints) return leftShare <= LEFT_SHARE_MAX ? undefined : `${leftAfterFirstRound} pods left`;
  if (leftAfterFirstRound > 0) return `${leftAfterFirstRound} pods left with hints`;
  return boundWherePlannedShare >= Number(values['bound-min'])
    ? undefined
    : `${boundWherePlannedShare} bound where planned`;
}

async function writeTrace(trace: PlacementTrace, file: string): Promise<void> {
  await trace.stop();
  writeFileSync(file, [...trace.lines(), ''].join('\n'));
  if (trace.fault !== undefined) throw new Error('the trace is not complete', { cause: trace.fault });
}

async function main(): Promise<number> {
  const file = process.env['KUBECONFIG'] ?? '';
  if (file === '') {
    process.stderr.write('KUBECONFIG must name a control plane\n');
    return 2;
  }
  const kubeconfig = readFileSync(file, 'utf8');
  let short = 0;
  for (const input of inputs()) {
    for (const hints of values.hints.split(',')) {
      const say = (text: string) => process.stderr.write(`${input.name}, hints ${hints}: ${text}\n`);
      const cluster = new KubeClient(credentialsOf(file));
      const trace = values.trace === undefined ? undefined : new PlacementTrace(cluster);
      const result = await measure(input, new PodsOfInput(cluster), {
        kubeconfig,
        hints: hints === 'on',
        seed: Number(values.seed),
        joinMs: Number(values['join-ms']),
        together: Number(values.together),
        quietMs: Number(values['quiet-ms']),
        logLevel: values.verbose ? 'info' : 'error',
        say,
        ...(trace === undefined ? {} : { trace }),
      });
      if (trace !== undefined) await writeTrace(trace, `${values.trace ?? ''}.${input.name}.${hints}`);
      await cluster.close();
      process.stdout.write(`${JSON.stringify(result)}\n`);
      const what = shortfall(result);
      if (what === undefined) continue;
      say(`below the bar: ${what}`);
      short += 1;
    }
  }
  return short === 0 ? 0 : 1;
}

process.exitCode = await main();
