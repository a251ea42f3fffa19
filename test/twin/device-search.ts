// Devices for all open claims of a pod on one node, together: the first full choice, in order of claims, requests,
// alternatives and devices, with every step back that it takes.
//
// A request asks for a number of devices (ExactCount) or for all that match (All: at least one, and the pools must be complete
// and valid). Of several alternatives (firstAvailable) the first that works is taken.
// A device can be chosen for a request when
//  - no claim has it and none chosen here does; with admin access only this claim must not have it yet; one that many may share
//    is never had, and gives of its capacity instead;
//  - the selectors of the class and then of the request say yes (an error of theirs is the end);
//  - its capacity and the counters of its pool suffice;
//  - its taints NoSchedule and NoExecute are tolerated by the request;
//  - the constraints of the claim hold (device-constraints.ts). When All meets a device that one forbids, that is an error.
// Combinations are tried once: the second device of a request comes after the first in the order of devices.
import { chargeOf, countersSuffice, recordedCharges } from './device-amounts.ts';
import { deviceAnswer } from './device-selectors.ts';
import { type DevicePool, devicesIn, isDeviceForNode, type PooledDevice, poolsOf } from './device-pools.ts';
import { AllocationError } from './refusal.ts';
import { constraintHolds } from './device-constraints.ts';
import { isTolerated } from './taint-toleration.ts';
import type { V1DeviceConstraint, V1DeviceResult, V1DeviceSelector } from './v1-devices.ts';
import type { V1ExactRequest, V1ResourceClaim } from './v1-devices.ts';
import type { V1Node } from './v1.ts';
import { namespaceOf, type World } from './world.ts';

/** Why the claims cannot have devices on the node. */
type Nothing = 'cannot allocate all claims' | 'invalid resource pools were encountered';

/** A device for a request. */
export interface Choice extends PooledDevice {
  readonly claim: V1ResourceClaim;
  readonly wanted: Wanted;
  readonly charge: ReadonlyMap<string, bigint>;
}

/** A request, or one of its alternatives. */
interface Wanted {
  readonly claim: V1ResourceClaim;
  readonly request: V1ExactRequest;
  /** As constraints name it: `request`, and `request/alternative`. */
  readonly names: readonly string[];
  /** As messages name it. */
  readonly name: string;
  readonly count: number;
  /** In mode All. */
  readonly all?: readonly PooledDevice[];
}

interface Search {
  readonly node: V1Node;
  readonly world: World;
  readonly pools: readonly DevicePool[];
  readonly devices: readonly PooledDevice[];
  /** Of all allocated claims, less those with admin access. */
  readonly results: readonly V1DeviceResult[];
}

/** Throws AllocationError. */
export function chooseDevices(
  claims: readonly V1ResourceClaim[],
  node: V1Node,
  world: World,
): readonly Choice[] | Nothing {
  const pools = poolsOf(node, world);
  const devices = pools.flatMap(devicesIn);
  const search: Search = { node, world, pools, devices, results: takenResults(world) };
  const requests = claims.flatMap((claim) => {
    const wanted = (claim.spec?.devices?.requests ?? []).map((request) => {
      if ((request.firstAvailable ?? []).length === 0) {
        const name = request.name ?? '';
        return [prepared({ claim, request: request.exactly ?? {}, name, names: [name] }, search)];
      }
      return (request.firstAvailable ?? []).map((one) => {
        const names = [request.name ?? '', `${request.name ?? ''}/${one.name ?? ''}`];
        return prepared({ claim, request: one, name: one.name ?? '', names }, search);
      });
    });
    const empty = constraintsOf(claim).findIndex((one) => !one.matchAttribute && !one.distinctAttribute);
    if (empty !== -1) throw new AllocationError(`claim ${keyOf(claim)}, constraint #${empty}: empty constraint…`);
    return wanted;
  });
  const found = fillAll(requests, [], search);
  if (found !== undefined) return found;
  const invalid = pools.some(({ state }) => state === 'invalid');
  return invalid ? 'invalid resource pools were encountered' : 'cannot allocate all claims';
}

export function takenResults(world: World): readonly V1DeviceResult[] {
  return [...world.resourceClaims.values()]
    .flatMap((claim) => claim.status?.allocation?.devices?.results ?? [])
    .filter(({ adminAccess }) => adminAccess !== true);
}

function prepared(wanted: Omit<Wanted, 'count' | 'all'>, search: Search): Wanted {
  const { claim, request, name } = wanted;
  const where = `claim ${keyOf(claim)}, request ${name}`;
  if ((request.derivedAttributes ?? []).length > 0) {
    throw new AllocationError(`${where}: cannot handle request with derived attributes, the feature is disabled`);
  }
  const unknown = (request.selectors ?? []).findIndex(({ cel }) => !cel);
  if (unknown !== -1) throw new AllocationError(`${where}, selector #${unknown}: CEL expression empty…`);
  if (request.allocationMode === 'ExactCount') return { ...wanted, count: request.count ?? 0 };
  if (request.allocationMode !== 'All') {
    throw new AllocationError(`${where}: unsupported count mode ${request.allocationMode ?? ''}`);
  }
  const all = search.pools.flatMap((pool) => {
    const id = `${pool.driver}/${pool.name}`;
    const state = pool.state === 'incomplete' ? 'being updated' : 'invalid';
    if (pool.state !== 'usable') {
      throw new AllocationError(`${where}: asks for all devices, but resource pool ${id} is currently ${state}`);
    }
    return devicesIn(pool).filter(
      (one) => isSelected(one, { ...wanted, count: 0 }, search) && chargeOf(one, request.capacity, []) !== undefined,
    );
  });
  return { ...wanted, count: all.length, all };
}

