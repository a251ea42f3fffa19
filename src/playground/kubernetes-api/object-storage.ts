// The storage behind one API server: every object of every kind, one revision that grows with each write, and a bounded
// log of changes per resource from which watches start. One writer at a time (a single thread); readers get the stored
// objects, which nobody changes in place. Knows nothing of kinds, HTTP or admission.
import { ApiError, type KubeObject } from './kube-object.ts';

export interface StorageEvent {
  readonly revision: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** For DELETED the last state, with the revision of the deletion. */
  readonly object: KubeObject;
  readonly previous: KubeObject | undefined;
}

export interface ListPage {
  readonly revision: number;
  readonly items: readonly KubeObject[];
  readonly next: string | undefined;
  readonly remaining: number;
}

/** Changes kept per resource for watches that come back; older ones are answered with 410, as by etcd after compaction. */
const LOG_LENGTH_MAX = 10_000;
/** Lists that are being paged through; the oldest is dropped and its continue token answered with 410. */
const OPEN_LISTS_MAX = 64;
/** Objects of one API server: far above any demo, below what would hurt the process. */
const OBJECTS_MAX = 200_000;

interface Collection {
  readonly objects: Map<string, KubeObject>;
  log: StorageEvent[];
  /** Watches may start at or after this revision. */
  compactedRevision: number;
  readonly listeners: Set<(event: StorageEvent) => void>;
}

export function objectKey(name: string, namespace: string | undefined): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

export class ObjectStorage {
  readonly #collections = new Map<string, Collection>();
  readonly #anyListeners = new Set<(resource: string, event: StorageEvent) => void>();
  readonly #openLists = new Map<string, { readonly revision: number; readonly items: readonly KubeObject[] }>();
  #revision = 100;
  #objectCount = 0;
  #listCount = 0;

  /** The newest revision. */
  get revision(): number {
    return this.#revision;
  }

  get(resource: string, name: string, namespace?: string): KubeObject | undefined {
    return this.#collections.get(resource)?.objects.get(objectKey(name, namespace));
  }

  /** All objects of a resource, ordered by namespace and name. */
  list(resource: string, namespace?: string): readonly KubeObject[] {
    const objects = this.#collections.get(resource)?.objects;
    if (objects === undefined) return [];
    const keys = [...objects.keys()].sort();
    return keys
      .map((key) => objects.get(key))
      .filter((object) => object !== undefined)
      .filter((object) => namespace === undefined || object.metadata.namespace === namespace);
  }

  /** The first page of `items`; the rest stays as it was at this revision. limit 0 = all. */
  firstPage(items: readonly KubeObject[], limit: number): ListPage {
    return this.#page(items, this.#revision, limit);
  }

  /** Throws ApiError 410 when the token is too old. */
  nextPage(token: string, limit: number): ListPage {
    const open = this.#openLists.get(token);
    if (open === undefined) {
      throw new ApiError(410, 'The provided continue parameter is too old to display a consistent list result.');
    }
    this.#openLists.delete(token);
    return this.#page(open.items, open.revision, limit);
  }

  #page(items: readonly KubeObject[], revision: number, limit: number): ListPage {
    if (limit <= 0 || items.length <= limit) return { revision, items, next: undefined, remaining: 0 };
    this.#listCount += 1;
    const next = Buffer.from(`list-${this.#listCount}@${revision}`).toString('base64url');
    this.#openLists.set(next, { revision, items: items.slice(limit) });
    if (this.#openLists.size > OPEN_LISTS_MAX) {
      for (const oldest of [...this.#openLists.keys()].slice(0, 1)) this.#openLists.delete(oldest);
    }
    return { revision, items: items.slice(0, limit), next, remaining: items.length - limit };
  }

  /** Stores an object that must not exist yet. Throws ApiError 409 when it does. */
  insert(resource: string, object: KubeObject): KubeObject {
    const collection = this.#collection(resource);
    const key = objectKey(object.metadata.name, object.metadata.namespace);
    if (collection.objects.has(key)) {
      throw new ApiError(409, `${resource.replace('/', '')} "${object.metadata.name}" already exists`, {
        reason: 'AlreadyExists',
        details: { name: object.metadata.name },
      });
    }
    if (this.#objectCount >= OBJECTS_MAX) throw new ApiError(503, 'the storage is full');
    this.#objectCount += 1;
    return this.#write(resource, collection, 'ADDED', object, undefined);
  }

  /** Replaces an object that must exist. */
  replace(resource: string, object: KubeObject): KubeObject {
    const collection = this.#collection(resource);
    const previous = collection.objects.get(objectKey(object.metadata.name, object.metadata.namespace));
    if (previous === undefined) throw new Error(`${resource} ${object.metadata.name} is not stored`);
    return this.#write(resource, collection, 'MODIFIED', object, previous);
  }

  /** Takes an object out; absent: undefined. */
  remove(resource: string, name: string, namespace?: string): KubeObject | undefined {
    const collection = this.#collection(resource);
    const previous = collection.objects.get(objectKey(name, namespace));
    if (previous === undefined) return undefined;
    this.#objectCount -= 1;
    return this.#write(resource, collection, 'DELETED', previous, previous);
  }

  /** Calls `listener` with every change after `revision`, those of the past at once. Throws ApiError 410 or 504 when the
   *  revision is too old or not reached yet. Returns the unsubscribe. */
  watch(resource: string, revision: number, listener: (event: StorageEvent) => void): () => void {
    const collection = this.#collection(resource);
    if (revision < collection.compactedRevision) {
      throw new ApiError(410, `too old resource version: ${revision} (${collection.compactedRevision})`);
    }
    if (revision > this.#revision) {
      throw new ApiError(504, `Too large resource version: ${revision}, current: ${this.#revision}`, {
        details: { retryAfterSeconds: 1 },
      });
    }
    for (const event of collection.log) if (event.revision > revision) listener(event);
    collection.listeners.add(listener);
    return () => collection.listeners.delete(listener);
  }

  /** Every change of every resource, after it happened. */
  watchAll(listener: (resource: string, event: StorageEvent) => void): () => void {
    this.#anyListeners.add(listener);
    return () => this.#anyListeners.delete(listener);
  }

  /** Forgets the past of all resources: watches from before get 410. */
  compact(): void {
    for (const collection of this.#collections.values()) {
      collection.log = [];
      collection.compactedRevision = this.#revision;
    }
    this.#openLists.clear();
  }

  #collection(resource: string): Collection {
    const known = this.#collections.get(resource);
    if (known !== undefined) return known;
    const made: Collection = { objects: new Map(), log: [], compactedRevision: 0, listeners: new Set() };
    this.#collections.set(resource, made);
    return made;
  }

  #write(
    resource: string,
    collection: Collection,
    type: StorageEvent['type'],
    object: KubeObject,
    previous: KubeObject | undefined,
  ): KubeObject {
    this.#revision += 1;
    const stored: KubeObject = {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(this.#revision) },
    };
    const key = objectKey(stored.metadata.name, stored.metadata.namespace);
    if (type === 'DELETED') collection.objects.delete(key);
    else collection.objects.set(key, stored);
    const event: StorageEvent = { revision: this.#revision, type, object: stored, previous };
    collection.log.push(event);
    if (collection.log.length > LOG_LENGTH_MAX) {
      const dropped = collection.log.shift();
      if (dropped !== undefined) collection.compactedRevision = dropped.revision;
    }
    for (const listener of collection.listeners) listener(event);
    for (const listener of this.#anyListeners) listener(resource, event);
    return stored;
  }
}
