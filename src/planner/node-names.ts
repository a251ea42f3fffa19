// Names of new claims, servers and nodes: `<pool>-node-<6 hex>`, drawn from a seed so that a plan is reproducible.
import { claimName } from '../api/names.ts';
import { hash64 } from './template-hash.ts';

export interface NameSource {
  /** A name that nothing has yet. */
  next(pool: string): string;
}

/** Draws before giving up: 16.7 million names per pool, so even 100,000 taken ones make 50 misses in a row unthinkable. */
const DRAWS_MAX = 50;

/** Names from `seed` that are not in `taken`; equal seed and calls give equal names. Throws when it cannot find one. */
export function openNameSource(options: { readonly seed: string; readonly taken: Iterable<string> }): NameSource {
  const taken = new Set(options.taken);
  let counter = 0;
  return {
    next(pool) {
      for (let draw = 0; draw < DRAWS_MAX; draw++) {
        // FNV spreads its low bits best when the varying part comes first and more text follows.
        const hex6 = hash64(`${counter++}/${options.seed}/${pool}`).slice(-6);
        const name = claimName(pool, hex6);
        if (taken.has(name)) continue;
        taken.add(name);
        return name;
      }
      throw new Error(`No free node name for pool '${pool}' in ${DRAWS_MAX} draws: the name seed does not vary`);
    },
  };
}
