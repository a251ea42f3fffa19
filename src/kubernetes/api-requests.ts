// The requests that both planes make, by resource instead of by URL. Nothing is repeated; 404 is `undefined` or `gone`
// only where it answers the question that was asked.
import { PortError } from '../controllers/port-errors.ts';
import { ApiError, errorOfStatus } from './api-error.ts';
import { field, textAt } from './raw-fields.ts';
import { resourcePath, type Resource } from './resource-path.ts';
import type { Transport } from './transport.ts';
import { parseListPage } from './watch-protocol.ts';

export interface ObjectAddress {
  readonly resource: Resource;
  /** undefined: cluster-scoped. */
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly subresource?: string;
}

const PAGE_LIMIT = 500;
/** 100,000 objects: twenty times the pods of the largest node, or all claims of the largest fleet namespace. */
const PAGES_MAX = 200;
/** A page above the body limit is asked for again in smaller pieces. */
const PAGE_SHRINK = 10;

/** The object as it stands now; undefined when the server says that there is none. */
export async function getObject(transport: Transport, address: ObjectAddress): Promise<unknown> {
  const path = resourcePath(address.resource, address);
  const answer = await transport.send({ method: 'GET', path });
  if (answer.httpStatus === 404) return undefined;
  if (answer.httpStatus !== 200) throw errorOfStatus({ what: `GET ${path}`, repeatable: true }, answer);
  if (textAt(answer.body, 'metadata', 'uid') === undefined) {
    throw new ApiError('unavailable', `Cannot GET ${path} as the answer must be an object`, { fault: 'broken' });
  }
  return answer.body;
}

/** All objects of a collection, live. Complete or an error. */
export async function listObjects(
  transport: Transport,
  collection: { readonly resource: Resource; readonly namespace?: string; readonly fieldSelector?: string },
): Promise<readonly unknown[]> {
  const path = resourcePath(collection.resource, { namespace: collection.namespace });
  const selector = collection.fieldSelector === undefined ? {} : { fieldSelector: collection.fieldSelector };
  const found: unknown[] = [];
  let limit = PAGE_LIMIT;
  let continueToken = '';
  for (let pages = 0; pages < PAGES_MAX; pages += 1) {
    const query = { limit: String(limit), ...selector, ...(continueToken === '' ? {} : { continue: continueToken }) };
    let body: unknown;
    try {
      body = await transport.request({ method: 'GET', path, query });
    } catch (error) {
      if (!(error instanceof ApiError) || error.fault !== 'tooLarge' || limit === 1) throw error;
      limit = Math.max(1, Math.floor(limit / PAGE_SHRINK));
      continue;
    }
    const page = parseListPage(body);
    if (page === undefined) {
      throw new ApiError('unavailable', `Cannot list ${path} as the answer must be a list`, { fault: 'broken' });
    }
    found.push(...page.items);
    if (page.continueToken === '') return found;
    continueToken = page.continueToken;
  }
  throw new ApiError('unavailable', `Cannot list ${path} as it must end within ${PAGES_MAX} pages`, {
    fault: 'tooLarge',
  });
}

/** RFC 7386 patch; carries metadata.resourceVersion where the object must not have changed since. */
export async function mergePatch(
  transport: Transport,
  address: ObjectAddress,
  patch: { readonly body: unknown; readonly manager: string },
): Promise<unknown> {
  return await transport.request({
    method: 'PATCH',
    path: resourcePath(address.resource, address),
    query: { fieldManager: patch.manager },
    contentType: 'application/merge-patch+json',
    body: patch.body,
  });
}

/** Server-side apply with force: what we name is ours, what we stop naming is given up. */
export async function applyObject(
  transport: Transport,
  address: ObjectAddress,
  patch: { readonly body: unknown; readonly manager: string },
): Promise<unknown> {
  return await transport.request({
    method: 'PATCH',
    path: resourcePath(address.resource, address),
    query: { fieldManager: patch.manager, force: 'true' },
    contentType: 'application/apply-patch+yaml',
    body: patch.body,
  });
}

/** Deletes the object of this uid; `conflict`: the server would not, and another object of that name may stand. */
export async function deleteObject(
  transport: Transport,
  address: ObjectAddress,
  uid: string,
): Promise<'deleted' | 'gone' | 'conflict'> {
  const path = resourcePath(address.resource, address);
  const answer = await transport.send({
    method: 'DELETE',
    path,
    body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } },
  });
  if (answer.httpStatus >= 200 && answer.httpStatus < 300) return 'deleted';
  if (answer.httpStatus === 404) return 'gone';
  if (answer.httpStatus === 409) return 'conflict';
  throw errorOfStatus({ what: `DELETE ${path}`, repeatable: true }, answer);
}

/** Sets or takes off one finalizer of an object as it was read; conflict when it changed since. No write when it is as
 *  wanted. Taking it off what is gone is done already. */
export async function setFinalizer(
  transport: Transport,
  address: ObjectAddress,
  wish: {
    readonly metadata: {
      readonly resourceVersion: string;
      readonly uid: string;
      readonly finalizers?: readonly string[];
    };
    readonly finalizer: string;
    readonly present: boolean;
    readonly manager: string;
  },
): Promise<void> {
  const { metadata, finalizer, present, manager } = wish;
  const before = metadata.finalizers ?? [];
  if (before.includes(finalizer) === present) return;
  const finalizers = present ? [...before, finalizer] : before.filter((each) => each !== finalizer);
  const { resourceVersion, uid } = metadata;
  try {
    await mergePatch(transport, address, { body: { metadata: { resourceVersion, uid, finalizers } }, manager });
  } catch (error) {
    if (!present && error instanceof ApiError && error.code === 'notFound') return;
    throw error;
  }
}

/** `raw` through `parse`; an object that does not fit is PortError invalidSpec, as ports reject with nothing else. */
export function parseAnswer<T>(raw: unknown, parse: (raw: unknown) => T): T {
  try {
    return parse(raw);
  } catch (cause) {
    const name = textAt(raw, 'metadata', 'name') ?? '?';
    const kind = textAt(raw, 'kind') ?? 'object';
    const why = cause instanceof Error ? cause.message.slice(0, 300) : 'unknown';
    throw new PortError('invalidSpec', `Cannot read ${kind} '${name}': ${why}`, { cause });
  }
}

/** Whether a live object is the one of this uid. */
export function hasUid(raw: unknown, uid: string): boolean {
  return field(field(raw, 'metadata'), 'uid') === uid;
}
