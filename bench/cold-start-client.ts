// The measured half of cold-start: opens the workload plane through the product's adapter, waits until all is there, then
// makes one decision. Prints one line of JSON.
import { parseNodeClaim, parseNodePool, parseWorkloadCluster } from '../src/api/parse-resources.ts';
import { customResourceDefinition } from '../src/api/custom-resource-definition.ts';
import type { ClusterObjects } from '../src/cluster/cluster-objects.ts';
import { nextSnapshot } from '../src/cluster/next-snapshot.ts';
import { realClock, secureRandom } from '../src/cli/real-clock.ts';
import { PodReading } from '../src/cli/pod-reading-thread.ts';
import { workloadParsers } from '../src/cli/start-controller.ts';
import type { Telemetry, WorkloadStores } from '../src/controllers/ports.ts';
import { openWorkloadPlane } from '../src/kubernetes/workload-plane.ts';
import { makePlan } from '../src/planner/make-plan.ts';
import { round, rssMiB } from './figures.ts';
import { FLAVOR, type StillCluster } from './still-cluster.ts';

/** Far above what loading may take: a bound, not a measure. */
const LOAD_LIMIT_MS = 120_000;

const silent: Telemetry = {
  count: () => undefined,
  gauge: () => undefined,
  observe: () => undefined,
  forget: () => undefined,
  log: () => undefined,
  decision: () => undefined,
};

/** The loop decides at most once in 200 ms; a still cluster once in ten seconds. */
const PAUSE_MS = 200;
const FURTHER_DECISIONS = 50;

/** Of this thread: what a machine that does nothing else would take, but for waiting. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Of the process: other threads and the collector's too. */
function cpuAllMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The other plane's objects: too few to matter, so they come as they are. */
type Handed = Pick<StillCluster, 'claims' | 'workloadCluster'>;

async function main(url: string, handed: Handed): Promise<void> {
  const started = performance.now();
  const startedCpu = cpuMs();
  const startedCpuAll = cpuAllMs();
  const plane = openWorkloadPlane(
    { server: url },
    {
      parsers: workloadParsers(new PodReading({ clock: realClock })),
      nodePoolDefinition: customResourceDefinition('NodePool'),
      clock: realClock,
      random: secureRandom,
      telemetry: silent,
      identity: 'bench',
      labels: { cluster: 'bench' },
    },
  );
  plane.start();
  const { stores } = plane;
  while (!Object.values(stores).every((store) => store.synced)) {
    if (performance.now() - started > LOAD_LIMIT_MS) throw new Error('the cluster was not loaded in time');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const loaded = performance.now();
  const loadedCpu = cpuMs();
  const loadedCpuAll = cpuAllMs();
  const rssLoaded = rssMiB();
  // The claims are those of the management plane: not listed here, and not part of a decision.
  const objects = objectsOf(stores, handed);
  const deciding = performance.now();
  const decidingCpu = cpuMs();
  let snapshot = nextSnapshot(undefined, objects, 1);
  const plan = makePlan(snapshot, { nameSeed: 'bench' });
  const decided = performance.now();
  const decidedCpu = cpuMs();
  const rssFirst = rssMiB();
  // With pauses, as the loop has them: what piles up between two collections counts, what a tight loop makes does not.
  for (let pass = 2; pass <= 1 + FURTHER_DECISIONS; pass += 1) {
    snapshot = nextSnapshot(snapshot, { ...objects, pods: stores.pods.view() }, pass);
    makePlan(snapshot, { nameSeed: `bench ${pass}` });
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  process.stdout.write(
    `${JSON.stringify({
      nodes: stores.nodes.list().length,
      pods: stores.pods.list().length,
      load_ms: round(loaded - started, 0),
      load_cpu_ms: round(loadedCpu - startedCpu, 0),
      load_cpu_all_ms: round(loadedCpuAll - startedCpuAll, 0),
      rss_loaded_mb: rssLoaded,
      rss_highest_mb: round(process.resourceUsage().maxRSS / 1024, 0),
      first_decision_ms: round(decided - deciding, 0),
      first_decision_cpu_ms: round(decidedCpu - decidingCpu, 0),
      steps: plan.steps.length,
      rss_mb: rssFirst,
      further_decisions: FURTHER_DECISIONS,
      rss_later_mb: rssMiB(),
    })}\n`,
  );
  process.exit();
}

/** What a decision looks at, from what was loaded and what was handed over. */
function objectsOf(stores: WorkloadStores, handed: Handed): ClusterObjects {
  return {
    cluster: parseWorkloadCluster(handed.workloadCluster),
    observedAtMs: Date.parse('2026-11-20T12:00:00Z'),
    nodePools: stores.nodePools.list().map(parseNodePool),
    claims: handed.claims.map(parseNodeClaim),
    pods: stores.pods.view(),
    nodes: stores.nodes.list(),
    podDisruptionBudgets: stores.podDisruptionBudgets.list(),
    daemonSets: stores.daemonSets.list(),
    persistentVolumeClaims: [],
    persistentVolumes: [],
    storageClasses: [],
    csiNodes: [],
    namespaces: stores.namespaces.list(),
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

process.once('message', (message: { url: string; handed: Handed }) => {
  main(message.url, message.handed).catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  });
});
