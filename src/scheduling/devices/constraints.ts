// Constraints over the devices of a claim: an attribute with the same value on all, or with another on each.
// Source: structured/internal/incubating constraint.go and allocator_incubating.go, v0.37.1.
import type { Device, DeviceAttribute, DeviceConstraint } from '../../cluster/device-objects.ts';

/** A device that is about to be given: of which request, of which of its alternatives ('' = it has none). */
export interface Candidate {
  readonly request: string;
  readonly alternative: string;
  readonly device: Device;
  readonly driver: string;
}

export interface Constraint {
  /** False: the device would break it, and nothing is kept. */
  add(candidate: Candidate): boolean;
  /** Takes back the last one that was added. */
  remove(candidate: Candidate): void;
}

type Known = Exclude<DeviceConstraint, { readonly kind: 'unknown' }>;

export function makeConstraint(of: Known): Constraint {
  return of.kind === 'match' ? new Same(of) : new Different(of);
}

class Same implements Constraint {
  readonly #of: Known;
  #first: DeviceAttribute | undefined;
  #count = 0;

  constructor(of: Known) {
    this.#of = of;
  }

  add(candidate: Candidate): boolean {
    if (!concerns(this.#of, candidate)) return true;
    const attribute = attributeOf(candidate, this.#of.attribute);
    if (attribute === undefined) return false;
    if (this.#count === 0) this.#first = attribute;
    else if (!isScalar(attribute) || this.#first === undefined || !isSame(attribute, this.#first)) return false;
    this.#count += 1;
    return true;
  }

  remove(candidate: Candidate): void {
    if (concerns(this.#of, candidate)) this.#count -= 1;
  }
}

class Different implements Constraint {
  readonly #of: Known;
  readonly #seen: DeviceAttribute[] = [];

  constructor(of: Known) {
    this.#of = of;
  }

  add(candidate: Candidate): boolean {
    if (!concerns(this.#of, candidate)) return true;
    const attribute = attributeOf(candidate, this.#of.attribute);
    if (attribute === undefined) return false;
    if (this.#seen.length > 0 && !isScalar(attribute)) return false;
    if (this.#seen.some((one) => isSame(attribute, one))) return false;
    this.#seen.push(attribute);
    return true;
  }

  remove(candidate: Candidate): void {
    if (concerns(this.#of, candidate)) this.#seen.pop();
  }
}

function concerns({ requests }: Known, { request, alternative }: Candidate): boolean {
  if (requests.length === 0 || requests.includes(request)) return true;
  return alternative !== '' && requests.includes(`${request}/${alternative}`);
}

/** By its full name, or without the domain when that is the driver. */
function attributeOf({ device, driver }: Candidate, name: string): DeviceAttribute | undefined {
  const full = device.attributes.get(name);
  if (full !== undefined) return full;
  const slash = name.indexOf('/');
  return slash !== -1 && name.slice(0, slash) === driver ? device.attributes.get(name.slice(slash + 1)) : undefined;
}

function isScalar({ kind }: DeviceAttribute): boolean {
  return kind === 'string' || kind === 'int' || kind === 'bool' || kind === 'version';
}

function isSame(left: DeviceAttribute, right: DeviceAttribute): boolean {
  if (left.kind === 'none' || right.kind === 'none') return false;
  return left.kind === right.kind && left.value === right.value;
}
