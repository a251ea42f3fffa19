// A Kubernetes API that only lists and watches a generated cluster, over plain HTTP on loopback: streaming lists
// (sendInitialEvents) as a current API server gives them, and pages for whoever asks for those. The streams are put into
// words before anybody asks, so that what is measured is the one who reads them.
import { createServer, type ServerResponse } from 'node:http';
import type { StillCluster } from './still-cluster.ts';

const RESOURCE_VERSION = '1000';

export interface ListServer {
  readonly url: string;
  close(): void;
}

export async function startListServer(cluster: StillCluster): Promise<ListServer> {
  const lists: Readonly<Record<string, { kind: string; apiVersion: string; items: readonly object[] }>> = {
    '/api/v1/pods': { kind: 'Pod', apiVersion: 'v1', items: cluster.pods },
    '/api/v1/nodes': { kind: 'Node', apiVersion: 'v1', items: cluster.nodes },
    '/api/v1/namespaces': { kind: 'Namespace', apiVersion: 'v1', items: cluster.namespaces },
    '/api/v1/persistentvolumes': { kind: 'PersistentVolume', apiVersion: 'v1', items: [] },
    '/api/v1/persistentvolumeclaims': { kind: 'PersistentVolumeClaim', apiVersion: 'v1', items: [] },
    '/apis/apps/v1/daemonsets': { kind: 'DaemonSet', apiVersion: 'apps/v1', items: cluster.daemonSets },
    '/apis/policy/v1/poddisruptionbudgets': {
      kind: 'PodDisruptionBudget',
      apiVersion: 'policy/v1',
      items: cluster.podDisruptionBudgets,
    },
    '/apis/storage.k8s.io/v1/storageclasses': { kind: 'StorageClass', apiVersion: 'storage.k8s.io/v1', items: [] },
    '/apis/storage.k8s.io/v1/csinodes': { kind: 'CSINode', apiVersion: 'storage.k8s.io/v1', items: [] },
    '/apis/storage.k8s.io/v1/csidrivers': { kind: 'CSIDriver', apiVersion: 'storage.k8s.io/v1', items: [] },
    '/apis/storage.k8s.io/v1/csistoragecapacities': {
      kind: 'CSIStorageCapacity',
      apiVersion: 'storage.k8s.io/v1',
      items: [],
    },
    '/apis/storage.k8s.io/v1/volumeattachments': {
      kind: 'VolumeAttachment',
      apiVersion: 'storage.k8s.io/v1',
      items: [],
    },
    '/apis/resource.k8s.io/v1/deviceclasses': { kind: 'DeviceClass', apiVersion: 'resource.k8s.io/v1', items: [] },
    '/apis/resource.k8s.io/v1/resourceclaims': { kind: 'ResourceClaim', apiVersion: 'resource.k8s.io/v1', items: [] },
    '/apis/resource.k8s.io/v1/resourceslices': { kind: 'ResourceSlice', apiVersion: 'resource.k8s.io/v1', items: [] },
    '/apis/sluice.dev/v1alpha1/nodepools': {
      kind: 'NodePool',
      apiVersion: 'sluice.dev/v1alpha1',
      items: cluster.nodePools,
    },
  };
  const streams = new Map(Object.entries(lists).map(([path, { items }]) => [path, wordsOf(items)]));
  const server = createServer((incoming, outgoing) => {
    const url = new URL(incoming.url ?? '/', 'http://127.0.0.1');
    const list = lists[url.pathname];
    outgoing.setHeader('content-type', 'application/json');
    if (list === undefined) {
      outgoing.writeHead(404).end(JSON.stringify({ kind: 'Status', status: 'Failure', code: 404, reason: 'NotFound' }));
    } else if (url.searchParams.get('watch') === null) {
      page(outgoing, list, url.searchParams);
    } else {
      const initial = url.searchParams.get('sendInitialEvents') === 'true';
      void stream(outgoing, list, initial ? streams.get(url.pathname) : undefined);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

type List = { readonly kind: string; readonly apiVersion: string; readonly items: readonly object[] };

function page(outgoing: ServerResponse, list: List, query: URLSearchParams): void {
  const from = Number(query.get('continue') ?? 0);
  const limit = Number(query.get('limit') ?? list.items.length);
  const more = from + limit < list.items.length ? { continue: String(from + limit) } : {};
  const { kind, apiVersion } = list;
  const items = list.items.slice(from, from + limit);
  outgoing.end(
    JSON.stringify({
      kind: `${kind}List`,
      apiVersion,
      metadata: { resourceVersion: RESOURCE_VERSION, ...more },
      items,
    }),
  );
}

/** Objects in one buffer: some 64 KiB, as a server's own buffers are. */
const OBJECTS_PER_BUFFER = 32;

function wordsOf(items: readonly object[]): readonly Buffer[] {
  const buffers: Buffer[] = [];
  for (let from = 0; from < items.length; from += OBJECTS_PER_BUFFER) {
    const lines = items
      .slice(from, from + OBJECTS_PER_BUFFER)
      .map((object) => JSON.stringify({ type: 'ADDED', object }));
    buffers.push(Buffer.from(`${lines.join('\n')}\n`));
  }
  return buffers;
}

async function stream(outgoing: ServerResponse, list: List, initial: readonly Buffer[] | undefined): Promise<void> {
  outgoing.writeHead(200);
  for (const buffer of initial ?? []) {
    if (outgoing.write(buffer)) continue;
    await new Promise((resolve) => outgoing.once('drain', resolve));
  }
  const annotations = initial !== undefined ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
  const { kind, apiVersion } = list;
  const bookmark = { kind, apiVersion, metadata: { resourceVersion: RESOURCE_VERSION, ...annotations } };
  outgoing.write(`${JSON.stringify({ type: 'BOOKMARK', object: bookmark })}\n`);
}
