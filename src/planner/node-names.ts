// Names of new claims, servers and nodes: `<pool>-node-<6 hex>`, drawn from a seed so that a plan is reproducible.
import { claimName } from '../api/names.ts';
import { hash64 } from './template-hash.ts';

export interface NameSource {
  /** A name that nothing has yet. */
  next(pool: string): string;
}

/** Draws before giving up: 16.7 million names per pool, so even 100,000 taken ones make 50 misses in a row unthinkable. */
const DRAWS_MAX = 50;

/** Names from `seed` that are not in `taken`, which is asked for with the first name: most plans need none. Equal seed and
 *  calls give equal names. Throws when it cannot find one. */
export function openNameSource(options: { readonly seed: string; readonly taken: () => Iterable<string> }): NameSource {
  let taken: Set<string> | undefined;
  const seeds = new Map<string, number>();
  let counter = 0;
  return {
    next(pool) {
      taken ??= new Set(options.taken());
      let seed = seeds.get(pool);
      if (seed === undefined)
        seeds.set(pool, (seed = Number.parseInt(hash64(`${options.seed}/${pool}`).slice(-8), 16)));
      for (let draw = 0; draw < DRAWS_MAX; draw++) {
        const name = claimName(pool, hex6(mixed(seed + counter++) >>> 8));
        if (taken.has(name)) continue;
        taken.add(name);
        return name;
      }
      throw new Error(`No free node name for pool '${pool}' in ${DRAWS_MAX} draws: the name seed does not vary`);
    },
  };
}

const HEX_OF_BYTE = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Of 24 bits. */
function hex6(bits: number): string {
  return `${HEX_OF_BYTE[bits >>> 16]}${HEX_OF_BYTE[(bits >>> 8) & 255]}${HEX_OF_BYTE[bits & 255]}`;
}

/** Spreads 32 bits over 32 bits, one to one (the finalizer of MurmurHash3): neighbours come out far apart. */
function mixed(value: number): number {
  let bits = value >>> 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
