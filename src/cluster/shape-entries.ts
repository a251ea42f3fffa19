// Where the pods of each shape run, as lists that snapshots share: one pod that comes or goes copies a few hundred numbers,
// however many pods there are of its shape and however many shapes.

/** One entry per pod: slot of its node × 2, plus 1 when the pod is terminating; in no order. In chunks, all but the last of them
 *  full, as a shape may have ten thousand pods of which one goes. */
export type Entries = readonly (readonly number[])[];

/** Per shape number. In blocks, so that the next snapshot copies those that changed and shares the others. */
export type ShapeEntries = readonly (readonly Entries[])[];

/** Entries in one chunk: what a pod that comes or goes copies. */
const CHUNK_SIZE = 64;

/** Shapes in one block: some 18,000 shapes of a large cluster are 563 blocks of 32. */
const BLOCK_BITS = 5;
const NO_ENTRIES: Entries = [];

/** Where the pods of the shape with this number are; none for a number that was not given. */
export function entriesOfShape({ podsOfShape }: { readonly podsOfShape: ShapeEntries }, shape: number): Entries {
  return podsOfShape[shape >> BLOCK_BITS]?.[shape & ((1 << BLOCK_BITS) - 1)] ?? NO_ENTRIES;
}

/** The entries with those of some shapes replaced. */
export function withEntries(from: ShapeEntries, changed: ReadonlyMap<number, Entries>): ShapeEntries {
  const blocks = from.slice();
  const own = new Map<number, Entries[]>();
  for (const [shape, entries] of changed) {
    const number = shape >> BLOCK_BITS;
    let block = own.get(number);
    if (block === undefined) {
      block = (from[number] ?? []).slice();
      own.set(number, block);
      while (blocks.length <= number) blocks.push([]);
      blocks[number] = block;
    }
    const place = shape & ((1 << BLOCK_BITS) - 1);
    while (block.length <= place) block.push(NO_ENTRIES);
    block[place] = entries;
  }
  return blocks;
}

/** The entries as such lists have them. */
export function inChunks(entries: readonly number[]): Entries {
  const chunks: number[][] = [];
  for (let from = 0; from < entries.length; from += CHUNK_SIZE) chunks.push(entries.slice(from, from + CHUNK_SIZE));
  return chunks;
}

/** The entries with each taken off (`counts` below zero) or added so many times; the same object when that is nothing. */
export function entriesAfter(before: Entries, counts: ReadonlyMap<number, number>): Entries {
  if ([...counts.values()].every((count) => count === 0)) return before;
  const chunks = new ChunksAfter(before);
  for (const [entry, count] of counts) for (let left = count; left < 0; left += 1) chunks.takeOff(entry);
  for (const [entry, count] of counts) for (let left = count; left > 0; left -= 1) chunks.add(entry);
  return chunks.chunks;
}

/** Copies of the chunks that change, beside the others as they are. */
class ChunksAfter {
  readonly chunks: (readonly number[])[];
  readonly #own: (number[] | undefined)[] = [];

  constructor(before: Entries) {
    this.chunks = before.slice();
  }

  add(entry: number): void {
    const last = this.chunks.length - 1;
    const full = (this.chunks[last]?.length ?? CHUNK_SIZE) >= CHUNK_SIZE;
    this.#open(full ? last + 1 : last).push(entry);
  }

  /** The last entry takes the place of the one that goes. */
  takeOff(entry: number): void {
    const number = this.chunks.findIndex((chunk) => chunk.includes(entry));
    if (number === -1) throw new Error('a pod that left a node must have been counted there');
    const last = this.#open(this.chunks.length - 1);
    const mover = last.pop();
    if (mover !== undefined && mover !== entry) {
      const chunk = this.#open(number);
      chunk[chunk.indexOf(entry)] = mover;
    }
    if (last.length > 0) return;
    this.chunks.pop();
    this.#own.length = Math.min(this.#own.length, this.chunks.length);
  }

  #open(number: number): number[] {
    let chunk = this.#own[number];
    if (chunk !== undefined) return chunk;
    chunk = this.chunks[number]?.slice() ?? [];
    this.#own[number] = chunk;
    this.chunks[number] = chunk;
    return chunk;
  }
}
