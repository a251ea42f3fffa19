// One look at a live cluster, through the same adapters and stages as the controller's, without writing anything.
// For plan, explain and capture. What a running controller has learned (faults that stand) is not seen from here.
import { parseNodeClaim, parseWorkloadCluster } from '../api/parse-resources.ts';
import type { WorkloadCluster } from '../api/workload-cluster.ts';
import type { ClusterObjects } from '../cluster/cluster-objects.ts';
import { ClaimExpectations } from '../controllers/claim-expectations.ts';
import { CloudFacts } from '../controllers/cloud-facts.ts';
import type { ClusterContext } from '../controllers/cluster-context.ts';
import { MassChangeGuard } from '../controllers/mass-change-guard.ts';
import { observeCluster } from '../controllers/observe-cluster.ts';
import { PathProbe } from '../controllers/path-probe.ts';
import { PlacementHints } from '../controllers/placement-hints.ts';
import { PortError } from '../controllers/port-errors.ts';
import type { Cloud, ManagementPlane, Telemetry, WorkloadPlane } from '../controllers/ports.ts';
import { readSessionInputs } from '../fleet/session-inputs.ts';
import { openManagementPlane } from '../kubernetes/management-plane.ts';
import { createTelemetry } from '../telemetry/prometheus-telemetry.ts';
import { realClock, secureRandom } from './real-clock.ts';
import { type ControllerOptions, managementEndpoint, realSessions } from './start-controller.ts';

export interface ObserveOnceOptions {
  readonly management: ControllerOptions['management'];
  readonly namespace: string;
  /** Name of the WorkloadCluster. */
  readonly cluster: string;
  /** For all of it: connecting, listing, reading the cloud. */
  readonly timeoutMs: number;
}

const IDENTITY = 'sluice-cli';
/** A store is asked for its state this often; listing takes longer than that anyway. */
const POLL_MS = 50;

/** Everything that a decision would look at now. Rejects with a PortError: unreachable, refused, or not complete in
 *  time, naming what is missing. */
export async function observeOnce(options: ObserveOnceOptions): Promise<ClusterObjects> {
  const deadlineMs = realClock.monotonicMs() + options.timeoutMs;
  const telemetry = createTelemetry({ logLevel: 'silent' });
  const endpoint = managementEndpoint(options.management);
  const management = openManagementPlane(endpoint, {
    parsers: { workloadCluster: parseWorkloadCluster, nodeClaim: parseNodeClaim },
    namespaces: [options.namespace],
    clock: realClock,
    random: secureRandom,
    telemetry,
    identity: IDENTITY,
  });
  const opened: { close(): Promise<void> }[] = [management];
  try {
    const cluster = await management.getWorkloadCluster(options.namespace, options.cluster);
    if (cluster === undefined)
      throw new PortError('notFound', `there is no WorkloadCluster ${options.namespace}/${options.cluster}`);
    const sessions = realSessions({ endpoint, telemetry, identity: IDENTITY });
    const label = `${options.namespace}/${options.cluster}`;
    const { workload: kubeconfig, cloudsYaml } = await readSessionInputs(management, cluster);
    if (kubeconfig.kind === 'problem') throw new PortError('invalidSpec', kubeconfig.message);
    if (cloudsYaml.kind === 'problem') throw new PortError('invalidSpec', cloudsYaml.message);
    const workload = await sessions.openWorkloadPlane(kubeconfig, label);
    opened.push(workload);
    const { cloud: cloudName, region } = cluster.spec.openstack;
    const cloud = await sessions.openCloud({ cloudsYaml: cloudsYaml.text, cloud: cloudName, region }, label);
    opened.push(cloud);
    management.start();
    workload.start();
    return await observe(readOnlyContext({ cluster, management, workload, cloud, telemetry }), deadlineMs);
  } finally {
    for (const port of opened.toReversed()) await port.close();
  }
}

async function observe(context: ClusterContext, deadlineMs: number): Promise<ClusterObjects> {
  const sources = {
    facts: new CloudFacts(context),
    guard: new MassChangeGuard(),
    probe: new PathProbe(context.workload, context.clock),
    expectations: new ClaimExpectations(context.clock),
    // Nothing is carried out, so nothing is placed.
    hints: new PlacementHints(context, () => undefined),
    definition: () => 'ready' as const,
  };
  for (;;) {
    const observation = await observeCluster(context, sources);
    if (observation.kind === 'ready') return observation.objects;
    if (observation.fault?.retry.kind === 'terminal') throw observation.fault;
    if (context.clock.monotonicMs() >= deadlineMs) {
      const cause = observation.fault === undefined ? {} : { cause: observation.fault };
      throw new PortError('unavailable', `not complete in time: ${observation.why}`, cause);
    }
    await new Promise<void>((resolve) => {
      setTimeout(resolve, POLL_MS);
    });
  }
}

/** A context that claims to lead, so that observing works, and is only ever given to observing. */
function readOnlyContext(parts: {
  readonly cluster: WorkloadCluster;
  readonly management: ManagementPlane;
  readonly workload: WorkloadPlane;
  readonly cloud: Cloud;
  readonly telemetry: Telemetry;
}): ClusterContext {
  const { cluster } = parts;
  return {
    ...parts,
    cluster: () => cluster,
    namespace: cluster.metadata.namespace ?? '',
    clusterName: cluster.metadata.name,
    clusterUid: cluster.metadata.uid,
    clock: realClock,
    random: secureRandom,
    faults: {
      record: () => undefined,
      clear: () => undefined,
      neverJoined: () => undefined,
      joined: () => undefined,
      standing: () => [],
    },
    lease: () => ({ held: true, epoch: 0, holder: IDENTITY }),
    frozen: () => undefined,
    signal: new AbortController().signal,
  };
}
