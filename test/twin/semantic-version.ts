// Versions of devices, as semver 2.0.0 orders them: three numbers, then what comes before a release. Build metadata after a
// plus does not order.

const SHAPE = /^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/;

export interface SemanticVersion {
  readonly numbers: readonly number[];
  /** Before the release; empty: the release itself. */
  readonly before: readonly string[];
}

/** undefined: it is none. */
export function semanticVersion(text: string): SemanticVersion | undefined {
  const match = SHAPE.exec(text);
  if (match === null) return undefined;
  return { numbers: match.slice(1, 4).map(Number), before: match[4]?.split('.') ?? [] };
}

/** A `v` in front is forgiven, and missing parts are zero. */
export function looseVersion(text: string): SemanticVersion | undefined {
  const bare = text.replace(/^v/, '');
  return semanticVersion(/^[0-9]+(\.[0-9]+)?$/.test(bare) ? `${bare}.0.0`.split('.').slice(0, 3).join('.') : bare);
}

/** Below zero, zero, above zero. */
export function versionOrder(one: SemanticVersion, other: SemanticVersion): number {
  for (const index of [0, 1, 2]) {
    const difference = (one.numbers[index] ?? 0) - (other.numbers[index] ?? 0);
    if (difference !== 0) return difference;
  }
  if (one.before.length === 0 || other.before.length === 0) return other.before.length - one.before.length;
  for (const [index, left] of one.before.entries()) {
    const right = other.before[index];
    if (right === undefined) return 1;
    const difference = partOrder(left, right);
    if (difference !== 0) return difference;
  }
  return one.before.length - other.before.length;
}

/** Numbers by value and before words; words as texts. */
function partOrder(left: string, right: string): number {
  const [leftIsNumber, rightIsNumber] = [/^[0-9]+$/.test(left), /^[0-9]+$/.test(right)];
  if (leftIsNumber && rightIsNumber) return Number(left) - Number(right);
  if (leftIsNumber !== rightIsNumber) return leftIsNumber ? -1 : 1;
  return left === right ? 0 : left < right ? -1 : 1;
}
