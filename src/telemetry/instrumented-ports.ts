// Decorators of the ports: every call that goes outside is counted by operation and outcome, and timed.
// The adapters need not know; `cli` puts these around them.
import { PortError } from '../controllers/port-errors.ts';
import type {
  Cloud,
  EvictionOutcome,
  ManagementPlane,
  Telemetry,
  TelemetryLabels,
  WorkloadPlane,
} from '../controllers/ports.ts';

const CLOUD_OPERATIONS = [
  'currentProjectId',
  'resolveTargets',
  'listFlavors',
  'readQuota',
  'listServers',
  'listPorts',
  'serverNamesTaken',
  'findPorts',
  'createPort',
  'deletePort',
  'findFloatingIps',
  'listFloatingIps',
  'createFloatingIp',
  'getFloatingIp',
  'deleteFloatingIp',
  'findServers',
  'createServer',
  'getServer',
  'getPort',
  'deleteServer',
  'ensureServerGroup',
  'deleteServerGroup',
  'listServerGroups',
] as const satisfies readonly (keyof Cloud)[];

const WORKLOAD_OPERATIONS = [
  'serverVersion',
  'ensureNodePoolDefinition',
  'getNodePool',
  'setDesiredNodes',
  'applyNodePoolStatus',
  'setNodePoolFinalizer',
  'getNode',
  'assertNode',
  'cordonNode',
  'uncordonNode',
  'liftTaint',
  'nominateNode',
  'deleteNode',
  'listPodsOnNode',
  'evictPod',
  'deletePod',
  'listVolumeAttachments',
  'createBootstrapToken',
  'deleteBootstrapToken',
] as const satisfies readonly (keyof WorkloadPlane)[];

const MANAGEMENT_OPERATIONS = [
  'createClaim',
  'getClaim',
  'updateClaimStatus',
  'setClaimFinalizer',
  'deleteClaim',
  'listClaims',
  'getWorkloadCluster',
  'updateWorkloadClusterStatus',
  'setWorkloadClusterFinalizer',
  'getSecret',
  'getConfigMap',
] as const satisfies readonly (keyof ManagementPlane)[];

/** `cloud`, with its calls measured under the service `openstack`. */
export function instrumentCloud(cloud: Cloud, telemetry: Telemetry, labels: TelemetryLabels): Cloud {
  return instrument(cloud, { operations: CLOUD_OPERATIONS, service: 'openstack', telemetry, labels });
}

/** `plane`, with its calls measured under the service `workload`. */
export function instrumentWorkloadPlane(
  plane: WorkloadPlane,
  telemetry: Telemetry,
  labels: TelemetryLabels,
): WorkloadPlane {
  return instrument(plane, { operations: WORKLOAD_OPERATIONS, service: 'workload', telemetry, labels });
}

/** `plane`, with its calls measured under the service `management`. */
export function instrumentManagementPlane(
  plane: ManagementPlane,
  telemetry: Telemetry,
  labels: TelemetryLabels,
): ManagementPlane {
  return instrument(plane, { operations: MANAGEMENT_OPERATIONS, service: 'management', telemetry, labels });
}

interface Measuring {
  readonly operations: readonly string[];
  readonly service: string;
  readonly telemetry: Telemetry;
  readonly labels: TelemetryLabels;
}

/** A proxy whose listed methods are measured and whose other members are the port's own. Methods keep the port as
 *  `this`, so that its private fields work. */
function instrument<T extends object>(port: T, measuring: Measuring): T {
  const wrapped = new Map<string | symbol, unknown>();
  return new Proxy(port, {
    get(target, name) {
      const known = wrapped.get(name);
      if (known !== undefined) return known;
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      const call = (...args: unknown[]): unknown => Reflect.apply(member, target, args);
      const own =
        typeof name === 'string' && measuring.operations.includes(name) ? measured(name, call, measuring) : call;
      wrapped.set(name, own);
      return own;
    },
  });
}

function measured(
  operation: string,
  call: (...args: unknown[]) => unknown,
  { service, telemetry, labels }: Measuring,
): (...args: unknown[]) => Promise<unknown> {
  return async (...args) => {
    const started = performance.now();
    const record = (outcome: string): void => {
      telemetry.count('sluice_api_requests_total', { ...labels, service, operation, outcome });
      const seconds = (performance.now() - started) / 1000;
      telemetry.observe('sluice_api_request_duration_seconds', { ...labels, service, operation }, seconds);
    };
    try {
      const result = await call(...args);
      record(operation === 'evictPod' ? evictionOutcome(result) : 'ok');
      return result;
    } catch (error) {
      record(error instanceof PortError ? error.code : 'error');
      throw error;
    }
  };
}

function evictionOutcome(result: unknown): EvictionOutcome['kind'] | 'ok' {
  const kind: unknown = typeof result === 'object' && result !== null ? Reflect.get(result, 'kind') : undefined;
  return kind === 'evicted' || kind === 'gone' || kind === 'blocked' || kind === 'refused' ? kind : 'ok';
}
