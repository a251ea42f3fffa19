// One watch request: a stream of JSON lines that ends at its timeout, with the server or with the client. Selectors turn
// changes into what the watcher would see: an object that stops matching is DELETED for it.
import type { ServerResponse } from 'node:http';
import type { KubeObject } from './kube-object.ts';
import { ApiError } from './kube-object.ts';
import type { ObjectStorage, StorageEvent } from './object-storage.ts';
import { apiVersionOf, resourceKey, type Resource } from './resource-catalog.ts';
import type { ObjectFilter } from './selectors.ts';

export interface WatchRequest {
  readonly resource: Resource;
  readonly filter: ObjectFilter;
  /** '' = from now on, '0' = any point. */
  readonly resourceVersion: string;
  readonly sendInitialEvents: boolean;
  readonly bookmarks: boolean;
  readonly timeoutMs: number;
}

/** A real server sends one about every minute; more often costs little and shows sooner that the stream lives. */
const BOOKMARK_INTERVAL_MS = 10_000;

/** Answers with the stream; returns the function that ends it. Throws ApiError 400 before anything is sent; a revision
 *  that is too old becomes an ERROR event, as from a real server. */
export function streamWatch(storage: ObjectStorage, request: WatchRequest, response: ServerResponse): () => void {
  const { resource, filter } = request;
  const from = startRevision(storage, request);
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  const send = (type: string, object: unknown): void => {
    response.write(`${JSON.stringify({ type, object })}\n`);
  };
  const bookmark = (annotations?: Record<string, string>): void =>
    send('BOOKMARK', {
      kind: resource.kind,
      apiVersion: apiVersionOf(resource),
      metadata: {
        resourceVersion: String(storage.revision),
        creationTimestamp: null,
        ...(annotations === undefined ? {} : { annotations }),
      },
    });
  if (request.sendInitialEvents) {
    for (const object of storage.list(resourceKey(resource)).filter(filter)) send('ADDED', object);
    if (request.bookmarks) bookmark({ 'k8s.io/initial-events-end': 'true' });
  } else if (request.resourceVersion === '' || request.resourceVersion === '0') {
    for (const object of storage.list(resourceKey(resource)).filter(filter)) send('ADDED', object);
  }
  let unwatch = (): void => {};
  const timers: NodeJS.Timeout[] = [];
  const end = (): void => {
    unwatch();
    for (const timer of timers) clearTimeout(timer);
    response.end();
  };
  try {
    unwatch = storage.watch(resourceKey(resource), from, (event) => {
      const seen = asSeen(event, filter);
      if (seen !== undefined) send(seen.type, seen.object);
    });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    send('ERROR', error.toStatus());
    end();
    return end;
  }
  if (request.bookmarks) timers.push(setInterval(() => bookmark(), BOOKMARK_INTERVAL_MS));
  timers.push(setTimeout(end, request.timeoutMs));
  return end;
}

function startRevision(storage: ObjectStorage, request: WatchRequest): number {
  const { resourceVersion } = request;
  if (request.sendInitialEvents || resourceVersion === '' || resourceVersion === '0') return storage.revision;
  if (!/^\d+$/.test(resourceVersion)) {
    throw new ApiError(400, `invalid resource version ${JSON.stringify(resourceVersion)}`);
  }
  return Number(resourceVersion);
}

function asSeen(
  event: StorageEvent,
  filter: ObjectFilter,
): { readonly type: StorageEvent['type']; readonly object: KubeObject } | undefined {
  const now = event.type !== 'DELETED' && filter(event.object);
  const before = event.previous !== undefined && filter(event.previous);
  if (now) return { type: before ? 'MODIFIED' : 'ADDED', object: event.object };
  return before ? { type: 'DELETED', object: event.object } : undefined;
}
