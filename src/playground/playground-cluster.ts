// One Kubernetes API of the playground with its brain and observer, as those see it who started it.
import { stringify } from 'yaml';
import { startClusterBrain } from './cluster-brain/cluster-brain.ts';
import { ClusterObserver } from './cluster-observer.ts';
import { startApiServer, type ApiServer } from './kubernetes-api/api-server.ts';
import { ApiError } from './kubernetes-api/kube-object.ts';
import { apiVersionOf, resourceKey, type Resource } from './kubernetes-api/resource-catalog.ts';
import type { PlaygroundCluster, PlaygroundEvent, PlaygroundTimings } from './playground.ts';
import { fieldsOf, textOf, type Fields } from './untyped.ts';

export interface StartedCluster {
  readonly cluster: PlaygroundCluster;
  readonly api: ApiServer;
  readonly observer: ClusterObserver;
  close(): Promise<void>;
}

export interface ClusterOptions {
  readonly name: string;
  readonly timings: PlaygroundTimings;
  readonly absentKinds: readonly string[];
  readonly emit: (event: PlaygroundEvent) => void;
  readonly onFault: (error: unknown) => void;
}

/** Starts API and brain. */
export async function startPlaygroundCluster(options: ClusterOptions): Promise<StartedCluster> {
  const { name, emit, timings, onFault, absentKinds } = options;
  const observer = new ClusterObserver(name, emit);
  const api = await startApiServer({ onEvicted: (pod) => observer.evicted(pod), absentKinds });
  observer.follow(api);
  const brain = startClusterBrain(api, { timings, onFault });
  return {
    cluster: clusterView(name, api),
    api,
    observer,
    close: async () => {
      brain.close();
      await api.close();
    },
  };
}

function kubeconfigText(name: string, api: ApiServer, server: string): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server } }],
    users: [{ name: 'admin', user: { token: api.identities.adminToken } }],
    contexts: [{ name, context: { cluster: name, user: 'admin' } }],
    'current-context': name,
  });
}

function clusterView(name: string, api: ApiServer): PlaygroundCluster {
  const { storage, catalog } = api;
  return {
    name,
    url: api.url,
    kubeconfig: kubeconfigText(name, api, api.url),
    kubectlKubeconfig: kubeconfigText(name, api, `${api.url}/as/${api.identities.adminToken}`),
    apply: (objects) => {
      for (const object of objects) applyOne(api, object);
      return Promise.resolve();
    },
    list: (plural) => storage.list(resourceKey(catalog.named(plural))),
    get: (plural, object, namespace) => storage.get(resourceKey(catalog.named(plural)), object, namespace),
    remove: (plural, object, namespace) => {
      try {
        api.writer.remove(catalog.named(plural), { name: object, namespace }, {});
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== 404) return Promise.reject(error);
      }
      return Promise.resolve();
    },
    onChange: (listener) => storage.watchAll(listener),
  };
}

function resourceOf(api: ApiServer, object: Fields): Resource {
  const wanted = `${textOf(object['apiVersion'])} ${textOf(object['kind'])}`;
  const found = api.catalog.all().find((each) => `${apiVersionOf(each)} ${each.kind}` === wanted);
  if (found === undefined) throw new ApiError(404, `no matches for kind: ${wanted}`);
  return found;
}

function applyOne(api: ApiServer, object: Fields): void {
  const resource = resourceOf(api, object);
  const metadata = fieldsOf(object['metadata']);
  const name = textOf(metadata['name']);
  const namespace = resource.namespaced ? textOf(metadata['namespace']) || 'default' : undefined;
  const write = { manager: 'playground', subresource: '', name, namespace, kind: 'apply', force: true } as const;
  api.writer.patch(resource, object, write);
}
