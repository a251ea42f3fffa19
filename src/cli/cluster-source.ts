// Where plan, explain and capture get their objects from: a live cluster or a capture. Shared options and their texts.
import { readFile } from 'node:fs/promises';
import type { ClusterObjects } from '../cluster/cluster-objects.ts';
import { CaptureError, decodeCapture } from './capture-format.ts';
import { UsageError } from './command-io.ts';
import type { ObserveOnceOptions } from './observe-once.ts';

export const SOURCE_OPTIONS = {
  kubeconfig: { type: 'string' },
  'in-cluster': { type: 'boolean' },
  namespace: { type: 'string', short: 'n' },
  cluster: { type: 'string' },
  timeout: { type: 'string' },
  from: { type: 'string' },
} as const;

export const LIVE_HELP = `  --kubeconfig FILE   kubeconfig of the management cluster (default: $KUBECONFIG)
  --in-cluster        use the pod's ServiceAccount instead
  --namespace, -n NS  namespace of the WorkloadCluster (default: default)
  --cluster NAME      name of the WorkloadCluster
  --timeout SECONDS   for the whole look (default: 60)
`;

export const SOURCE_HELP = `  --from FILE         read a file that sluice capture wrote; otherwise look at a live cluster:
${LIVE_HELP}`;

/** Thirty thousand pods over a slow path take some ten seconds. */
const TIMEOUT_SECONDS_DEFAULT = 60;
const TIMEOUT_SECONDS_MAX = 3600;

export interface SourceValues {
  readonly kubeconfig?: string | undefined;
  readonly 'in-cluster'?: boolean | undefined;
  readonly namespace?: string | undefined;
  readonly cluster?: string | undefined;
  readonly timeout?: string | undefined;
  readonly from?: string | undefined;
}

/** The objects that the options name. Throws UsageError for options that do not go together. */
export async function readObjects(values: SourceValues, env: NodeJS.ProcessEnv): Promise<ClusterObjects> {
  if (values.from === undefined) return readLiveObjects(values, env);
  for (const option of ['kubeconfig', 'in-cluster', 'namespace', 'cluster'] as const)
    if (values[option] !== undefined) throw new UsageError(`--from and --${option} do not go together`);
  const text = await readCaptureText(values.from);
  try {
    return decodeCapture(text);
  } catch (error) {
    if (error instanceof CaptureError) throw new UsageError(`--from '${values.from}' cannot be used`, { cause: error });
    throw error;
  }
}

/** The objects of a live cluster; as readObjects without --from. */
export async function readLiveObjects(values: SourceValues, env: NodeJS.ProcessEnv): Promise<ClusterObjects> {
  const options = await liveOptions(values, env);
  const { observeOnce } = await import('./observe-once.ts');
  return observeOnce(options);
}

/** Options of one look. Rejects with a UsageError. */
export async function liveOptions(values: SourceValues, env: NodeJS.ProcessEnv): Promise<ObserveOnceOptions> {
  const { cluster } = values;
  if (cluster === undefined || cluster === '') throw new UsageError('--cluster must name a WorkloadCluster');
  const seconds = Number(values.timeout ?? TIMEOUT_SECONDS_DEFAULT);
  if (!(seconds > 0 && seconds <= TIMEOUT_SECONDS_MAX))
    throw new UsageError(`--timeout must be seconds above 0 and at most ${TIMEOUT_SECONDS_MAX}: '${values.timeout}'`);
  const { managementSource, objectName } = await import('./management-source.ts');
  const management = managementSource(values, env);
  return {
    management,
    namespace: objectName('--namespace', values.namespace ?? 'default'),
    cluster: objectName('--cluster', cluster),
    timeoutMs: seconds * 1000,
  };
}

async function readCaptureText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--from: '${path}' cannot be read`, { cause: error });
  }
}
