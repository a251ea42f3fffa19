// Draws that depend on a seed and on what they are for, never on the order in which they are made: requests of a run that
// is repeated come in another order, and the k-th request of one kind still meets the same fault.

/** FNV-1a over the text, finished by one round of murmur's mixer; 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** In [0, 1): the same for the same seed and purpose. */
export function fractionFor(seed: number, ...purpose: readonly (string | number)[]): number {
  return hashOf(JSON.stringify([seed, ...purpose])) / 2 ** 32;
}

/** A whole number in [from, to]. */
export function wholeFor(
  range: { readonly from: number; readonly to: number },
  seed: number,
  ...purpose: readonly (string | number)[]
): number {
  return range.from + Math.floor(fractionFor(seed, ...purpose) * (range.to - range.from + 1));
}
