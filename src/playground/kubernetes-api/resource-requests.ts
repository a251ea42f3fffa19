// Requests on resources, once it is known who asks: verb by verb onto the writer, the storage and the subresources.
// Above 250 lines because the verbs share what is read of a request, and none is long.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { fieldsOf, textOf, type Fields } from '../untyped.ts';
import type { Access, Identities, Identity } from './identities.ts';
import { ApiError, type KubeObject } from './kube-object.ts';
import type { ObjectStorage } from './object-storage.ts';
import type { ObjectName, ObjectWriter, PatchKind, WriteOptions } from './object-writer.ts';
import { bindPod, evictPod, type PodWrites } from './pod-subresources.ts';
import type { RequestPath } from './request-path.ts';
import { apiVersionOf, resourceKey, type Resource, type ResourceCatalog } from './resource-catalog.ts';
import { fromScale, toScale } from './scale-subresource.ts';
import { objectFilter } from './selectors.ts';
import { toTable, wantsTable } from './table-view.ts';
import { streamWatch } from './watch-stream.ts';

export interface ApiParts {
  readonly storage: ObjectStorage;
  readonly catalog: ResourceCatalog;
  readonly writer: ObjectWriter;
  readonly identities: Identities;
  readonly pods: PodWrites;
  /** Streams that are open; each is ended when the server closes. */
  readonly streams: Set<() => void>;
}

export interface ResourceRequest {
  readonly path: RequestPath;
  readonly resource: Resource;
  readonly identity: Identity;
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly body: unknown;
}

export interface Answer {
  readonly code: number;
  readonly body: Fields;
}

const PATCH_KINDS: Readonly<Record<string, PatchKind>> = {
  'application/merge-patch+json': 'merge',
  'application/json-patch+json': 'json',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
  'application/apply-patch+json': 'apply',
};

/** A watch without a timeout is ended after 30 minutes, the least that a real server takes. */
const WATCH_TIMEOUT_MS = 1_800_000;

/** Carries a request out. undefined: the answer is a stream and was begun. Throws ApiError. */
export function answerResource(parts: ApiParts, asked: ResourceRequest, response: ServerResponse): Answer | undefined {
  const { request, path, resource, identity, query } = asked;
  const authorize = (verb: Access['verb']): void =>
    parts.identities.authorize(identity, { verb, resource, subresource: path.subresource, name: path.name });
  switch (request.method ?? '') {
    case 'GET':
      if (path.name !== '') {
        authorize('get');
        return { code: 200, body: readOne(parts, asked) };
      }
      if (query.get('watch') === 'true' || query.get('watch') === '1') {
        authorize('watch');
        watch(parts, asked, response);
        return undefined;
      }
      authorize('list');
      return { code: 200, body: list(parts, asked) };
    case 'POST':
      authorize('create');
      return create(parts, asked);
    case 'PUT':
      authorize('update');
      return { code: 200, body: replace(parts, asked) };
    case 'PATCH':
      authorize('patch');
      return patch(parts, asked);
    case 'DELETE':
      authorize('delete');
      return remove(parts, asked);
    default:
      throw new ApiError(405, 'the server does not allow this method on the requested resource');
  }
}

function objectName({ path }: ResourceRequest): ObjectName {
  return { name: path.name, namespace: path.namespace };
}

function writeOptions({ path, query, request }: ResourceRequest): WriteOptions {
  const agent = (request.headers['user-agent'] ?? 'unknown').split('/')[0] ?? 'unknown';
  return {
    manager: query.get('fieldManager') ?? agent,
    subresource: path.subresource,
    dryRun: query.get('dryRun') === 'All',
  };
}

function noSubresource(asked: ResourceRequest): ApiError {
  return new ApiError(404, `the server could not find the requested resource (${asked.path.subresource})`);
}

function readOne(parts: ApiParts, asked: ResourceRequest): Fields {
  const object = parts.writer.read(asked.resource, objectName(asked));
  switch (asked.path.subresource) {
    case '':
    case 'status':
      return wantsTable(asked.request.headers.accept) ? toTable(asked.resource, [object], {}) : object;
    case 'scale':
      if (asked.resource.scale !== undefined) return toScale(object, asked.resource.scale);
      throw noSubresource(asked);
    default:
      throw noSubresource(asked);
  }
}

function inScope(asked: ResourceRequest): (object: KubeObject) => boolean {
  const { namespace } = asked.path;
  const filter = objectFilter(asked.query.get('labelSelector') ?? '', asked.query.get('fieldSelector') ?? '');
  return (object) => (namespace === undefined || object.metadata.namespace === namespace) && filter(object);
}

function list(parts: ApiParts, asked: ResourceRequest): Fields {
  const { resource, query } = asked;
  const limit = Number(query.get('limit') ?? '0');
  const token = query.get('continue') ?? '';
  const page =
    token === ''
      ? parts.storage.firstPage(parts.storage.list(resourceKey(resource)).filter(inScope(asked)), limit)
      : parts.storage.nextPage(token, limit);
  const metadata = {
    resourceVersion: String(page.revision),
    ...(page.next === undefined ? {} : { continue: page.next, remainingItemCount: page.remaining }),
  };
  if (wantsTable(asked.request.headers.accept)) return toTable(resource, page.items, metadata);
  return { kind: `${resource.kind}List`, apiVersion: apiVersionOf(resource), metadata, items: page.items };
}

