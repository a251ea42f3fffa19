// All writes of one API server, with what Kubernetes promises about them: preconditions, optimistic locking, the status
// apart from the rest, generations, finalizers, graceful deletion of pods, managed fields. HTTP and the cluster's own
// controllers both write through here. Above 250 lines because all writes end in the same three private steps.
import { randomUUID } from 'node:crypto';
import { fieldsOf, sameJson, textOf, type Fields } from '../untyped.ts';
import { admit } from './admission.ts';
import { ApiError, readKubeObject, type KubeMetadata, type KubeObject } from './kube-object.ts';
import type { ObjectStorage } from './object-storage.ts';
import { jsonPatch, mergePatch, strategicMergePatch } from './patches.ts';
import { apiVersionOf, resourceKey, type Resource, type ResourceCatalog } from './resource-catalog.ts';
import { applyObject, trackUpdate, type Writer } from './server-side-apply.ts';

export interface ObjectName {
  readonly name: string;
  /** undefined for cluster-scoped kinds. */
  readonly namespace: string | undefined;
}

export interface WriteOptions {
  readonly manager: string;
  /** '' or 'status'. */
  readonly subresource: string;
  readonly dryRun?: boolean;
}

export type PatchKind = 'merge' | 'json' | 'strategic' | 'apply';

export interface DeleteOptions {
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly gracePeriodSeconds?: number;
}

/** Kinds written too often for field ownership to be worth its cost; nobody applies them. */
const UNTRACKED: ReadonlySet<string> = new Set(['Pod', 'Event', 'Lease', 'ReplicaSet', 'Secret']);
/** Kinds whose generation stands still, as in Kubernetes. */
const WITHOUT_GENERATION: ReadonlySet<string> = new Set([
  'Node',
  'Pod',
  'Event',
  'Lease',
  'Secret',
  'ConfigMap',
  'Namespace',
]);
/** etcd's default limit of a request is 1.5 MiB; the API server refuses more. */
const OBJECT_BYTES_MAX = 1_572_864;
const NAME = /^[a-z0-9]([-a-z0-9.:]*[a-z0-9])?$/;

