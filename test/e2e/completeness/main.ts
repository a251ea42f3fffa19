// npm run test:completeness -- --inputs DIR [--only w1,w12] [--hints off,on] …: how much of a plan the real scheduler
// carries out. KUBECONFIG names an empty control plane with scheduler and controller-manager. One JSON line a measurement.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readIndex } from '../../../bench/inputs/read-workload.ts';
import { credentialsOf, KubeClient } from '../kube-client.ts';
import { inputOfWorkload } from './completeness-input.ts';
import { measure } from './measure.ts';
import { PodsOfInput } from './pods-of-input.ts';

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '../shared/traces/bench-inputs' },
    only: { type: 'string', default: 'w1,w12' },
    hints: { type: 'string', default: 'off,on' },
    seed: { type: 'string', default: '1' },
    'join-ms': { type: 'string', default: '100' },
    'quiet-ms': { type: 'string', default: '15000' },
    verbose: { type: 'boolean', default: false },
  },
});

async function main(): Promise<number> {
  const file = process.env['KUBECONFIG'] ?? '';
  if (file === '') {
    process.stderr.write('KUBECONFIG must name a control plane\n');
    return 2;
  }
  const cluster = new KubeClient(credentialsOf(file));
  const pods = new PodsOfInput(cluster);
  const kubeconfig = readFileSync(file, 'utf8');
  try {
    for (const entry of readIndex(values.inputs, values.only.split(','))) {
      const input = inputOfWorkload(values.inputs, entry);
      for (const hints of values.hints.split(',')) {
        const result = await measure(input, pods, {
          kubeconfig,
          hints: hints === 'on',
          seed: Number(values.seed),
          joinMs: Number(values['join-ms']),
          quietMs: Number(values['quiet-ms']),
          logLevel: values.verbose ? 'info' : 'error',
          say: (text) => process.stderr.write(`${entry.name}: ${text}\n`),
        });
        process.stdout.write(`${JSON.stringify(result)}\n`);
      }
    }
  } finally {
    await cluster.close();
  }
  return 0;
}

process.exitCode = await main();
