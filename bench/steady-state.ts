// Event to decision on a cluster that is in use: pods of Deployments are replaced, kubelets report, now and then a node is
// lost, and the whole path runs again: lines of the watches → stores → objects → snapshot → plan → check. The debounce of the loop (200 ms of quiet)
// is not part of it: at 100 pod events a second a decision sees 20 of them, and a minute is 300 decisions.
import { setImmediate, setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parseNodeClaim, parseNodePool, parseWorkloadCluster } from '../src/api/parse-resources.ts';
import type { ClusterSnapshot } from '../src/cluster/build-snapshot.ts';
import { collectBetweenDecisions } from '../src/cli/process-memory.ts';
import { nextSnapshot } from '../src/cluster/next-snapshot.ts';
import type { ClusterObjects } from '../src/cluster/cluster-objects.ts';
import { parseNode } from '../src/cluster/parse-node.ts';
import { parseDaemonSet, parseNamespace, parsePodDisruptionBudget } from '../src/cluster/parse-objects.ts';
import { parsePod } from '../src/cluster/parse-pod.ts';
import { PodShapeInterner } from '../src/cluster/pod-shape-interner.ts';
import { checkPlan } from '../src/planner/check-plan.ts';
import { makePlan } from '../src/planner/make-plan.ts';
import { mean, percentile, round, rssMiB } from './figures.ts';
import { LiveCluster } from './live-cluster.ts';
import { countingLoop } from './machine-noise.ts';
import { FLAVOR, type StillCluster, stillCluster } from './still-cluster.ts';

/** Objects of the generated cluster, parsed as the list-watch parses them. */
export function objectsOf(cluster: StillCluster, interner: PodShapeInterner): ClusterObjects {
  return {
    cluster: parseWorkloadCluster(cluster.workloadCluster),
    observedAtMs: Date.parse('2026-11-20T12:00:00Z'),
    nodePools: cluster.nodePools.map(parseNodePool),
    claims: cluster.claims.map(parseNodeClaim),
    pods: cluster.pods.map((pod) => parsePod(pod, interner)),
    nodes: cluster.nodes.map(parseNode),
    podDisruptionBudgets: cluster.podDisruptionBudgets.map(parsePodDisruptionBudget),
    daemonSets: cluster.daemonSets.map((daemonSet) => parseDaemonSet(daemonSet, interner)),
    persistentVolumeClaims: [],
    persistentVolumes: [],
    storageClasses: [],
    csiNodes: [],
    namespaces: cluster.namespaces.map(parseNamespace),
    flavors: [{ ...FLAVOR, extraSpecs: new Map() }],
    targets: {
      networkId: 'network',
      subnetId: undefined,
      images: [{ id: 'image', name: 'image', flavors: undefined }],
      zones: ['zone-1'],
      region: 'region-1',
    },
    quota: { serversLeft: undefined, coresLeft: undefined, memoryMiBLeft: undefined },
    prices: undefined,
    backoffs: [],
    frozen: undefined,
  };
}

/** In their order, and all of them together. */
const STAGES = ['read', 'snapshot', 'plan', 'check', 'all'] as const;

