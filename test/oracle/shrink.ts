// Makes a case smaller while it keeps what is wrong with it: takes out list entries and fields, greedily, biggest first,
// until nothing more can go. Knows nothing of Kubernetes.

type Path = readonly (string | number)[];

/** Whether the smaller case still shows the same. */
export type StillWrong = (candidate: unknown) => Promise<boolean>;

/** Candidates tried; a case of 10 kB needs some hundreds. */
const TRIES_MAX = 4000;

/** Fields whose absence makes another case of it; so would an object without a name. */
const KEPT = new Set(['id', 'pod', 'nodes']);

/** Fields that an API server does not let be empty: without them a case shows something else. */
const REQUIRED = new Set([
  'min',
  'name',
  'cel',
  'topologyKey',
  'whenUnsatisfiable',
  'maxSkew',
  'operator',
  'key',
  'nodeSelectorTerms',
  'metadata',
  'spec',
]);

export async function shrink(start: unknown, stillWrong: StillWrong): Promise<unknown> {
  let current = start;
  let tries = 0;
  for (let changed = true; changed; ) {
    changed = false;
    for (const path of pathsOf(current, [])) {
      if (tries >= TRIES_MAX) return current;
      const candidate = without(current, path);
      if (candidate === undefined) continue;
      tries += 1;
      if (await stillWrong(candidate)) {
        current = candidate;
        changed = true;
      }
    }
  }
  return current;
}

/** Every part that may go, outer before inner, list entries from the end so that earlier paths stay true. */
function pathsOf(value: unknown, at: Path): readonly Path[] {
  if (Array.isArray(value)) {
    const indexes = [...value.keys()].reverse();
    return indexes.flatMap((index) => [[...at, index], ...pathsOf(value[index], [...at, index])]);
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const path = [...at, key];
    const inside = pathsOf(inner, path);
    const name = key === 'name' && at.at(-1) === 'metadata';
    const kept = at.length === 0 ? KEPT.has(key) : name || REQUIRED.has(key);
    return kept ? inside : [path, ...inside];
  });
}

/** A copy without that part; `undefined` when the part is already gone. */
function without(value: unknown, path: Path): unknown {
  const [step, ...rest] = path;
  if (Array.isArray(value) && typeof step === 'number') {
    if (step >= value.length) return undefined;
    if (rest.length === 0) return value.toSpliced(step, 1);
    const inner = without(value[step], rest);
    return inner === undefined ? undefined : value.with(step, inner);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || typeof step !== 'string') return undefined;
  const entries: [string, unknown][] = Object.entries(value);
  if (!entries.some(([key]) => key === step)) return undefined;
  if (rest.length === 0) return Object.fromEntries(entries.filter(([key]) => key !== step));
  const inner = without(entries.find(([key]) => key === step)?.[1], rest);
  if (inner === undefined) return undefined;
  return Object.fromEntries(entries.map(([key, old]) => [key, key === step ? inner : old]));
}
