// An ObjectStore that the test fills by hand.
import type { ObjectStore } from '../../src/controllers/ports.ts';

export class FakeStore<T> implements ObjectStore<T> {
  synced = true;
  version = 0;
  heardMs = 0;
  missingRight: string | undefined;
  readonly doubtful = new Map<string, string>();
  #objects: readonly T[] = [];
  readonly #byKey = new Map<string, T>();
  readonly #listeners = new Set<(keys: readonly string[] | undefined) => void>();
  readonly #keyOf: (object: T) => string;

  constructor(keyOf: (object: T) => string) {
    this.#keyOf = keyOf;
  }

  list(): readonly T[] {
    return this.#objects;
  }

  view(): readonly T[] {
    return this.#objects;
  }

  get(key: string): T | undefined {
    return this.#byKey.get(key);
  }

  subscribe(listener: (keys: readonly string[] | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  put(object: T): void {
    const key = this.#keyOf(object);
    this.#byKey.set(key, object);
    this.#changed([key]);
  }

  remove(key: string): void {
    if (this.#byKey.delete(key)) this.#changed([key]);
  }

  /** As after a re-list. */
  replaceAll(objects: readonly T[]): void {
    this.#byKey.clear();
    for (const object of objects) this.#byKey.set(this.#keyOf(object), object);
    this.#changed(undefined);
  }

  #changed(keys: readonly string[] | undefined): void {
    this.#objects = [...this.#byKey.values()];
    this.version += 1;
    for (const listener of this.#listeners) listener(keys);
  }
}
