// `npm run test:boot`: how long until fifty servers are ACTIVE, when a script asks Nova for them with eight requests at once,
// and when the controller makes them for a pool; both in one run, on one cloud, one after the other, counted by one poll.
// Prints a line of JSON. `share` is the controller's time over the script's.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { fieldsOf, textOf } from '../../src/playground/untyped.ts';
import { bundleProduct, ControllerProcess } from '../e2e/controller-process.ts';
import { openChaosWorld, readRealCloud, type ChaosWorld } from './chaos-world.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '50' },
    clouds: { type: 'string' },
    'build-ms': { type: 'string', default: '20000' },
    /** As many requests at once as the product lets fly. */
    concurrency: { type: 'string', default: '8' },
    /** Of the controller; absent: what it does by itself. */
    'requests-per-second': { type: 'string' },
    'limit-s': { type: 'string', default: '400' },
    rounds: { type: 'string', default: '1' },
  },
});
const COUNT = Number(values.count);
const POLL_MS = 500;
const PREFIX = 'boot-by-script';

/** Milliseconds until as many servers as wanted are ACTIVE, or until none is left. */
async function until(world: ChaosWorld, ours: (server: { name: string }) => boolean, wanted: number): Promise<number> {
  const startedMs = performance.now();
  for (;;) {
    const servers = (await world.cloud.list('compute', '/servers/detail', 'servers')).filter((server) =>
      ours({ name: textOf(server['name']) }),
    );
    const active = servers.filter((server) => server['status'] === 'ACTIVE').length;
    const elapsedMs = performance.now() - startedMs;
    if (wanted === 0 ? servers.length === 0 : active >= wanted) return elapsedMs;
    if (elapsedMs > Number(values['limit-s']) * 1000)
      throw new Error(`${active} of ${wanted} servers after ${elapsedMs} ms`);
    await sleep(POLL_MS);
  }
}

async function byScript(world: ChaosWorld): Promise<number> {
  const { cloud, ids } = world;
  const portIds: string[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < COUNT) {
      const name = `${PREFIX}-${next++}`;
      const made = await cloud.call('network', 'POST', '/ports', { port: { name, network_id: ids.networkId } });
      const portId = textOf(fieldsOf(made['port'])['id']);
      portIds.push(portId);
      const server = { name, imageRef: ids.imageId, flavorRef: ids.flavorId, networks: [{ port: portId }] };
      await cloud.call('compute', 'POST', '/servers', { server });
    }
  };
  const startedMs = performance.now();
  const asking = Promise.all(Array.from({ length: Number(values.concurrency) }, worker));
  await Promise.all([asking, until(world, ({ name }) => name.startsWith(PREFIX), COUNT)]);
  const elapsedMs = performance.now() - startedMs;
  const servers = await cloud.list('compute', '/servers', 'servers');
  for (const server of servers.filter(({ name }) => textOf(name).startsWith(PREFIX))) {
    await cloud.call('compute', 'DELETE', `/servers/${textOf(server['id'])}`);
  }
  await until(world, ({ name }) => name.startsWith(PREFIX), 0);
  for (const id of portIds) await cloud.call('network', 'DELETE', `/ports/${id}`);
  return elapsedMs;
}

/** Ids of the ports that controllers made. */
async function portsOfControllers(world: ChaosWorld): Promise<readonly string[]> {
  const ports = await world.cloud.list('network', '/ports', 'ports');
  return ports.filter(({ name }) => textOf(name).startsWith('sluice-')).map(({ id }) => textOf(id));
}

async function byPool(world: ChaosWorld): Promise<number> {
  const ours = ({ name }: { name: string }) => name.startsWith('general-node-');
  const before = new Set(await portsOfControllers(world));
  await world.setDesired('general', 0);
  await sleep(3000); // the pool is known and all is quiet
  const startedMs = performance.now();
  await world.setDesired('general', COUNT);
  await until(world, ours, COUNT);
  const elapsedMs = performance.now() - startedMs;
  await world.setDesired('general', 0);
  await until(world, ours, 0);
  // Ports go after their servers; who ended here left them in the project.
  const goneByMs = performance.now() + Number(values['limit-s']) * 1000;
  for (;;) {
    const left = (await portsOfControllers(world)).filter((id) => !before.has(id));
    if (left.length === 0) return elapsedMs;
    if (performance.now() > goneByMs) throw new Error(`${left.length} ports are left: ${left.join(' ')}`);
    await sleep(POLL_MS);
  }
}

async function main(): Promise<void> {
  bundleProduct();
  const real = values.clouds === undefined ? undefined : readRealCloud(values.clouds, process.env);
  const timings = { buildMs: Number(values['build-ms']) };
  const world = await openChaosWorld(real, timings);
  const rate = values['requests-per-second'];
  const folder = mkdtempSync(join(tmpdir(), 'sluice-boot-'));
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, world.playground.managementKubeconfig, { mode: 0o600 });
  await world.register({ kubeconfig: world.cluster.kubeconfig, cloudsYaml: world.cloudsYaml });
  const controller = await ControllerProcess.start({
    kubeconfig,
    namespaces: ['default'],
    logFile: join(folder, 'controller.log'),
    podName: 'sluice-boot',
    runArguments: rate === undefined ? [] : [`--openstack-requests-per-second=${rate}`],
  });
  try {
    for (let round = 1; round <= Number(values.rounds); round++) {
      const scriptMs = Math.round(await byScript(world));
      const poolMs = Math.round(await byPool(world));
      const share = Math.round((poolMs / scriptMs) * 100) / 100;
      process.stdout.write(
        `${JSON.stringify({ count: COUNT, cloud: real?.cloud ?? 'playground', scriptMs, poolMs, share })}\n`,
      );
    }
    rmSync(folder, { recursive: true });
  } finally {
    await controller.stop();
    await world.close();
  }
}

await main();
process.exit(0);
