// What a session is opened from: the secrets that a WorkloadCluster names, and a fingerprint that tells when to reopen.
// The contents stay in memory for as long as the opening takes; only the fingerprint is kept.
import { createHash } from 'node:crypto';
import type { Reason } from '../api/conditions.ts';
import type { WorkloadCluster } from '../api/workload-cluster.ts';
import type { ManagementPlane } from '../controllers/ports.ts';

export type WorkloadSource = { readonly kind: 'inCluster' } | { readonly kind: 'kubeconfig'; readonly text: string };

/** Something the operator must mend; `message` says where. */
export interface InputProblem {
  readonly kind: 'problem';
  readonly reason: Reason;
  readonly message: string;
}

export interface SessionInputs {
  readonly workload: WorkloadSource | InputProblem;
  readonly cloudsYaml: { readonly kind: 'text'; readonly text: string } | InputProblem;
  /** Hash over contents and the parts of the spec that a session is bound to. */
  readonly fingerprint: string;
}

/** The key that Sluice documents, then the one that Cluster API writes. */
const KUBECONFIG_KEYS = ['kubeconfig', 'value'] as const;
const CLOUDS_YAML_KEY = 'clouds.yaml';
/** As the API server's own limit for a Secret; what is bigger is not a kubeconfig. */
const SECRET_BYTES_MAX = 1_048_576;

/** Reads the secrets. Rejects with a PortError when the management cluster does not answer. */
export async function readSessionInputs(management: ManagementPlane, cluster: WorkloadCluster): Promise<SessionInputs> {
  const workload = await readWorkloadSource(management, cluster);
  const { credentialsSecretRef: ref, cloud, region, projectId } = cluster.spec.openstack;
  const clouds = await readSecretText(management, cluster, { ...ref, keys: [ref.key ?? CLOUDS_YAML_KEY] });
  const cloudsYaml =
    clouds.kind === 'text'
      ? clouds
      : problem('CredentialsInvalid', `spec.openstack.credentialsSecretRef: ${clouds.message}`);
  const hash = createHash('sha256');
  hash.update(JSON.stringify([workload, cloudsYaml, cluster.spec.kubeconfig, cloud ?? '', region ?? '', projectId]));
  return { workload, cloudsYaml, fingerprint: hash.digest('hex') };
}

async function readWorkloadSource(
  management: ManagementPlane,
  cluster: WorkloadCluster,
): Promise<WorkloadSource | InputProblem> {
  const { inCluster, secretRef } = cluster.spec.kubeconfig;
  if (inCluster === true) return { kind: 'inCluster' };
  if (secretRef === undefined) {
    return problem('KubeconfigMissing', 'spec.kubeconfig must name a Secret by secretRef or set inCluster: true');
  }
  const keys = secretRef.key === undefined ? KUBECONFIG_KEYS : [secretRef.key];
  const read = await readSecretText(management, cluster, { name: secretRef.name, keys });
  if (read.kind === 'text') return { kind: 'kubeconfig', text: read.text };
  return problem('KubeconfigMissing', `spec.kubeconfig.secretRef: ${read.message}`);
}

async function readSecretText(
  management: ManagementPlane,
  cluster: WorkloadCluster,
  ref: { readonly name: string; readonly keys: readonly string[] },
): Promise<{ readonly kind: 'text'; readonly text: string } | { readonly kind: 'missing'; readonly message: string }> {
  const namespace = cluster.metadata.namespace ?? '';
  const secret = await management.getSecret(namespace, ref.name);
  if (secret === undefined)
    return { kind: 'missing', message: `Secret '${ref.name}' does not exist in '${namespace}'` };
  const key = ref.keys.find((candidate) => secret.has(candidate));
  const bytes = key === undefined ? undefined : secret.get(key);
  if (bytes === undefined)
    return { kind: 'missing', message: `Secret '${ref.name}' has no key '${ref.keys[0] ?? ''}'` };
  if (bytes.byteLength === 0 || bytes.byteLength > SECRET_BYTES_MAX) {
    return { kind: 'missing', message: `Secret '${ref.name}' key '${key ?? ''}' is empty or larger than 1 MiB` };
  }
  return { kind: 'text', text: new TextDecoder().decode(bytes) };
}

function problem(reason: Reason, message: string): InputProblem {
  return { kind: 'problem', reason, message };
}
