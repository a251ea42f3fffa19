// Names of new claims, servers and nodes: `<pool>-node-<6 hex>`, drawn from a seed so that a plan is reproducible. A plan keeps
// them as numbers: thousands of equal nodes are one step of it, and nobody reads their names before they are written.
import { claimName } from '../api/names.ts';
import { hash64 } from './template-hash.ts';

/** Names of claims of one pool, by the number that their six hex digits are: [0, 0xffffff]. */
export interface ClaimNames {
  readonly pool: string;
  readonly numbers: readonly number[];
}

export interface NameSource {
  /** So many names that nothing has yet, no two the same. */
  next(pool: string, count: number): ClaimNames;
}

/** Hex digits at the end of a name. */
const DIGITS = 6;
/** Of the names of one pool, at most so many in a row may be taken: 16.7 million of them, with 100,000 taken, never have. */
const MISSES_MAX = 1000;

/** Names from `seed` that are not in `taken`, which is asked for with the first name: most plans need none. Equal seed and
 *  calls give equal names. Throws when it cannot find one. */
export function openNameSource(options: { readonly seed: string; readonly taken: () => Iterable<string> }): NameSource {
  let taken: ReadonlyMap<string, ReadonlySet<number>> | undefined;
  const pools = new Map<string, { readonly seed: number; readonly taken: ReadonlySet<number>; drawn: number }>();
  const openPool = (pool: string) => {
    taken ??= numbersByPrefix(options.taken());
    const seed = Number.parseInt(hash64(`${options.seed}/${pool}`).slice(-6), 16);
    return { seed, taken: taken.get(claimName(pool, '')) ?? NONE, drawn: 0 };
  };
  return {
    next(pool, count) {
      let known = pools.get(pool);
      if (known === undefined) pools.set(pool, (known = openPool(pool)));
      const numbers: number[] = [];
      for (let misses = 0; numbers.length < count; ) {
        const number = mixed(known.seed + known.drawn);
        known.drawn += 1;
        if (!known.taken.has(number)) {
          numbers.push(number);
          misses = 0;
        } else if (++misses > MISSES_MAX) {
          throw new Error(
            `No free node name for pool '${pool}' in ${MISSES_MAX} draws: the names of a pool are used up`,
          );
        }
      }
      return { pool, numbers };
    },
  };
}

/** The name of the one at `index`. */
export function nameAt({ pool, numbers }: ClaimNames, index: number): string {
  return claimName(pool, hex6(numbers[index] ?? Number.NaN));
}

/** All names, in order. */
export function namesIn(names: ClaimNames): readonly string[] {
  return names.numbers.map((_, index) => nameAt(names, index));
}

const NONE: ReadonlySet<number> = new Set();

/** What the last six characters of the names are as numbers, where they are hex digits, by what stands before them. */
function numbersByPrefix(names: Iterable<string>): ReadonlyMap<string, ReadonlySet<number>> {
  const numbers = new Map<string, Set<number>>();
  for (const name of names) {
    const last = name.slice(-DIGITS);
    const number = Number.parseInt(last, 16);
    if (last.length < DIGITS || !Number.isInteger(number)) continue;
    const prefix = name.slice(0, -DIGITS);
    const known = numbers.get(prefix);
    if (known === undefined) numbers.set(prefix, new Set([number]));
    else known.add(number);
  }
  return numbers;
}

const HEX_OF_BYTE = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Of 24 bits. */
function hex6(bits: number): string {
  return `${HEX_OF_BYTE[bits >>> 16]}${HEX_OF_BYTE[(bits >>> 8) & 255]}${HEX_OF_BYTE[bits & 255]}`;
}

/** Spreads 24 bits over 24 bits, one to one, so that no number comes twice (xor-shifts and multiplications by odd numbers,
 *  as in the finalizer of MurmurHash3): neighbours come out far apart. */
function mixed(value: number): number {
  let bits = value & 0xffffff;
  bits = Math.imul(bits ^ (bits >>> 12), 0x85ebca6b) & 0xffffff;
  bits = Math.imul(bits ^ (bits >>> 11), 0xc2b2ae35) & 0xffffff;
  return bits ^ (bits >>> 12);
}
