// Loading a cluster from its API, in a process of its own: time until every store is complete, time of the first decision,
// memory. The server is this process.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { round } from './figures.ts';
import { startListServer } from './list-server.ts';
import { stillCluster } from './still-cluster.ts';

const CLIENT = fileURLToPath(new URL('./cold-start-client.ts', import.meta.url));

export async function coldStart(argv: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      nodes: { type: 'string', default: '1000' },
      pods: { type: 'string', default: '30000' },
      seed: { type: 'string', default: '1' },
    },
  });
  const size = { nodes: Number(values.nodes), pods: Number(values.pods), seed: Number(values.seed) };
  const cluster = stillCluster(size);
  const server = await startListServer(cluster);
  try {
    const child = fork(CLIENT, [], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    let out = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    const served = process.cpuUsage();
    child.send({ url: server.url, handed: { claims: cluster.claims, workloadCluster: cluster.workloadCluster } });
    const code = await new Promise((resolve) => child.once('close', resolve));
    if (code !== 0) throw new Error(`cold-start: the loading process ended with ${String(code)}`);
    const { user, system } = process.cpuUsage(served);
    return { benchmark: 'cold-start', ...JSON.parse(out), server_cpu_ms: round((user + system) / 1000, 0) };
  } finally {
    server.close();
  }
}
