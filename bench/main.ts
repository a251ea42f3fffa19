// `npm run bench -- NAME [options]`: each benchmark prints one line of JSON. Without a name: all of them, each in a fresh
// process, because memory is one of the figures. `npm run bench -- --inputs DIR …` packs the workloads of a directory.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { adversarial } from './adversarial.ts';
import { budgets } from './budgets/budgets.ts';
import { checkFit } from './check-fit.ts';
import { coldStart } from './cold-start.ts';
import { consolidation } from './consolidation.ts';
import { feasibility } from './feasibility.ts';
import { generate } from './generate.ts';
import { idle } from './idle.ts';
import { packing, PACKING_USAGE } from './packing/packing.ts';
import { placement } from './placement.ts';
import { scaleDown } from './scale-down.ts';
import { snapshotBenchmark } from './snapshot.ts';
import { steadyState } from './steady-state.ts';

const BENCHMARKS: Readonly<Record<string, (argv: readonly string[]) => Promise<Readonly<Record<string, unknown>>>>> = {
  'steady-state': steadyState,
  'cold-start': coldStart,
  'scale-down': scaleDown,
  consolidation,
  snapshot: snapshotBenchmark,
  feasibility,
  placement,
  'check-fit': checkFit,
  adversarial,
  idle,
};

/** Not measurements: only run when they are named. */
const TOOLS: typeof BENCHMARKS = { budgets, generate };

const [name, ...rest] = process.argv.slice(2);
if (name?.startsWith('-')) {
  process.exitCode = packing(process.argv.slice(2));
} else if (name === undefined) {
  for (const each of Object.keys(BENCHMARKS)) {
    const done = spawnSync(process.execPath, ['--expose-gc', fileURLToPath(import.meta.url), each], {
      stdio: 'inherit',
    });
    if (done.status !== 0) process.exitCode = 1;
  }
} else {
  const run = BENCHMARKS[name] ?? TOOLS[name];
  if (run === undefined) {
    process.stderr.write(
      `bench: no benchmark '${name}'; there are ${Object.keys({ ...BENCHMARKS, ...TOOLS }).join(', ')}\n${PACKING_USAGE}\n`,
    );
    process.exitCode = 2;
  } else {
    process.stdout.write(`${JSON.stringify(await run(rest))}\n`);
    // Connections of a playground may linger; the figures are out.
    process.exit();
  }
}
