// A small Kubernetes client of the tests' own: what it sees must not depend on the code under test.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Agent, request } from 'undici';
import { parse } from 'yaml';

/** Loose on purpose: tests look at a few fields of many kinds. */
export type Loose = ReturnType<typeof JSON.parse>;

export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    generation?: number;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    finalizers?: string[];
    deletionTimestamp?: string;
    ownerReferences?: { kind: string; name: string }[];
  };
  [field: string]: Loose;
}

export interface KubeCredentials {
  readonly server: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
}

const PLURALS: Readonly<Record<string, { readonly plural: string; readonly namespaced: boolean }>> = {
  Namespace: { plural: 'namespaces', namespaced: false },
  Node: { plural: 'nodes', namespaced: false },
  Pod: { plural: 'pods', namespaced: true },
  Secret: { plural: 'secrets', namespaced: true },
  ConfigMap: { plural: 'configmaps', namespaced: true },
  PersistentVolume: { plural: 'persistentvolumes', namespaced: false },
  PersistentVolumeClaim: { plural: 'persistentvolumeclaims', namespaced: true },
  Deployment: { plural: 'deployments', namespaced: true },
  StatefulSet: { plural: 'statefulsets', namespaced: true },
  DaemonSet: { plural: 'daemonsets', namespaced: true },
  Job: { plural: 'jobs', namespaced: true },
  PodDisruptionBudget: { plural: 'poddisruptionbudgets', namespaced: true },
  PriorityClass: { plural: 'priorityclasses', namespaced: false },
  StorageClass: { plural: 'storageclasses', namespaced: false },
  Lease: { plural: 'leases', namespaced: true },
  CertificateSigningRequest: { plural: 'certificatesigningrequests', namespaced: false },
  NodePool: { plural: 'nodepools', namespaced: false },
  NodeClaim: { plural: 'nodeclaims', namespaced: true },
  WorkloadCluster: { plural: 'workloadclusters', namespaced: true },
  ClusterRole: { plural: 'clusterroles', namespaced: false },
  Role: { plural: 'roles', namespaced: true },
  CustomResourceDefinition: { plural: 'customresourcedefinitions', namespaced: false },
};

export function credentialsOf(kubeconfigFile: string): KubeCredentials {
  const config = parse(readFileSync(kubeconfigFile, 'utf8'));
  const decode = (data: string | undefined) =>
    data === undefined ? undefined : Buffer.from(data, 'base64').toString();
  const cluster = config.clusters[0].cluster;
  const user = config.users[0].user;
  const file = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path, 'utf8'));
  const ca = decode(cluster['certificate-authority-data']) ?? file(cluster['certificate-authority']);
  const cert = decode(user['client-certificate-data']) ?? file(user['client-certificate']);
  const key = decode(user['client-key-data']) ?? file(user['client-key']);
  return {
    server: cluster.server,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(user.token === undefined ? {} : { token: user.token }),
  };
}

export function pathOf(object: { apiVersion: string; kind: string; namespace?: string; name?: string }): string {
  const kind = PLURALS[object.kind];
  if (kind === undefined) throw new Error(`the tests' client does not know the kind ${object.kind}`);
  const base = object.apiVersion.includes('/') ? `/apis/${object.apiVersion}` : `/api/${object.apiVersion}`;
  const scope = kind.namespaced && object.namespace !== undefined ? `/namespaces/${object.namespace}` : '';
  return `${base}${scope}/${kind.plural}${object.name === undefined ? '' : `/${object.name}`}`;
}

export class KubeClient {
  readonly credentials: KubeCredentials;
  readonly #agent: Agent;

  constructor(credentials: KubeCredentials) {
    this.credentials = credentials;
    const { ca, cert, key } = credentials;
    this.#agent = new Agent({
      connect: {
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
      },
    });
  }

  async call(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    type = 'application/json',
  ) {
    const { token, server } = this.credentials;
    const ask = async () => {
      const answer = await request(`${server}${path}`, {
        method,
        dispatcher: this.#agent,
        headers: { 'content-type': type, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: answer.statusCode, text: await answer.body.text() };
    };
    const { status, text } = await ask().catch(async (error: unknown) => {
      // An API server that is out of time (60 s) resets the stream of the answer. What only reads is asked once more.
      if (method !== 'GET') throw new Error(`${method} ${path} was not answered`, { cause: error });
      return await ask();
    });
    return { status, body: text.startsWith('{') ? JSON.parse(text) : text };
  }

  /** Like call, but an error status is an error; 404 gives undefined. */
  async send(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown, type?: string) {
    const answer = await this.call(method, path, body, type);
    if (answer.status === 404) return undefined;
    if (answer.status >= 300) {
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body.message ?? answer.body)}`);
    }
    return answer.body;
  }

  async get(apiVersion: string, kind: string, name: string, namespace?: string): Promise<KubeObject | undefined> {
    return await this.send(
      'GET',
      pathOf({ apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) }),
    );
  }

  async list(apiVersion: string, kind: string, query = '', namespace?: string): Promise<KubeObject[]> {
    const path = pathOf({ apiVersion, kind, ...(namespace === undefined ? {} : { namespace }) });
    const list = await this.send('GET', `${path}${query}`);
    if (list === undefined) throw new Error(`the API does not serve ${path}`);
    return list.items;
  }

  /** Server-side apply as the manager `e2e`. */
  async apply(object: KubeObject): Promise<KubeObject> {
    const { apiVersion = '', kind = '', metadata } = object;
    const path = pathOf({
      apiVersion,
      kind,
      name: metadata.name,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
    });
    const done = await this.send(
      'PATCH',
      `${path}?fieldManager=e2e&force=true`,
      object,
      'application/apply-patch+yaml',
    );
    if (done === undefined) throw new Error(`cannot apply ${path}: not served`);
    return done;
  }

  async patch(object: KubeObject, change: unknown, subresource = ''): Promise<KubeObject | undefined> {
    const { apiVersion = '', kind = '', metadata } = object;
    const path = pathOf({
      apiVersion,
      kind,
      name: metadata.name,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
    });
    return await this.send('PATCH', `${path}${subresource}`, change, 'application/merge-patch+json');
  }

  async remove(
    apiVersion: string,
    kind: string,
    name: string,
    namespace?: string,
    options: object = {},
  ): Promise<void> {
    const path = pathOf({ apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) });
    await this.send('DELETE', path, { kind: 'DeleteOptions', apiVersion: 'v1', ...options });
  }

  /** Each object of a watch that changed, until the server or `signal` ends it. */
  async watch(path: string, note: (object: Loose) => void, signal: AbortSignal): Promise<void> {
    const { token, server } = this.credentials;
    const answer = await request(`${server}${path}?watch=true&timeoutSeconds=86400`, {
      dispatcher: this.#agent,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      headersTimeout: 0,
      bodyTimeout: 0,
      signal,
    });
    if (answer.statusCode >= 300) throw new Error(`watch ${path}: ${answer.statusCode}`);
    for await (const line of createInterface({ input: answer.body })) {
      const { type, object } = JSON.parse(line);
      if (type === 'ERROR') throw new Error(`watch ${path}: ${JSON.stringify(object)}`);
      note(object);
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}
