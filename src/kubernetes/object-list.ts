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
  /** Which of the owner's lists it is, counted from 1. */
  readonly #number: number;
  /** Numbers of blocks that are not those of the list before it. */
  readonly #changed: readonly number[];

  constructor(of: {
    readonly owner: KeyedObjects<T>;
    readonly number: number;
    readonly blocks: readonly Block<T>[];
    readonly changed: readonly number[];
    readonly length: number;
  }) {
    this.#owner = of.owner;
    this.#number = of.number;
    this.#blocks = of.blocks;
    this.#changed = of.changed;
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
    // Who looks at each list has only to look at what changed since the one before.
    if (earlier.#number === this.#number - 1) {
      for (const number of this.#changed) compareBlocks(then[number], now[number], changes);
      return changes;
    }
    for (let number = 0; number < Math.max(now.length, then.length); number += 1) {
      compareBlocks(then[number], now[number], changes);
    }
    return changes;
  }
}

function compareBlocks<T>(old: Block<T> = [], after: Block<T> = [], changes: ListChange<T>[]): void {
  if (after === old) return;
  for (let place = 0; place < Math.max(after.length, old.length); place += 1) {
    if (after[place] !== old[place]) changes.push({ before: old[place], after: after[place] });
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
  #lists = 0;

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
      this.#lists += 1;
      this.#list = new ObjectList({
        owner: this,
        number: this.#lists,
        blocks: this.#blocks.slice(),
        changed: [...this.#own],
        length: this.size,
      });
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
