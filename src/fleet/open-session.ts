// Opens a session from its inputs, step by step, and says in the words of conditions which step failed. What was opened
// before the failing step is closed again.
import type { Reason } from '../api/conditions.ts';
import type { WorkloadCluster } from '../api/workload-cluster.ts';
import { cloudReason } from '../controllers/cluster-status.ts';
import { isPortError, PortError } from '../controllers/port-errors.ts';
import type { Cloud, Sessions, WorkloadPlane } from '../controllers/ports.ts';
import type { SessionInputs, WorkloadSource } from './session-inputs.ts';

/** Why a session could not be opened. */
export interface Refusal {
  readonly kind: 'refused';
  readonly condition: 'ApiReachable' | 'CloudReachable';
  readonly reason: Reason;
  readonly message: string;
  /** true: waiting does not mend it, the operator must: by other secrets or another spec, or on the other side. */
  readonly terminal: boolean;
}

export interface OpenedWorkload {
  readonly kind: 'workload';
  readonly plane: WorkloadPlane;
  readonly definition: 'ready' | 'deleting';
}

/** Reaches the workload cluster and applies our definition there. */
export async function openWorkload(
  sessions: Sessions,
  source: SessionInputs['workload'],
  cluster: string,
): Promise<OpenedWorkload | Refusal> {
  if (source.kind === 'problem') return apiRefused(source.reason, source.message, true);
  let plane: WorkloadPlane;
  try {
    plane = await sessions.openWorkloadPlane(source, cluster);
  } catch (error) {
    if (!isPortError(error)) throw error;
    return apiRefusal(error, source);
  }
  try {
    await plane.serverVersion();
    return { kind: 'workload', plane, definition: await plane.ensureNodePoolDefinition() };
  } catch (error) {
    await abandon(plane);
    if (!isPortError(error)) throw error;
    return apiRefusal(error, source);
  }
}

/** Opens the cloud and compares its project with the pinned one before anything else is done with it. */
export async function openPinnedCloud(
  sessions: Sessions,
  inputs: SessionInputs,
  cluster: WorkloadCluster,
): Promise<{ readonly kind: 'cloud'; readonly cloud: Cloud } | Refusal> {
  const { cloudsYaml } = inputs;
  if (cloudsYaml.kind === 'problem') return cloudRefused(cloudsYaml.reason, cloudsYaml.message, true);
  const { cloud: name, region, projectId } = cluster.spec.openstack;
  let cloud: Cloud | undefined;
  try {
    const label = `${cluster.metadata.namespace ?? ''}/${cluster.metadata.name}`;
    cloud = await sessions.openCloud({ cloudsYaml: cloudsYaml.text, cloud: name, region }, label);
    const actual = await cloud.currentProjectId();
    if (actual === projectId) return { kind: 'cloud', cloud };
    await abandon(cloud);
    const message = `The credentials are for project ${actual}, but spec.openstack.projectId is ${projectId}.`;
    return cloudRefused('ProjectMismatch', message, true);
  } catch (error) {
    if (cloud !== undefined) await abandon(cloud);
    if (!isPortError(error)) throw error;
    return cloudRefused(
      cloudReason(error),
      error.message,
      isPortError(error, 'invalidSpec', 'credentials', 'forbidden'),
    );
  }
}

/** Closes what is not needed after all. That it cannot be closed either adds nothing to why it is not needed. */
export async function abandon(plane: { close(): Promise<void> }): Promise<void> {
  await Promise.allSettled([plane.close()]);
}

/** A refusal as an error, for the queue: repeated with growing waits, a terminal one after `terminalRetryMs`. */
export function refusalError(refusal: Refusal, terminalRetryMs = REFUSAL_STANDS_MS): PortError {
  const retry = refusal.terminal ? ({ kind: 'after', ms: terminalRetryMs } as const) : ({ kind: 'backoff' } as const);
  return new PortError('unavailable', `${refusal.reason}: ${refusal.message}`, { retry });
}

/** What was refused is not tried again for so long while secrets and spec are the same: OVH allows 60 logins a minute and
 *  user over everything that uses it, and clouds lock users after wrong passwords. Mended on the other side, it is found
 *  within this time. */
export const REFUSAL_STANDS_MS = 60_000;

function apiRefusal(error: PortError, source: WorkloadSource): Refusal {
  if (error.code === 'invalidSpec') {
    return apiRefused('KubeconfigRefused', `spec.kubeconfig: ${error.message}`, source.kind === 'kubeconfig');
  }
  if (error.code === 'credentials') {
    return apiRefused('CredentialsInvalid', `The API server does not accept the credentials: ${error.message}`, true);
  }
  if (error.code === 'forbidden') {
    return apiRefused('Forbidden', `A right is missing in the workload cluster: ${error.message}`, false);
  }
  return apiRefused('Unreachable', error.message, false);
}

function apiRefused(reason: Reason, message: string, terminal: boolean): Refusal {
  return { kind: 'refused', condition: 'ApiReachable', reason, message, terminal };
}

function cloudRefused(reason: Reason, message: string, terminal: boolean): Refusal {
  return { kind: 'refused', condition: 'CloudReachable', reason, message, terminal };
}
