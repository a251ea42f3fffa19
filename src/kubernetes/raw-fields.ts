// Reads fields of JSON that nobody has checked: what is not there, or is of another type, is absent. For the few fields
// that this adapter itself decides on; whole objects are the parsers' business.

/** Own field of an object; undefined when there is none. */
export function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

/** Text at a path of fields; undefined when there is none. */
export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = path.reduce(field, value);
  return typeof found === 'string' ? found : undefined;
}

/** Elements at a path of fields; empty when there is no array. */
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = path.reduce(field, value);
  return Array.isArray(found) ? (found as readonly unknown[]) : [];
}

/** Texts by key at a path of fields; entries of other types are left out. */
export function textMapAt(value: unknown, ...path: readonly string[]): ReadonlyMap<string, string> {
  const found = path.reduce(field, value);
  if (typeof found !== 'object' || found === null) return new Map();
  return new Map(
    Object.entries(found).flatMap(([key, text]: [string, unknown]) => (typeof text === 'string' ? [[key, text]] : [])),
  );
}