type Chosen = readonly Choice[];

function fillAll(requests: readonly (readonly Wanted[])[], chosen: Chosen, search: Search): Chosen | undefined {
  const [alternatives, ...later] = requests;
  if (alternatives === undefined) return chosen;
  for (const wanted of alternatives) {
    const goOn = (now: Chosen): Chosen | undefined => fillAll(later, now, search);
    const done = fillOne(wanted, { chosen, from: 0, left: wanted.count }, { search, goOn });
    if (done !== undefined) return done;
  }
  return undefined;
}

function fillOne(
  wanted: Wanted,
  at: { readonly chosen: Chosen; readonly from: number; readonly left: number },
  of: { readonly search: Search; readonly goOn: (chosen: Chosen) => Chosen | undefined },
): Chosen | undefined {
  const { search, goOn } = of;
  if (wanted.all?.length === 0) return undefined;
  if (at.left === 0) return goOn(at.chosen);
  const candidates = wanted.all ?? search.devices;
  const last = wanted.all === undefined ? candidates.length - 1 : at.from;
  for (let index = at.from; index <= last; index += 1) {
    const device = candidates[index];
    if (device === undefined || isInUse(device, wanted, { chosen: at.chosen, search })) continue;
    if (wanted.all === undefined && !isSelected(device, wanted, search)) continue;
    const choice = choose(device, wanted, { chosen: at.chosen, search });
    if (choice === undefined) continue;
    const done = fillOne(wanted, { chosen: [...at.chosen, choice], from: index + 1, left: at.left - 1 }, of);
    if (done !== undefined) return done;
  }
  return undefined;
}

function isInUse(
  device: PooledDevice,
  { request, claim }: Wanted,
  { chosen, search }: { readonly chosen: Chosen; readonly search: Search },
): boolean {
  const owned = chosen.filter((one) => one.id === device.id && one.device.allowMultipleAllocations !== true);
  if (request.adminAccess === true) return owned.some((one) => one.claim === claim);
  return owned.length > 0 || search.results.some((result) => idOf(result) === device.id && !isShare(result));
}

function choose(
  device: PooledDevice,
  wanted: Wanted,
  { chosen, search }: { readonly chosen: Chosen; readonly search: Search },
): Choice | undefined {
  const shared = device.device.allowMultipleAllocations === true;
  const shares = search.results.filter((result) => idOf(result) === device.id && isShare(result));
  const others = chosen.filter((one) => one.id === device.id && shared);
  const paidAlready = shared && shares.length + others.length > 0;
  if (!paidAlready && (device.device.consumesCounters ?? []).length > 0) {
    const once = new Map([...chosen, device].map((one) => [one.id, one]));
    const taken = new Set(search.results.map(idOf));
    if (!countersSuffice(device, taken, [...once.values()])) return undefined;
  }
  const taints = (device.device.taints ?? []).filter(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute');
  const tolerant = { metadata: { name: '' }, spec: { tolerations: wanted.request.tolerations } };
  if (!taints.every((taint) => isTolerated(tolerant, taint))) return undefined;
  const ofClaim = [...chosen.filter(({ claim }) => claim === wanted.claim), { ...device, wanted }];
  if (!constraintsOf(wanted.claim).every((constraint) => constraintHolds(constraint, ofClaim))) {
    if (wanted.all === undefined) return undefined;
    const where = `claim ${keyOf(wanted.claim)}, request ${wanted.name}`;
    const why = 'because a claim constraint would not be satisfied';
    throw new AllocationError(`${where}: cannot add device ${device.id} ${why}`);
  }
  const charged = [...recordedCharges(shares), ...others.map(({ charge }) => charge)];
  const charge = chargeOf(device, wanted.request.capacity, charged);
  return charge && { ...device, claim: wanted.claim, wanted, charge };
}

function isSelected(device: PooledDevice, { claim, request }: Wanted, { node, world }: Search): boolean {
  const className = request.deviceClassName ?? '';
  const ofClass = world.deviceClasses.get(className)?.spec?.selectors ?? [];
  return (
    selectAll(device, ofClass, `class ${className}`) &&
    selectAll(device, request.selectors ?? [], `claim ${keyOf(claim)}`) &&
    isDeviceForNode(device, node)
  );
}

function selectAll(
  { id, device, driver }: PooledDevice,
  selectors: readonly V1DeviceSelector[],
  holder: string,
): boolean {
  return selectors.every(({ cel }, index) => {
    const answer = deviceAnswer(cel?.expression ?? '', device, driver);
    if (typeof answer === 'boolean') return answer;
    const at = answer.startsWith('CEL compile') ? '' : ` on device ${id}`;
    throw new AllocationError(`${holder}: selector #${index}${at}: ${answer}`);
  });
}

function constraintsOf(claim: V1ResourceClaim): readonly V1DeviceConstraint[] {
  return claim.spec?.devices?.constraints ?? [];
}

function idOf({ driver, pool, device }: V1DeviceResult): string {
  return `${driver ?? ''}/${pool ?? ''}/${device ?? ''}`;
}

/** A part of a device that others may have parts of. */
function isShare({ shareID }: V1DeviceResult): boolean {
  return shareID !== undefined && shareID !== null;
}

function keyOf(claim: V1ResourceClaim): string {
  return `${namespaceOf(claim)}/${claim.metadata.name}`;
}
