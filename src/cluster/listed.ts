// Objects of one kind at one instant. An array is such a list; the lists of a store also know what changed between two of
// them, so that nobody has to compare a hundred thousand entries to find the twenty that did.

/** What came (no `before`), went (no `after`) or changed. */
export interface ListChange<T> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

/** In no particular order; never changes. */
export interface Listed<T> extends Iterable<T> {
  readonly length: number;
  /** What makes this list of `before`; undefined: it cannot be told, they have to be compared. */
  changesSince?(before: Listed<T>): readonly ListChange<T>[] | undefined;
}

/** The list as an array; the same object where it is one. */
export function arrayOf<T>(list: Listed<T>): readonly T[] {
  return isArray(list) ? list : Array.from(list);
}

function isArray<T>(list: Listed<T>): list is readonly T[] & Listed<T> {
  return Array.isArray(list);
}
