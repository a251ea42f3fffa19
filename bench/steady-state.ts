// Event to decision on a still cluster: one pod of a Deployment is replaced, and the whole path runs again:
// parse the event → objects → snapshot → plan → check. The debounce of the loop (200 ms of quiet) is not part of it.
import { parseArgs } from 'node:util';
import { parseNodeClaim, parseNodePool, parseWorkloadCluster } from '../src/api/parse-resources.ts';
import { buildSnapshot } from '../src/cluster/build-snapshot.ts';
import type { ClusterObjects, PodObject } from '../src/cluster/cluster-objects.ts';
import { parseNode } from '../src/cluster/parse-node.ts';
import { parseDaemonSet, parseNamespace, parsePodDisruptionBudget } from '../src/cluster/parse-objects.ts';
import { parsePod } from '../src/cluster/parse-pod.ts';
import { PodShapeInterner } from '../src/cluster/pod-shape-interner.ts';
import { checkPlan } from '../src/planner/check-plan.ts';
import { makePlan } from '../src/planner/make-plan.ts';
import { percentile, round, rssMiB } from './figures.ts';
import { FLAVOR, podOf, type StillCluster, stillCluster } from './still-cluster.ts';

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

/** Replaces one pod by a fresh one of the same kind on the same node, as a rolling update does. */
function withEvent(objects: ClusterObjects, round: number, interner: PodShapeInterner): ClusterObjects {
  const index = (round * 7919) % objects.pods.length;
  const old = objects.pods[index];
  if (old === undefined) throw new Error('no pod to replace');
  const fresh = parsePod(
    podOf({
      app: old.controller?.name ?? 'app',
      kind: old.controller?.kind ?? 'ReplicaSet',
      node: old.nodeName,
      cpuMillis: old.shape.requests.cpuMillis,
      memoryMiB: old.shape.requests.memoryBytes / 2 ** 20,
    }),
    interner,
  );
  const pods: PodObject[] = objects.pods.slice();
  pods[index] = fresh;
  return { ...objects, pods };
}

export async function steadyState(argv: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      nodes: { type: 'string', default: '1000' },
      pods: { type: 'string', default: '30000' },
      rounds: { type: 'string', default: '200' },
      seed: { type: 'string', default: '1' },
    },
  });
  const size = { nodes: Number(values.nodes), pods: Number(values.pods), seed: Number(values.seed) };
  const interner = new PodShapeInterner();
  let objects = objectsOf(stillCluster(size), interner);
  const times: number[] = [];
  const stages = { snapshot: [] as number[], plan: [] as number[], check: [] as number[] };
  const rounds = Number(values.rounds);
  const warmUp = Math.min(20, rounds);
  let steps = 0;
  for (let pass = -warmUp; pass < rounds; pass += 1) {
    const started = performance.now();
    objects = withEvent(objects, pass + warmUp, interner);
    const snapshot = buildSnapshot(objects, pass + warmUp);
    const built = performance.now();
    const plan = makePlan(snapshot, { nameSeed: `bench ${pass}` });
    const planned = performance.now();
    const findings = checkPlan(plan, snapshot);
    const checked = performance.now();
    if (findings.some((finding) => finding.severity === 'fatal')) throw new Error(JSON.stringify(findings));
    steps += plan.steps.length;
    if (pass < 0) continue;
    times.push(checked - started);
    stages.snapshot.push(built - started);
    stages.plan.push(planned - built);
    stages.check.push(checked - planned);
  }
  if (steps > 0) throw new Error(`a still cluster must be left alone, but plans held ${steps} steps`);
  return {
    benchmark: 'steady-state',
    ...size,
    rounds,
    p50_ms: round(percentile(times, 0.5)),
    p99_ms: round(percentile(times, 0.99)),
    max_ms: round(Math.max(...times)),
    snapshot_p50_ms: round(percentile(stages.snapshot, 0.5)),
    plan_p50_ms: round(percentile(stages.plan, 0.5)),
    check_p50_ms: round(percentile(stages.check, 0.5)),
    shapes: interner.size,
    rss_mb: rssMiB(),
  };
}
