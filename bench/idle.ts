// An idle controller: `sluice run` as a process of its own on one cluster of the playground with one node pool of no nodes.
// Memory and CPU come from the operating system's books of that process.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { customResourceDefinition } from '../src/api/custom-resource-definition.ts';
import type { Playground } from '../src/playground/playground.ts';
import { startPlayground } from '../src/playground/start-playground.ts';
import { round } from './figures.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Start-up is not idling: compiled code and the first garbage collections settle within it. */
const SETTLE_MS = 20_000;
/** Linux counts CPU time in hundredths of a second. */
const TICKS_PER_SECOND = 100;

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function residentMiB(pid: number): number {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return round(Number(kib) / 1024, 0);
}

async function prepare(playground: Playground): Promise<void> {
  const workload = await playground.addWorkloadCluster('idle');
  await playground.apply([
    customResourceDefinition('WorkloadCluster'),
    customResourceDefinition('NodeClaim'),
    secret('kubeconfig', 'value', workload.kubeconfig),
    secret('cloud', 'clouds.yaml', playground.cloudsYaml),
  ]);
  await playground.apply([
    {
      apiVersion: 'sluice.dev/v1alpha1',
      kind: 'WorkloadCluster',
      metadata: { name: 'idle', namespace: 'default' },
      spec: {
        kubeconfig: { secretRef: { name: 'kubeconfig', key: 'value' } },
        openstack: {
          credentialsSecretRef: { name: 'cloud' },
          projectId: playground.projectId,
          network: playground.networkName,
          images: [{ name: playground.imageName }],
        },
      },
    },
  ]);
}

function secret(name: string, key: string, text: string) {
  const data = { [key]: Buffer.from(text).toString('base64') };
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'default' }, data };
}

/** The two ways in which it is run: bundled, as in an image, and as it stands in a checkout. */
const ENTRIES = { bundle: 'dist/main.js', source: 'src/cli/main.ts' } as const;

export async function idle(argv: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const { values } = parseArgs({ args: [...argv], options: { seconds: { type: 'string', default: '30' } } });
  const seconds = Number(values.seconds);
  const bundled = spawnSync('npm', ['run', '--silent', 'bundle'], { cwd: ROOT, encoding: 'utf8' });
  if (bundled.status !== 0) throw new Error(`idle: the bundle was not made: ${bundled.stderr}`);
  const bundle = await measure(ENTRIES.bundle, seconds);
  const source = await measure(ENTRIES.source, seconds);
  return { benchmark: 'idle', seconds, ...bundle, source };
}

interface Figures {
  readonly rss_mb: number;
  /** Highest of the samples taken while idling; start-up is not in it. */
  readonly rss_max_mb: number;
  readonly core_percent: number;
}

async function measure(entry: string, seconds: number): Promise<Figures> {
  const playground = await startPlayground({});
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  try {
    await prepare(playground);
    const kubeconfig = join(folder, 'management.kubeconfig');
    writeFileSync(kubeconfig, playground.managementKubeconfig, { mode: 0o600 });
    const child = spawn(process.execPath, [entry, 'run', `--kubeconfig=${kubeconfig}`, '--listen=none'], {
      cwd: ROOT,
      // As the chart sets it.
      env: { ...process.env, MALLOC_ARENA_MAX: '1' },
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    try {
      if (child.pid === undefined) throw new Error('idle: the controller did not start');
      return await watch(child.pid, { seconds, playground });
    } finally {
      child.kill('SIGTERM');
      await new Promise((resolve) => child.once('exit', resolve));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await playground.close();
  }
}

async function watch(pid: number, what: { seconds: number; playground: Playground }): Promise<Figures> {
  await sleep(SETTLE_MS);
  const before = cpuSeconds(pid);
  let highest = 0;
  for (let second = 0; second < what.seconds; second += 1) {
    await sleep(1000);
    highest = Math.max(highest, residentMiB(pid));
  }
  const share = (cpuSeconds(pid) - before) / what.seconds;
  const leads = what.playground.management.get('leases', 'sluice-idle', 'default') !== undefined;
  if (!leads) throw new Error('idle: the controller does not lead its cluster, so nothing was measured');
  return { rss_mb: residentMiB(pid), rss_max_mb: highest, core_percent: round(share * 100) };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
