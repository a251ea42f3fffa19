// Objects by key, and lists of them that share what did not change: a change copies one block of a list and the list of
// blocks, not a hundred thousand entries, and two lists are compared by the blocks in which they differ.
import type { ListChange, Listed } from '../cluster/listed.ts';

/** 150,000 objects are 2,344 blocks. What some 20 changes at once copy, their blocks and the list of blocks, is least about here. */
const BLOCK_SIZE = 64;

/** undefined: a free place. */
type Block<T> = readonly (T | undefined)[];

/** The objects as they were when it was taken. */
export class ObjectList<T> implements Listed<T> {
  readonly length: number;
  readonly #blocks: readonly Block<T>[];
  /** Whose list it is: places of others mean other objects. */
  readonly #owner: KeyedObjects<T>;

  constructor(of: { readonly owner: KeyedObjects<T>; readonly blocks: readonly Block<T>[]; readonly length: number }) {
    this.#owner = of.owner;
    this.#blocks = of.blocks;
    this.length = of.length;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const block of this.#blocks) for (const object of block) if (object !== undefined) yield object;
  }

  toArray(): readonly T[] {
    const objects: T[] = [];
    // In one go: growing it would make it three times.
    objects.length = this.length;
    let count = 0;
    for (const block of this.#blocks) {
      for (let place = 0; place < block.length; place += 1) {
        const object = block[place];
        if (object !== undefined) objects[count++] = object;
      }
    }
    return objects;
  }

  changesSince(before: Listed<T>): readonly ListChange<T>[] | undefined {
    if (!(before instanceof ObjectList)) return undefined;
    const earlier: ObjectList<T> = before;
    if (earlier.#owner !== this.#owner) return undefined;
    const changes: ListChange<T>[] = [];
    const [now, then] = [this.#blocks, earlier.#blocks];
    for (let number = 0; number < Math.max(now.length, then.length); number += 1) {
      const [after, old] = [now[number] ?? [], then[number] ?? []];
      if (after === old) continue;
      for (let place = 0; place < Math.max(after.length, old.length); place += 1) {
        if (after[place] !== old[place]) changes.push({ before: old[place], after: after[place] });
      }
    }
    return changes;
  }
}

/** Objects by key. Each keeps its place in the lists for as long as it is there; a place that is free is taken again. */
export class KeyedObjects<T> {
  readonly #places = new Map<string, number>();
  readonly #free: number[] = [];
  readonly #blocks: (T | undefined)[][] = [];
  /** Blocks that no list has yet. */
  readonly #own = new Set<number>();
  #list: ObjectList<T> | undefined;

  get size(): number {
    return this.#places.size;
  }

  get(key: string): T | undefined {
    const place = this.#places.get(key);
    return place === undefined ? undefined : this.#blocks[Math.floor(place / BLOCK_SIZE)]?.[place % BLOCK_SIZE];
  }

  set(key: string, object: T): void {
    let place = this.#places.get(key);
    if (place === undefined) {
      place = this.#free.pop() ?? this.#places.size;
      this.#places.set(key, place);
    }
    this.#put(place, object);
  }

  delete(key: string): void {
    const place = this.#places.get(key);
    if (place === undefined) return;
    this.#places.delete(key);
    this.#free.push(place);
    this.#put(place, undefined);
  }

  /** The same list until something changes. */
  list(): ObjectList<T> {
    if (this.#list === undefined) {
      this.#list = new ObjectList({ owner: this, blocks: [...this.#blocks], length: this.size });
      this.#own.clear();
    }
    return this.#list;
  }

  #put(place: number, object: T | undefined): void {
    this.#list = undefined;
    const number = Math.floor(place / BLOCK_SIZE);
    let block = this.#blocks[number];
    if (block === undefined || !this.#own.has(number)) {
      block = block?.slice() ?? [];
      this.#blocks[number] = block;
      this.#own.add(number);
    }
    block[place % BLOCK_SIZE] = object;
  }
}
