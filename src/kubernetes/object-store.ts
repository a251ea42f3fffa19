// What is known of one kind: written by list-watches, read by everybody. Each list-watch owns one part (the management
// plane watches several namespaces); a complete list replaces its part in one step, so that no reader ever sees half.
import type { Listed } from '../cluster/listed.ts';
import type { ObjectStore } from '../controllers/ports.ts';
import { KeyedObjects } from './object-list.ts';
import { field } from './raw-fields.ts';

/** A version of an object that could not be read. */
export class Doubtful {
  readonly resourceVersion: string;
  /** Names kind, key and field. */
  readonly why: string;

  constructor(resourceVersion: string, why: string) {
    this.resourceVersion = resourceVersion;
    this.why = why;
  }
}

/** The only way to change a part; held by one list-watch. */
export interface StorePart<T> {
  /** Puts a complete list in the place of all that was known, but for the last good versions of what is doubtful. */
  replace(objects: ReadonlyMap<string, T | Doubtful>): void;
  /** Applies events that came together, in order; undefined = deleted, doubtful = the last good version stays. */
  apply(changes: readonly (readonly [key: string, object: T | Doubtful | undefined])[]): void;
  /** What could not be read of the object's newest version; undefined: nothing, or it is not there. */
  doubt(key: string): Doubtful | undefined;
  /** The server lets us not see it. Ends with the next sign of life. */
  forbidden(): void;
  /** A sign of life from the server. */
  heard(monotonicMs: number): void;
}

interface Part<T> {
  objects: KeyedObjects<T>;
  /** At most one per object of the cluster, and smaller than a parsed one. */
  doubts: Map<string, Doubtful>;
  synced: boolean;
  heardMs: number;
  forbidden: boolean;
}

/** Whether it changed anything that a reader can see. */
function applyOne<T>(part: Part<T>, key: string, object: T | Doubtful | undefined): boolean {
  const wasDoubtful = part.doubts.delete(key);
  if (object instanceof Doubtful) {
    part.doubts.set(key, object);
    return true;
  }
  const before = part.objects.get(key);
  if (object === undefined) part.objects.delete(key);
  else if (before !== undefined && sameFields(before, object)) return wasDoubtful;
  else part.objects.set(key, object);
  return true;
}

/** Equal field by field, without looking into them. Most that is said of a pod changes nothing that is kept of it: its shape and
 *  its owner are shared objects, all else is numbers and texts. */
function sameFields(left: unknown, right: unknown): boolean {
  if (typeof left !== 'object' || left === null || typeof right !== 'object' || right === null) return left === right;
  for (const key in left) if (field(left, key) !== field(right, key)) return false;
  for (const key in right) if (!Object.hasOwn(left, key)) return false;
  return true;
}

export class WatchedStore<T> implements ObjectStore<T> {
  readonly #name: string;
  readonly #parts: Part<T>[] = [];
  readonly #listeners = new Set<(keys: readonly string[] | undefined) => void>();
  #version = 0;
  #list: readonly T[] | undefined;

  /** `name`: of the resource, as in a ClusterRole with its group, e.g. `csidrivers.storage.k8s.io`. */
  constructor(name: string) {
    this.#name = name;
  }

  /** A new part; the store is synced when all parts are. `nowMs`: monotonic, counts as the first sign of life. */
  openPart(nowMs: number): StorePart<T> {
    const part: Part<T> = {
      objects: new KeyedObjects(),
      doubts: new Map(),
      synced: false,
      heardMs: nowMs,
      forbidden: false,
    };
    this.#parts.push(part);
    return {
      replace: (objects) => {
        const before = part.objects;
        part.objects = new KeyedObjects();
        part.doubts = new Map();
        for (const [key, object] of objects) {
          const lastGood = object instanceof Doubtful ? before.get(key) : object;
          if (object instanceof Doubtful) part.doubts.set(key, object);
          if (lastGood !== undefined) part.objects.set(key, lastGood);
        }
        part.synced = true;
        this.#changed(undefined);
      },
      apply: (changes) => {
        const keys = changes.flatMap(([key, object]) => (applyOne(part, key, object) ? [key] : []));
        if (keys.length > 0) this.#changed(keys);
      },
      doubt: (key) => part.doubts.get(key),
      forbidden: () => {
        part.forbidden = true;
      },
      heard: (monotonicMs) => {
        part.forbidden = false;
        part.heardMs = monotonicMs;
      },
    };
  }

  get synced(): boolean {
    return this.#parts.length > 0 && this.#parts.every((part) => part.synced);
  }

  get version(): number {
    return this.#version;
  }

  get missingRight(): string | undefined {
    return this.#parts.some((part) => part.forbidden) ? `list and watch ${this.#name}` : undefined;
  }

  /** Of the part that has been silent longest. */
  get heardMs(): number {
    return this.#parts.reduce((least, part) => Math.min(least, part.heardMs), Number.POSITIVE_INFINITY);
  }

  /** Objects in all parts; cheaper than the list. */
  get size(): number {
    return this.#parts.reduce((sum, part) => sum + part.objects.size, 0);
  }

  list(): readonly T[] {
    const [only, ...others] = this.#parts;
    this.#list ??=
      only !== undefined && others.length === 0
        ? only.objects.list().toArray()
        : this.#parts.flatMap((part) => part.objects.list().toArray());
    return this.#list;
  }

  view(): Listed<T> {
    const [only, ...others] = this.#parts;
    return only === undefined || others.length > 0 ? this.list() : only.objects.list();
  }

  get doubtful(): ReadonlyMap<string, string> {
    return new Map(this.#parts.flatMap((part) => [...part.doubts].map(([key, { why }]) => [key, why] as const)));
  }

  get(key: string): T | undefined {
    for (const part of this.#parts) {
      const object = part.objects.get(key);
      if (object !== undefined) return object;
    }
    return undefined;
  }

  subscribe(listener: (keys: readonly string[] | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #changed(keys: readonly string[] | undefined): void {
    this.#version += 1;
    this.#list = undefined;
    for (const listener of this.#listeners) listener(keys);
  }
}
