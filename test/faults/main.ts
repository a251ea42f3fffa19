// `npm run test:faults`: the controller as a process, killed with SIGKILL, while OpenStack fails in every way. Prints a line
// of JSON per seed; exit 1 when a server was made twice, something was left over or something foreign was touched.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundleProduct } from '../e2e/controller-process.ts';
import { processController } from './chaos-controller.ts';
import { findings, Killer, runChaos, type ChaosPlan } from './chaos-run.ts';
import { openChaosWorld, readRealCloud } from './chaos-world.ts';
import { FaultProxy } from './fault-proxy.ts';
import { refusedLoginFindings, runRefusedLogin } from './refused-login.ts';
import { startTimeLapse, type TimeLapse } from './time-lapse.ts';

const HELP = `Usage: npm run test:faults -- [options]

  --seed N          first seed (default 1); the faults of a seed are the same in every run
  --seeds N         how many seeds (default 1); 0: only the half hour with a wrong password, which follows them
  --creates N       servers to be made and deleted per seed (default 300; on a real cloud 60)
  --faults SHARE    of all requests (default 0.15)
  --kills SHARE     of all writes (default 0.03)
  --nodes-max N     of one pool (default 45; a real cloud takes its time for each: 6)
  --factor N        how much faster than the world's the clock runs (default 20; a real cloud needs its own time: 3)
  --limit-s N       for one seed, in real time (default 400)
  --clouds FILE     a clouds.yaml: a real OpenStack instead of the playground's; OS_CLOUD names the entry,
                    SLUICE_TEST_NETWORK, _IMAGE, _FLAVOR, _SECOND_FLAVOR what to use of it
  --quiet           no progress on stderr
`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    creates: { type: 'string' },
    faults: { type: 'string', default: '0.15' },
    kills: { type: 'string', default: '0.03' },
    factor: { type: 'string' },
    'limit-s': { type: 'string', default: '400' },
    'nodes-max': { type: 'string' },
    clouds: { type: 'string' },
    quiet: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** A server that is older than its claim by ten minutes is not taken for its own (CLOCK_SKEW_MS of create-steps.ts). */
const SKEW_MS = 480_000;

/** The findings of one seed. */
async function oneSeed(plan: ChaosPlan, lapse: TimeLapse): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-faults-'));
  const world = await openChaosWorld(
    values.clouds === undefined ? undefined : readRealCloud(values.clouds, process.env),
  );
  const killer = new Killer(plan);
  const proxy = new FaultProxy({
    seed: plan.seed,
    draw: () => undefined,
    onSide: (exchange, side) => killer.onSide(exchange, side),
  });
  await proxy.start();
  const kubeconfigPath = join(folder, 'kubeconfig');
  writeFileSync(kubeconfigPath, world.playground.managementKubeconfig, { mode: 0o600 });
  await world.register({ kubeconfig: world.cluster.kubeconfig, cloudsYaml: proxy.inFrontOf(world.cloudsYaml) });
  const logFile = join(folder, 'controller.log');
  const controller = processController({ kubeconfigPath, logFile, lapse });
  const startedMs = lapse.realMs();
  try {
    const result = await runChaos({ world, proxy, controller, lapse }, killer, plan);
    const found = findings(result);
    process.stdout.write(
      `${JSON.stringify({ ...result, seconds: Math.round((lapse.realMs() - startedMs) / 1000) })}\n`,
    );
    if (found.length > 0) {
      const faults = join(folder, 'faults.ndjson');
      writeFileSync(faults, proxy.faults.map((fault) => `${JSON.stringify(fault)}\n`).join(''));
      process.stderr.write(`seed ${plan.seed} failed; its log: ${logFile}, its faults: ${faults}\n`);
    } else {
      rmSync(folder, { recursive: true });
    }
    return found;
  } finally {
    await controller.stop();
    await world.books.removePlants();
    await proxy.stop();
    await world.close();
  }
}

/** Of Leases and sessions only, so its time may run faster than that of a seed. */
const REFUSED_FACTOR = 40;

async function refusedLogin(): Promise<readonly string[]> {
  const lapse = startTimeLapse(REFUSED_FACTOR);
  const startedMs = lapse.realMs();
  try {
    const result = await runRefusedLogin(lapse);
    const seconds = Math.round((lapse.realMs() - startedMs) / 1000);
    process.stdout.write(`${JSON.stringify({ refusedLogin: result, seconds })}\n`);
    return refusedLoginFindings(result).map((finding) => `wrong password: ${finding}`);
  } finally {
    lapse.stop();
  }
}

/** Of each seed anew. On a real cloud it begins behind the cloud's clock and ends ahead of it, by no more than the protocol
 *  bears; undefined: in `limit-s` it would be further away. */
function lapseOfSeed(): TimeLapse | undefined {
  if (values.clouds === undefined) return startTimeLapse(Number(values.factor ?? 20));
  const factor = Number(values.factor ?? 3);
  if (Number(values['limit-s']) * 1000 * (factor - 1) > 2 * SKEW_MS) return undefined;
  return startTimeLapse(factor, factor > 1 ? Date.now() + SKEW_MS / (factor - 1) : Date.now());
}

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  bundleProduct();
  const first = Number(values.seed);
  const failed: string[] = [];
  for (let seed = first; seed < first + Number(values.seeds); seed++) {
    const plan: ChaosPlan = {
      seed,
      creates: Number(values.creates ?? (values.clouds === undefined ? 300 : 60)),
      faultShare: Number(values.faults),
      killShare: Number(values.kills),
      nodesMax: Number(values['nodes-max'] ?? (values.clouds === undefined ? 45 : 6)),
      limitMs: Number(values['limit-s']) * 1000,
      ...(values.quiet ? {} : { tell: (line: string) => process.stderr.write(`${line}\n`) }),
    };
    const lapse = lapseOfSeed();
    if (lapse === undefined) {
      process.stderr.write(
        `--limit-s times (--factor less 1) must be at most ${(2 * SKEW_MS) / 1000} on a real cloud\n`,
      );
      return 2;
    }
    const found = await oneSeed(plan, lapse);
    lapse.stop();
    failed.push(...found.map((finding) => `seed ${seed}: ${finding}`));
  }
  if (values.clouds === undefined) failed.push(...(await refusedLogin()));
  for (const finding of failed) process.stderr.write(`${finding}\n`);
  return failed.length === 0 ? 0 : 1;
}

process.exit(await main());