function watch(parts: ApiParts, asked: ResourceRequest, response: ServerResponse): void {
  const { query, resource, request } = asked;
  const sendInitialEvents = query.get('sendInitialEvents') === 'true';
  if (sendInitialEvents && query.get('resourceVersionMatch') !== 'NotOlderThan') {
    throw new ApiError(
      422,
      'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    );
  }
  const seconds = Number(query.get('timeoutSeconds') ?? '0');
  const end = streamWatch(
    parts.storage,
    {
      resource,
      filter: inScope(asked),
      resourceVersion: query.get('resourceVersion') ?? '',
      sendInitialEvents,
      bookmarks: query.get('allowWatchBookmarks') === 'true',
      timeoutMs: seconds > 0 ? seconds * 1000 : WATCH_TIMEOUT_MS,
    },
    response,
  );
  parts.streams.add(end);
  const forget = (): void => {
    parts.streams.delete(end);
    end();
  };
  request.on('close', forget);
  response.on('close', forget);
}

function create(parts: ApiParts, asked: ResourceRequest): Answer {
  const { path, body, resource } = asked;
  if (path.name === '') {
    const options = { ...writeOptions(asked), namespace: path.namespace };
    return { code: 201, body: parts.writer.create(resource, body, options) };
  }
  if (resource.plural === 'pods' && path.subresource === 'binding') {
    bindPod(parts.pods, objectName(asked), textOf(fieldsOf(fieldsOf(body)['target'])['name']));
    return { code: 201, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } };
  }
  if (resource.plural === 'pods' && path.subresource === 'eviction') {
    return { code: 201, body: evictPod(parts.pods, objectName(asked), body) };
  }
  throw noSubresource(asked);
}

function checkWritable(asked: ResourceRequest): void {
  const { path, resource } = asked;
  if (path.name === '') throw new ApiError(405, 'the server does not allow this method on the requested resource');
  if (path.subresource === '' || path.subresource === 'approval') return;
  if (path.subresource === 'status' && resource.status) return;
  throw noSubresource(asked);
}

function replace(parts: ApiParts, asked: ResourceRequest): Fields {
  const { resource, body } = asked;
  const options = { ...writeOptions(asked), ...objectName(asked) };
  if (asked.path.subresource === 'scale' && resource.scale !== undefined) {
    const live = parts.writer.read(resource, options);
    const scaled = parts.writer.update(resource, fromScale(live, resource.scale, body), {
      ...options,
      subresource: '',
    });
    return toScale(scaled, resource.scale);
  }
  checkWritable(asked);
  return parts.writer.update(resource, body, options);
}

function patch(parts: ApiParts, asked: ResourceRequest): Answer {
  const { resource, body, query, request } = asked;
  const contentType = (request.headers['content-type'] ?? '').split(';')[0] ?? '';
  const kind = PATCH_KINDS[contentType.trim()];
  if (kind === undefined) throw new ApiError(415, `the body of the request was in an unknown format: ${contentType}`);
  if (kind === 'strategic' && resource.schema !== undefined) {
    throw new ApiError(415, 'strategic merge patch is not supported for custom resources');
  }
  if (kind === 'apply' && query.get('fieldManager') === null) {
    throw new ApiError(
      400,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    );
  }
  const options = { ...writeOptions(asked), ...objectName(asked), kind, force: query.get('force') === 'true' };
  if (asked.path.subresource === 'scale' && resource.scale !== undefined) {
    const live = parts.writer.read(resource, options);
    const wanted = fieldsOf(fieldsOf(body)['spec'])['replicas'];
    const scale = { metadata: fieldsOf(fieldsOf(body)['metadata']), spec: { replicas: wanted } };
    const scaled = parts.writer.update(resource, fromScale(live, resource.scale, scale), {
      ...options,
      subresource: '',
    });
    return { code: 200, body: toScale(scaled, resource.scale) };
  }
  checkWritable(asked);
  const { object, created } = parts.writer.patch(resource, body, options);
  return { code: created ? 201 : 200, body: object };
}

function remove(parts: ApiParts, asked: ResourceRequest): Answer {
  const { resource, path, body } = asked;
  const success = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };
  const preconditions = fieldsOf(fieldsOf(body)['preconditions']);
  const graceText = asked.query.get('gracePeriodSeconds');
  const grace = graceText === null ? fieldsOf(body)['gracePeriodSeconds'] : Number(graceText);
  const options = {
    uid: textOf(preconditions['uid']),
    resourceVersion: textOf(preconditions['resourceVersion']),
    ...(typeof grace === 'number' ? { gracePeriodSeconds: grace } : {}),
  };
  if (path.name === '') {
    const matching = parts.storage.list(resourceKey(resource)).filter(inScope(asked));
    for (const object of matching) {
      const { name, namespace } = object.metadata;
      parts.writer.remove(resource, { name, namespace }, options);
    }
    return { code: 200, body: success };
  }
  if (path.subresource !== '') throw noSubresource(asked);
  const { object, gone } = parts.writer.remove(resource, objectName(asked), options);
  if (!gone) return { code: 200, body: object };
  const details = { name: path.name, group: resource.group, kind: resource.plural, uid: object.metadata.uid };
  return { code: 200, body: resource.kind === 'Pod' ? object : { ...success, details } };
}
