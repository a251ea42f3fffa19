// Wires one controller process: adapters behind their telemetry decorators, the fleet on top, the health server beside.
// Decides nothing. `run` and `demo` start the same thing.
import { customResourceDefinition } from '../api/custom-resource-definition.ts';
import { parseNodeClaim, parseNodePool, parseWorkloadCluster } from '../api/parse-resources.ts';
import { parseDeviceClass, parseResourceClaim, parseResourceSlice } from '../cluster/parse-devices.ts';
import { parseNode } from '../cluster/parse-node.ts';
import {
  parseCsiDriver,
  parseCsiNode,
  parseDaemonSet,
  parseNamespace,
  parsePersistentVolume,
  parsePersistentVolumeClaim,
  parsePodDisruptionBudget,
  parseStorageClass,
} from '../cluster/parse-objects.ts';
import { parsePod } from '../cluster/parse-pod.ts';
import { parseCsiStorageCapacity, parseVolumeAttachment } from '../cluster/parse-storage-state.ts';
import { KnownPodLines } from '../cluster/known-pod-lines.ts';
import { PodShapeInterner } from '../cluster/pod-shape-interner.ts';
import type { Sessions, Telemetry } from '../controllers/ports.ts';
import { FleetController } from '../fleet/fleet-controller.ts';
import {
  inClusterEndpoint,
  type KubernetesEndpoint,
  loadTrustedKubeconfig,
  parseTrustedKubeconfig,
  parseWorkloadKubeconfig,
} from '../kubernetes/kubeconfig.ts';
import { openManagementPlane } from '../kubernetes/management-plane.ts';
import { openWorkloadPlane, type WorkloadParsers } from '../kubernetes/workload-plane.ts';
import { openCloud } from '../openstack/cloud-port.ts';
import { startHealthServer } from '../telemetry/health-server.ts';
import {
  instrumentCloud,
  instrumentManagementPlane,
  instrumentWorkloadPlane,
} from '../telemetry/instrumented-ports.ts';
import { createTelemetry } from '../telemetry/prometheus-telemetry.ts';
import { PodReading } from './pod-reading-thread.ts';
import { PolishThread } from './polish-thread.ts';
import { realClock, secureRandom } from './real-clock.ts';

export interface ControllerOptions {
  readonly management:
    | { readonly kind: 'inCluster' }
    | { readonly kind: 'kubeconfigFile'; readonly path: string }
    | { readonly kind: 'kubeconfigText'; readonly text: string };
  /** Namespaces whose WorkloadClusters are served; not empty. */
  readonly namespaces: readonly string[];
  /** `host:port` for metrics and health; undefined: none. */
  readonly listen: string | undefined;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Default: json, an object a line. */
  readonly logFormat?: 'text' | 'json';
  /** Requests a second that one OpenStack project is sent at most. Default 10. */
  readonly openstackRequestsPerSecond?: number | undefined;
  /** Name of this replica in Leases and events. */
  readonly identity: string;
  /** Called with every entry of the decision log. */
  readonly onDecision?: (entry: Readonly<Record<string, unknown>>) => void;
}

export interface RunningController {
  /** Base URL of metrics and health. */
  readonly url: string | undefined;
  readonly fleet: FleetController;
  /** Gives up all Leases and closes every connection; at most some seconds. */
  close(): Promise<void>;
}

/** Parsers for one workload cluster: its pods share one interner, so equal shapes are one object. */
export function workloadParsers(reading: PodReading): WorkloadParsers {
  const interner = new PodShapeInterner();
  return {
    nodePool: parseNodePool,
    pod: (raw) => parsePod(raw, interner),
    openPodReader: reading.opener(interner),
    knownPodLines: () => new KnownPodLines(interner),
    node: parseNode,
    podDisruptionBudget: parsePodDisruptionBudget,
    daemonSet: (raw) => parseDaemonSet(raw, interner),
    persistentVolumeClaim: parsePersistentVolumeClaim,
    persistentVolume: parsePersistentVolume,
    storageClass: parseStorageClass,
    csiNode: parseCsiNode,
    csiDriver: parseCsiDriver,
    csiStorageCapacity: parseCsiStorageCapacity,
    volumeAttachment: parseVolumeAttachment,
    deviceClass: parseDeviceClass,
    resourceClaim: parseResourceClaim,
    resourceSlice: parseResourceSlice,
    namespace: parseNamespace,
  };
}

/** Where the management cluster is. Throws a PortError `invalidSpec` that names what is wrong in the kubeconfig. */
export function managementEndpoint(source: ControllerOptions['management']): KubernetesEndpoint {
  if (source.kind === 'inCluster') return inClusterEndpoint();
  return source.kind === 'kubeconfigFile' ? loadTrustedKubeconfig(source.path) : parseTrustedKubeconfig(source.text);
}

/** Opens workload planes and clouds for the fleet, wrapped by telemetry. `endpoint` is the management cluster's. */
export function realSessions(deps: {
  readonly endpoint: KubernetesEndpoint;
  readonly telemetry: Telemetry;
  readonly identity: string;
  readonly openstackRequestsPerSecond?: number | undefined;
}): Sessions {
  const { endpoint, telemetry, identity, openstackRequestsPerSecond: requestsPerSecond } = deps;
  const reading = new PodReading({ clock: realClock });
  return {
    openWorkloadPlane: (source, cluster) => {
      const labels = { cluster };
      const plane = openWorkloadPlane(source.kind === 'inCluster' ? endpoint : parseWorkloadKubeconfig(source.text), {
        parsers: workloadParsers(reading),
        nodePoolDefinition: customResourceDefinition('NodePool'),
        clock: realClock,
        random: secureRandom,
        telemetry,
        identity,
        labels,
      });
      return Promise.resolve(instrumentWorkloadPlane(plane, telemetry, labels));
    },
    openCloud: async (source, cluster) => {
      const labels = { cluster };
      const cloud = await openCloud(source, { clock: realClock, telemetry, labels, requestsPerSecond });
      return instrumentCloud(cloud, telemetry, labels);
    },
  };
}

/** Starts the controller. Rejects with a PortError when the management kubeconfig or the listen address is no good. */
export async function startController(options: ControllerOptions): Promise<RunningController> {
  const { identity, namespaces } = options;
  const telemetry = createTelemetry({
    logLevel: options.logLevel,
    logFormat: options.logFormat ?? 'json',
    ...(options.onDecision === undefined ? {} : { decisions: options.onDecision }),
  });
  const endpoint = managementEndpoint(options.management);
  const management = instrumentManagementPlane(
    openManagementPlane(endpoint, {
      parsers: { workloadCluster: parseWorkloadCluster, nodeClaim: parseNodeClaim },
      namespaces,
      clock: realClock,
      random: secureRandom,
      telemetry,
      identity,
    }),
    telemetry,
    { cluster: '' },
  );
  const sessions = realSessions({
    endpoint,
    telemetry,
    identity,
    openstackRequestsPerSecond: options.openstackRequestsPerSecond,
  });
  const polisher = new PolishThread({ clock: realClock, telemetry });
  const fleet = new FleetController({
    management,
    sessions,
    telemetry,
    clock: realClock,
    random: secureRandom,
    polisher,
    identity,
  });
  const health =
    options.listen === undefined
      ? undefined
      : await startHealthServer({
          listen: options.listen,
          metrics: () => telemetry.metricsText(),
          health: () => fleet.health(),
        });
  management.start();
  fleet.start();
  return {
    url: health?.url,
    fleet,
    async close() {
      await fleet.close();
      await polisher.close();
      await management.close();
      await health?.close();
    },
  };
}