interface Run {
  readonly timesMs: number[];
  /** Of the thread that decides, whatever else the machine does meanwhile. */
  readonly cpuMs: Readonly<Record<(typeof STAGES)[number], number[]>>;
  readonly live: LiveCluster;
  snapshot: ClusterSnapshot | undefined;
  lost: number;
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

interface Turn {
  readonly number: number;
  readonly events: number;
  readonly losing: boolean;
}

/** One decision after `events` pods were replaced; a node that was lost is among what happened. */
function decide(run: Run, turn: Turn): void {
  const { number, events, losing } = turn;
  const revision = Math.floor(number / TURNS_PER_REVISION);
  const happened = run.live.eventsOf({ number, pods: events, nodes: HEARTBEATS, revision });
  if (losing) {
    run.live.lose(number * 31);
    run.lost += 1;
  }
  const startedMs = performance.now();
  const cpu = [cpuMs()];
  run.live.watch(happened);
  const objects = run.live.objects();
  cpu.push(cpuMs());
  const snapshot = nextSnapshot(run.snapshot, objects, number);
  run.snapshot = snapshot;
  cpu.push(cpuMs());
  const plan = makePlan(snapshot, { nameSeed: `bench ${number}` });
  cpu.push(cpuMs());
  const findings = checkPlan(plan, snapshot);
  cpu.push(cpuMs());
  const tookMs = performance.now() - startedMs;
  if (findings.some((finding) => finding.severity === 'fatal')) throw new Error(JSON.stringify(findings));
  if (!losing && plan.steps.length > 0) {
    throw new Error(`a cluster that is well must be left alone, but a plan held ${plan.steps.length} steps`);
  }
  if (losing) run.live.carryOut(plan);
  run.timesMs.push(tookMs);
  for (const [index, stage] of STAGES.entries()) {
    run.cpuMs[stage].push(
      (cpu[stage === 'all' ? STAGES.length - 1 : index + 1] ?? 0) - (cpu[stage === 'all' ? 0 : index] ?? 0),
    );
  }
}

/** Bytes in use once nothing is left to collect; needs --expose-gc. */
function heapMiB(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return round((heapUsed + arrayBuffers) / 2 ** 20, 1);
}

const WARM_UP = 20;
/** A kubelet writes its node's status every five minutes even when nothing changed: 5,000 of them 17 times a second. */
const HEARTBEATS = 3;
/** Deployments get a new revision every five minutes: their pods' labels, and so their shapes, are new ones. */
const TURNS_PER_REVISION = 1500;
/** Shares of the run after which the heap is looked at. */
const HEAP_AT = [0.1, 0.5, 1];

/** The stores of a cluster of this size; the text that it was made of is not kept. */
function liveCluster(size: { nodes: number; pods: number; seed: number }, interner: PodShapeInterner): LiveCluster {
  const cluster = stillCluster(size);
  return new LiveCluster(cluster, {
    interner,
    others: objectsOf({ ...cluster, pods: [], claims: [], nodes: [] }, interner),
  });
}

function timesOf({ timesMs, cpuMs: cpu }: Run, countingMs: readonly number[]): Readonly<Record<string, number>> {
  return {
    p50_ms: round(percentile(timesMs, 0.5)),
    p99_ms: round(percentile(timesMs, 0.99)),
    max_ms: round(Math.max(...timesMs)),
    // Of a loop that only counts, run in between: what the machine adds.
    counting_p50_ms: round(percentile(countingMs, 0.5)),
    counting_p99_ms: round(percentile(countingMs, 0.99)),
    cpu_p50_ms: round(percentile(cpu.all, 0.5)),
    cpu_p99_ms: round(percentile(cpu.all, 0.99)),
    // Some kernels count a thread's time in steps of a millisecond or four: a mean has no such steps.
    cpu_mean_ms: round(mean(cpu.all)),
    read_cpu_p50_ms: round(percentile(cpu.read, 0.5)),
    snapshot_cpu_p50_ms: round(percentile(cpu.snapshot, 0.5)),
    plan_cpu_p50_ms: round(percentile(cpu.plan, 0.5)),
    check_cpu_p50_ms: round(percentile(cpu.check, 0.5)),
  };
}

export async function steadyState(argv: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      nodes: { type: 'string', default: '1000' },
      pods: { type: 'string', default: '30000' },
      rounds: { type: 'string', default: '200' },
      seed: { type: 'string', default: '1' },
      events: { type: 'string', default: '20' },
      'lost-every': { type: 'string', default: '0' },
      'pause-ms': { type: 'string', default: '0' },
    },
  });
  const size = { nodes: Number(values.nodes), pods: Number(values.pods), seed: Number(values.seed) };
  const events = Number(values.events);
  const lostEvery = Number(values['lost-every']);
  const pauseMs = Number(values['pause-ms']);
  const interner = new PodShapeInterner();
  const live = liveCluster(size, interner);
  const fresh = (): Run => {
    const cpuMs = { read: [], snapshot: [], plan: [], check: [], all: [] };
    return { timesMs: [], cpuMs, live, snapshot: undefined, lost: 0 };
  };
  const warm = fresh();
  for (let number = 1; number <= WARM_UP; number += 1) decide(warm, { number, events, losing: false });
  const run: Run = { ...fresh(), snapshot: warm.snapshot };
  warm.snapshot = undefined;
  const rounds = Number(values.rounds);
  // As the product does.
  const stopCollecting = collectBetweenDecisions();
  const count = countingLoop(percentile(warm.timesMs, 0.5));
  const countingMs: number[] = [];
  const heapMb = [heapMiB()];
  for (let turn = 1; turn <= rounds; turn += 1) {
    decide(run, { number: WARM_UP + turn, events, losing: lostEvery > 0 && turn % lostEvery === 0 });
    // As between two passes: only then may V8 free what was reached through a weak reference, and a collection that goes on
    // beside us get somewhere.
    await (pauseMs > 0 ? setTimeout(pauseMs) : setImmediate());
    countingMs.push(count());
    if (HEAP_AT.some((share) => Math.round(share * rounds) === turn)) heapMb.push(heapMiB());
  }
  stopCollecting();
  return {
    benchmark: 'steady-state',
    ...size,
    rounds,
    events_per_decision: events,
    nodes_lost: run.lost,
    ...timesOf(run, countingMs),
    heap_mb_at_0_10_50_100: heapMb,
    shapes: interner.size,
    rss_mb: rssMiB(),
  };
}
