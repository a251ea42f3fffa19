// What it costs to place one pod, by the rule that it exercises, on clusters of more and more pods: should be flat. The
// first question of a kind, when its counters are filled from the pods that are there, is reported apart. Figures are
// of one placement at a time: find the first node that takes the pod, put it there.
import { parseArgs } from 'node:util';
import { buildSnapshot } from '../src/cluster/build-snapshot.ts';
import { PodShapeInterner } from '../src/cluster/pod-shape-interner.ts';
import { ForkedSnapshot } from '../src/scheduling/forked-snapshot.ts';
import { percentile, round } from './figures.ts';
import { KINDS, newPods, packedCluster } from './packed-cluster.ts';

const ROUNDS = 7;

export function placement(argv: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      pods: { type: 'string', default: '1000,10000,100000' },
      placed: { type: 'string', default: '300' },
    },
  });
  const sizes = values.pods.split(',').map(Number);
  const kinds: Record<string, Record<string, unknown>> = Object.fromEntries(KINDS.map((kind) => [kind, {}]));
  const forkMs: Record<string, number> = {};
  for (const size of sizes) {
    const interner = new PodShapeInterner();
    const snapshot = buildSnapshot(packedCluster(size, interner), 1);
    const opened = Array.from({ length: ROUNDS }, () => timed(() => new ForkedSnapshot(snapshot)));
    forkMs[size] = round(percentile(opened, 0.5), 3);
    for (const kind of KINDS) {
      const pods = newPods(kind, Number(values.placed), interner);
      const fork = new ForkedSnapshot(snapshot);
      const [first] = pods;
      if (first === undefined) throw new Error('placed must be at least 1');
      const firstUs = timed(() => fork.firstFit(first)) * 1000;
      const perPlacement: number[] = [];
      let placed = 0;
      for (let turn = 0; turn < ROUNDS; turn += 1) {
        const mark = fork.mark();
        placed = 0;
        const ms = timed(() => {
          for (const pod of pods) {
            const node = fork.firstFit(pod);
            if (node === -1) break;
            fork.place(pod, node);
            placed += 1;
          }
        });
        perPlacement.push((ms * 1000) / Math.max(1, placed));
        fork.rollback(mark);
      }
      Object.assign(kinds[kind] ?? {}, {
        [size]: { firstUs: round(firstUs, 0), us: round(percentile(perPlacement, 0.5)), placed },
      });
    }
  }
  return Promise.resolve({ benchmark: 'placement', forkMs, ...kinds });
}

function timed(what: () => unknown): number {
  const startedMs = performance.now();
  what();
  return performance.now() - startedMs;
}
