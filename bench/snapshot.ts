// Objects that are parsed already → snapshot: the whole of it, as after a start, with what it keeps in memory. What a change
// of few objects costs is steady-state's `snapshot_p50_ms`.
import { parseArgs } from 'node:util';
import { buildSnapshot } from '../src/cluster/build-snapshot.ts';
import { PodShapeInterner } from '../src/cluster/pod-shape-interner.ts';
import { ForkedSnapshot } from '../src/scheduling/forked-snapshot.ts';
import { percentile, round, rssMiB } from './figures.ts';
import { objectsOf } from './steady-state.ts';
import { stillCluster } from './still-cluster.ts';

const WARM_UP = 3;

/** Times a snapshot of fresh objects, then a fork of it and its rollback to the beginning. */
export function snapshotBenchmark(argv: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      nodes: { type: 'string', default: '1000' },
      pods: { type: 'string', default: '30000' },
      repeat: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
    },
  });
  const size = { nodes: Number(values.nodes), pods: Number(values.pods), seed: Number(values.seed) };
  const interner = new PodShapeInterner();
  const objects = objectsOf(stillCluster(size), interner);
  const buildMs: number[] = [];
  const forkMs: number[] = [];
  let first = 0;
  for (let turn = -WARM_UP; turn < Number(values.repeat); turn += 1) {
    const startedMs = performance.now();
    const snapshot = buildSnapshot(objects, 1);
    const builtMs = performance.now();
    const fork = new ForkedSnapshot(snapshot);
    const forkedMs = performance.now();
    // Also what keeps the work from being thought useless.
    if (snapshot.nodes.length !== size.nodes || fork.nodeCount !== size.nodes) throw new Error('nodes were lost');
    if (turn === -WARM_UP) first = builtMs - startedMs;
    if (turn < 0) continue;
    buildMs.push(builtMs - startedMs);
    forkMs.push(forkedMs - builtMs);
  }
  return Promise.resolve({
    benchmark: 'snapshot',
    ...size,
    shapes: interner.size,
    first_ms: round(first),
    p50_ms: round(percentile(buildMs, 0.5)),
    p99_ms: round(percentile(buildMs, 0.99)),
    fork_p50_ms: round(percentile(forkMs, 0.5)),
    fork_p99_ms: round(percentile(forkMs, 0.99)),
    rss_mb: rssMiB(),
  });
}
