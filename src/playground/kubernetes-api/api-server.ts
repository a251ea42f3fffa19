// The HTTP server of one Kubernetes API on loopback: reads requests, knows who asks, answers in the API server's shapes.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { parse as parseYaml } from 'yaml';
import { closeServer, listenOnLoopback, readBodyText, sendJson } from '../loopback-http.ts';
import { discoveryDocument } from './discovery.ts';
import { Identities } from './identities.ts';
import { ApiError, type KubeObject } from './kube-object.ts';
import { ObjectStorage } from './object-storage.ts';
import { ObjectWriter } from './object-writer.ts';
import { readRequestPath } from './request-path.ts';
import { ResourceCatalog } from './resource-catalog.ts';
import { answerResource, type ApiParts } from './resource-requests.ts';

/** etcd takes 1.5 MiB; the API server reads at most 3 MiB of a body. */
const BODY_BYTES_MAX = 3_145_728;

export interface ApiServer {
  readonly url: string;
  readonly storage: ObjectStorage;
  readonly catalog: ResourceCatalog;
  readonly writer: ObjectWriter;
  readonly identities: Identities;
  readonly parts: ApiParts;
  close(): Promise<void>;
}

/** Starts it on a free port of 127.0.0.1. `onEvicted` is told of every granted eviction; `absentKinds` are built-in ones
 *  by plural that it does not serve. */
export async function startApiServer(options: {
  readonly onEvicted: (pod: KubeObject) => void;
  readonly absentKinds?: readonly string[];
}): Promise<ApiServer> {
  const storage = new ObjectStorage();
  const catalog = new ResourceCatalog(options.absentKinds);
  const writer = new ObjectWriter(storage, catalog);
  const identities = new Identities(storage);
  const streams = new Set<() => void>();
  const pods = { storage, catalog, writer, onEvicted: options.onEvicted };
  const parts: ApiParts = { storage, catalog, writer, identities, pods, streams };
  for (const name of ['default', 'kube-system', 'kube-node-lease', 'kube-public']) {
    const write = { manager: 'kube-apiserver', subresource: '', namespace: undefined };
    writer.create(catalog.named('namespaces'), { metadata: { name } }, write);
  }
  const server = createServer((request, response) => {
    handle(parts, request, response).catch((error: unknown) => fail(response, error));
  });
  const url = await listenOnLoopback(server);
  return {
    url,
    storage,
    catalog,
    writer,
    identities,
    parts,
    close: async () => {
      for (const end of streams) end();
      await closeServer(server);
    },
  };
}

async function handle(parts: ApiParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const all = url.pathname
    .split('/')
    .slice(1)
    .filter((segment, index, all) => segment !== '' || index < all.length - 1)
    .map(decodeURIComponent);
  const { segments, authorization } = readIdentityPrefix(all, request.headers.authorization);
  if (['readyz', 'livez', 'healthz'].includes(segments[0] ?? '')) {
    response.writeHead(200, { 'content-type': 'text/plain' }).end('ok');
    return;
  }
  const identity = parts.identities.authenticate(authorization);
  const document = discoveryDocument(parts.catalog, segments);
  if (document !== undefined) {
    sendJson(response, 200, document);
    return;
  }
  const path = readRequestPath(segments);
  const resource = path === undefined ? undefined : parts.catalog.find(path.group, path.version, path.plural);
  if (path === undefined || resource === undefined) {
    throw new ApiError(404, 'the server could not find the requested resource');
  }
  const body = await readBody(request);
  const answer = answerResource(parts, { path, resource, identity, query: url.searchParams, request, body }, response);
  if (answer !== undefined) sendJson(response, answer.code, answer.body);
}

/** kubectl sends no token over plain HTTP, so a path may begin with `/as/<token>` instead. */
function readIdentityPrefix(
  segments: readonly string[],
  authorization: string | undefined,
): { readonly segments: readonly string[]; readonly authorization: string | undefined } {
  const [first, token] = segments;
  if (first !== 'as' || token === undefined) return { segments, authorization };
  return { segments: segments.slice(2), authorization: `Bearer ${token}` };
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const text = await readBodyText(request, BODY_BYTES_MAX);
  if (text === '') return undefined;
  if (text === undefined) {
    throw new ApiError(413, `Request entity too large: limit is ${BODY_BYTES_MAX}`, {
      reason: 'RequestEntityTooLarge',
    });
  }
  if (request.headers['content-type']?.includes('protobuf') === true) {
    throw new ApiError(415, 'the body of the request was in an unknown format: only JSON and YAML are understood here');
  }
  try {
    // apply patches may be YAML, of which JSON is a part; JSON.parse first because it is faster
    return request.headers['content-type']?.includes('yaml') === true && !text.trimStart().startsWith('{')
      ? parseYaml(text)
      : JSON.parse(text);
  } catch (error) {
    throw new ApiError(400, `the body could not be read: ${error instanceof Error ? error.message : 'not JSON'}`);
  }
}

function fail(response: ServerResponse, error: unknown): void {
  const refusal =
    error instanceof ApiError ? error : new ApiError(500, error instanceof Error ? error.message : 'internal error');
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { retryAfterSeconds } = refusal.details;
  if (retryAfterSeconds !== undefined) response.setHeader('retry-after', String(retryAfterSeconds));
  sendJson(response, refusal.code, refusal.toStatus());
}