/** Whole seconds, as Kubernetes writes times. */
export function timeNow(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`;
}

function qualified(resource: Resource): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
}

export class ObjectWriter {
  readonly #storage: ObjectStorage;
  readonly #catalog: ResourceCatalog;

  constructor(storage: ObjectStorage, catalog: ResourceCatalog) {
    this.#storage = storage;
    this.#catalog = catalog;
  }

  /** Throws ApiError 404. */
  read(resource: Resource, { name, namespace }: ObjectName): KubeObject {
    const found = this.#storage.get(resourceKey(resource), name, namespace);
    if (found === undefined) {
      throw new ApiError(404, `${qualified(resource)} "${name}" not found`, {
        details: { name, group: resource.group, kind: resource.plural },
      });
    }
    return found;
  }

  create(
    resource: Resource,
    raw: unknown,
    options: WriteOptions & { readonly namespace: string | undefined },
  ): KubeObject {
    const given = readKubeObject(raw, { apiVersion: apiVersionOf(resource), kind: resource.kind });
    const generateName = textOf(fieldsOf(given.metadata)['generateName']);
    const name = given.metadata.name || (generateName === '' ? '' : `${generateName}${randomUUID().slice(0, 5)}`);
    if (!NAME.test(name)) {
      throw new ApiError(422, `${resource.kind} ${JSON.stringify(name)} is invalid: metadata.name: Invalid value`);
    }
    const { status: _status, ...withoutStatus } = given;
    const kept = resource.status ? { ...withoutStatus, apiVersion: given.apiVersion, kind: given.kind } : given;
    const born: KubeObject = {
      ...kept,
      metadata: { ...this.#birth(resource, name, options.namespace), ...this.#freeMetadata(given.metadata) },
    };
    const { writer, now } = this.#writer(options);
    const admitted = admit(resource, born, true);
    const tracked = UNTRACKED.has(resource.kind) ? admitted : trackUpdate(undefined, admitted, { writer, now });
    return this.#insert(resource, tracked, options);
  }

  #birth(resource: Resource, name: string, namespace: string | undefined): KubeMetadata {
    if (resource.namespaced && this.#storage.get('/namespaces', namespace ?? '') === undefined) {
      throw new ApiError(404, `namespaces "${namespace ?? ''}" not found`, {
        details: { name: namespace ?? '', kind: 'namespaces' },
      });
    }
    return {
      name,
      ...(resource.namespaced ? { namespace: namespace ?? '' } : {}),
      uid: randomUUID(),
      resourceVersion: '',
      creationTimestamp: timeNow(),
      ...(WITHOUT_GENERATION.has(resource.kind) ? {} : { generation: 1 }),
    };
  }

  /** What a writer may say of metadata. */
  #freeMetadata(metadata: KubeMetadata): Partial<KubeMetadata> {
    const { labels, annotations, finalizers, ownerReferences } = metadata;
    return {
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(finalizers === undefined || finalizers.length === 0 ? {} : { finalizers: [...new Set(finalizers)] }),
      ...(ownerReferences === undefined ? {} : { ownerReferences }),
    };
  }

  #writer(options: WriteOptions): { writer: Writer; now: string } {
    return { writer: { manager: options.manager, subresource: options.subresource }, now: timeNow() };
  }

  #insert(resource: Resource, object: KubeObject, options: WriteOptions): KubeObject {
    this.#checkSize(object);
    if (options.dryRun === true) return object;
    if (resource.kind === 'CustomResourceDefinition') this.#catalog.define(object);
    return this.#storage.insert(resourceKey(resource), object);
  }

  #checkSize(object: KubeObject): void {
    const bytes = Buffer.byteLength(JSON.stringify(object));
    if (bytes > OBJECT_BYTES_MAX) {
      throw new ApiError(413, `Request entity too large: limit is ${OBJECT_BYTES_MAX}`, {
        reason: 'RequestEntityTooLarge',
      });
    }
  }

  update(resource: Resource, raw: unknown, options: WriteOptions & ObjectName): KubeObject {
    const live = this.read(resource, options);
    const given = readKubeObject(raw, { apiVersion: apiVersionOf(resource), kind: resource.kind });
    this.#checkPreconditions(resource, live, {
      uid: given.metadata.uid,
      resourceVersion: given.metadata.resourceVersion,
    });
    return this.#store(resource, { live, given, options, track: true });
  }

  /** Throws ApiError 404 (except for apply, which creates), 409, 422. `created` says which. */
  patch(
    resource: Resource,
    body: unknown,
    options: WriteOptions & ObjectName & { readonly kind: PatchKind; readonly force: boolean },
  ): { readonly object: KubeObject; readonly created: boolean } {
    const stored = this.#storage.get(resourceKey(resource), options.name, options.namespace);
    if (options.kind === 'apply') return this.#apply(resource, stored, { body, options });
    const live = this.read(resource, options);
    const patched = this.#patched(live, body, options.kind);
    const given = readKubeObject(patched, { apiVersion: apiVersionOf(resource), kind: resource.kind });
    this.#checkPreconditions(resource, live, {
      uid: given.metadata.uid,
      resourceVersion: given.metadata.resourceVersion,
    });
    return { object: this.#store(resource, { live, given, options, track: true }), created: false };
  }

  #patched(live: KubeObject, body: unknown, kind: Exclude<PatchKind, 'apply'>): unknown {
    if (kind === 'merge') return mergePatch(live, body);
    return kind === 'json' ? jsonPatch(live, body) : strategicMergePatch(live, body);
  }

  #apply(
    resource: Resource,
    stored: KubeObject | undefined,
    { body, options }: { body: unknown; options: WriteOptions & ObjectName & { readonly force: boolean } },
  ): { object: KubeObject; created: boolean } {
    const applied = readKubeObject(body, { apiVersion: apiVersionOf(resource), kind: resource.kind });
    const { writer, now } = this.#writer(options);
    if (stored === undefined && options.subresource !== '') this.read(resource, options);
    const empty: KubeObject = {
      apiVersion: apiVersionOf(resource),
      kind: resource.kind,
      metadata: stored?.metadata ?? this.#birth(resource, options.name, options.namespace),
    };
    if (stored !== undefined) {
      this.#checkPreconditions(resource, stored, {
        uid: applied.metadata.uid,
        resourceVersion: applied.metadata.resourceVersion,
      });
    }
    const merged = applyObject(stored ?? empty, applied, { writer, force: options.force, now });
    if (stored === undefined) {
      return { object: this.#insert(resource, admit(resource, merged, true), options), created: true };
    }
    return { object: this.#store(resource, { live: stored, given: merged, options, track: false }), created: false };
  }

  #checkPreconditions(resource: Resource, live: KubeObject, wanted: { uid: string; resourceVersion: string }): void {
    const { name, uid, resourceVersion } = live.metadata;
    const details = { name, group: resource.group, kind: resource.plural };
    if (wanted.uid !== '' && wanted.uid !== uid) {
      throw new ApiError(
        409,
        `Operation cannot be fulfilled on ${qualified(resource)} "${name}": Precondition failed: UID in precondition: ${wanted.uid}, UID in object meta: ${uid}`,
        { details },
      );
    }
    if (wanted.resourceVersion !== '' && wanted.resourceVersion !== resourceVersion) {
      throw new ApiError(
        409,
        `Operation cannot be fulfilled on ${qualified(resource)} "${name}": the object has been modified; please apply your changes to the latest version and try again`,
        { details },
      );
    }
  }

  #store(
    resource: Resource,
    { live, given, options, track }: { live: KubeObject; given: KubeObject; options: WriteOptions; track: boolean },
  ): KubeObject {
    const toStatus = options.subresource === 'status' && resource.status;
    const content: Fields = toStatus ? { ...live, status: given['status'] } : { ...given };
    if (!toStatus && resource.status) {
      if (live['status'] === undefined) delete content['status'];
      else content['status'] = live['status'];
    }
    const next: KubeObject = {
      ...content,
      apiVersion: live.apiVersion,
      kind: live.kind,
      metadata: this.#nextMetadata(live.metadata, given.metadata, toStatus),
    };
    const admitted = admit(resource, next, false);
    const { writer, now } = this.#writer(options);
    const tracked =
      track && !UNTRACKED.has(resource.kind)
        ? trackUpdate(live, admitted, { writer, now })
        : this.#managed(admitted, given);
    return this.#replace(resource, live, { next: tracked, dryRun: options.dryRun === true });
  }

  #nextMetadata(live: KubeMetadata, given: KubeMetadata, toStatus: boolean): KubeMetadata {
    if (toStatus) return live;
    const { labels: _l, annotations: _a, finalizers: _f, ownerReferences: _o, managedFields: _m, ...fixed } = live;
    // a finalizer cannot be added to an object that is on its way out
    const finalizers =
      live.deletionTimestamp === undefined
        ? given.finalizers
        : given.finalizers?.filter((finalizer) => live.finalizers?.includes(finalizer) === true);
    const free = this.#freeMetadata(finalizers === undefined ? given : { ...given, finalizers });
    return { ...fixed, ...free, ...(live.managedFields === undefined ? {} : { managedFields: live.managedFields }) };
  }

  #managed(next: KubeObject, given: KubeObject): KubeObject {
    const { managedFields } = given.metadata;
    return managedFields === undefined ? next : { ...next, metadata: { ...next.metadata, managedFields } };
  }

  #replace(resource: Resource, live: KubeObject, options: { next: KubeObject; dryRun: boolean }): KubeObject {
    const { managedFields: _before, ...metadataBefore } = live.metadata;
    const { managedFields: _after, ...metadataAfter } = options.next.metadata;
    const unchanged = sameJson({ ...live, metadata: metadataBefore }, { ...options.next, metadata: metadataAfter });
    const sameOwners = sameOwnership(live, options.next);
    if (unchanged && sameOwners) return live;
    const { metadata: _m1, status: _s1, ...specBefore } = live;
    const { metadata: _m2, status: _s2, ...specAfter } = options.next;
    const generation =
      live.metadata.generation === undefined
        ? {}
        : { generation: live.metadata.generation + (sameJson(specBefore, specAfter) ? 0 : 1) };
    const next: KubeObject = { ...options.next, metadata: { ...options.next.metadata, ...generation } };
    this.#checkSize(next);
    if (options.dryRun) return next;
    if (resource.kind === 'CustomResourceDefinition') this.#catalog.define(next);
    const stored = this.#storage.replace(resourceKey(resource), next);
    return this.#isOver(resource, stored) ? this.#drop(resource, stored) : stored;
  }

  /** Being deleted, and nothing holds it any more. */
  #isOver(resource: Resource, object: KubeObject): boolean {
    const { deletionTimestamp, finalizers, deletionGracePeriodSeconds } = object.metadata;
    if (deletionTimestamp === undefined || (finalizers ?? []).length > 0) return false;
    return resource.kind !== 'Pod' || (deletionGracePeriodSeconds ?? 0) === 0;
  }

  #drop(resource: Resource, object: KubeObject): KubeObject {
    const { name, namespace } = object.metadata;
    if (resource.kind === 'CustomResourceDefinition') this.#catalog.undefine(name);
    return this.#storage.remove(resourceKey(resource), name, namespace) ?? object;
  }

  /** Deletes, or marks for deletion what finalizers or a running pod still hold. `gone` says which. */
  remove(
    resource: Resource,
    name: ObjectName,
    options: DeleteOptions,
  ): { readonly object: KubeObject; readonly gone: boolean } {
    const live = this.read(resource, name);
    this.#checkPreconditions(resource, live, {
      uid: options.uid ?? '',
      resourceVersion: options.resourceVersion ?? '',
    });
    const graceSeconds = this.#graceSeconds(resource, live, options);
    const { deletionTimestamp, deletionGracePeriodSeconds } = live.metadata;
    const known = deletionTimestamp !== undefined && (deletionGracePeriodSeconds ?? 0) <= graceSeconds;
    const marked = known
      ? live
      : this.#storage.replace(resourceKey(resource), {
          ...live,
          metadata: {
            ...live.metadata,
            deletionTimestamp: deletionTimestamp ?? timeNow(),
            deletionGracePeriodSeconds: graceSeconds,
          },
        });
    if (!this.#isOver(resource, marked)) return { object: marked, gone: false };
    return { object: this.#drop(resource, marked), gone: true };
  }

  /** Only a pod that a kubelet may be running is stopped gracefully. */
  #graceSeconds(resource: Resource, live: KubeObject, options: DeleteOptions): number {
    if (resource.kind !== 'Pod') return 0;
    const spec = fieldsOf(live['spec']);
    const phase = textOf(fieldsOf(live['status'])['phase']);
    if (textOf(spec['nodeName']) === '' || phase === 'Succeeded' || phase === 'Failed') return 0;
    const own = spec['terminationGracePeriodSeconds'];
    return options.gracePeriodSeconds ?? (typeof own === 'number' ? own : 30);
  }
}

/** Same managers with the same fields; times do not count. */
function sameOwnership(left: KubeObject, right: KubeObject): boolean {
  const plain = (object: KubeObject): unknown =>
    (object.metadata.managedFields ?? []).map(({ time: _time, ...entry }) => entry);
  return sameJson(plain(left), plain(right));
}
