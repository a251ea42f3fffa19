// What has to be found for claims before the search starts: per request the class, how many devices, and for "All" which.
// Source: Allocate and validateDeviceRequest of structured/internal/incubating/allocator_incubating.go, v0.37.1.
import type {
  Device,
  DeviceAsk,
  DeviceClassObject,
  ResourceClaimObject,
  ResourceSliceObject,
} from '../../cluster/device-objects.ts';
import { type AllocationFault, failed } from './allocation-fault.ts';
import { hasCapacity } from './capacity.ts';
import { type Constraint, makeConstraint } from './constraints.ts';
import { type DevicePool, placeMatches, type PoolNode } from './device-pools.ts';
import { deviceId } from './device-state.ts';
import { selectorFault, type Selectors } from './selectors.ts';

/** Devices that one claim can hold (AllocationResultsMaxSize). */
export const CLAIM_DEVICES_MAX = 32;

/** What the allocation of one pod's claims on one node reads. */
export interface AllocationContext {
  readonly node: PoolNode;
  readonly pools: readonly DevicePool[];
  readonly classes: ReadonlyMap<string, DeviceClassObject>;
  readonly selectors: Selectors;
}

export interface PlacedDevice {
  readonly id: string;
  readonly device: Device;
  readonly slice: ResourceSliceObject;
  readonly pool: DevicePool;
}

/** One request, or one of its alternatives. */
export interface PlannedAsk {
  readonly ask: DeviceAsk;
  /** Name of the request that it is an alternative of; '': none. */
  readonly parent: string;
  readonly class: DeviceClassObject;
  readonly count: number;
  /** For "All"; undefined: any that fit. */
  readonly all: readonly PlacedDevice[] | undefined;
}

export interface PlannedClaim {
  readonly claim: ResourceClaimObject;
  /** `namespace/name`, as messages have it. */
  readonly key: string;
  /** Per request: itself alone, or its alternatives in order of preference. */
  readonly requests: readonly { readonly choice: boolean; readonly asks: readonly PlannedAsk[] }[];
  readonly constraints: readonly Constraint[];
}

export function planClaim(claim: ResourceClaimObject, context: AllocationContext): PlannedClaim | AllocationFault {
  const key = claimKey(claim);
  const requests: { choice: boolean; asks: PlannedAsk[] }[] = [];
  let least = 0;
  for (const request of claim.requests ?? []) {
    const choice = request.firstAvailable.length > 0;
    const given = choice ? request.firstAvailable : request.exactly === undefined ? [] : [request.exactly];
    const asks: PlannedAsk[] = [];
    for (const ask of given) {
      const planned = planAsk(ask, { parent: choice ? request.name : '', key, context });
      if ('kind' in planned) return planned;
      asks.push(planned);
    }
    const fewest = Math.min(...asks.map((one) => one.count));
    if (fewest > CLAIM_DEVICES_MAX - least) {
      return failed(
        `claim ${key}, request ${request.name}: adding ${fewest} devices exceeds the claim limit of ${CLAIM_DEVICES_MAX}, with ${least} already accounted for`,
      );
    }
    least += fewest;
    requests.push({ choice, asks });
  }
  const constraints: Constraint[] = [];
  for (const [index, constraint] of claim.constraints.entries()) {
    if (constraint.kind === 'unknown') {
      return failed(`claim ${key}, constraint #${index}: empty constraint (unsupported constraint type?)`);
    }
    constraints.push(makeConstraint(constraint));
  }
  return { claim, key, requests, constraints };
}

/** Whether the class, the request and the node take the device. */
export function isSelectable(
  planned: { readonly ask: DeviceAsk; readonly class: DeviceClassObject },
  of: {
    readonly key: string;
    readonly slice: ResourceSliceObject;
    readonly device: Device;
    readonly context: AllocationContext;
  },
): boolean | AllocationFault {
  const { slice, device, context } = of;
  const holders = [
    { holder: `class ${planned.class.name}`, selectors: planned.class.selectors },
    { holder: `claim ${of.key}`, selectors: planned.ask.selectors },
  ];
  for (const { holder, selectors } of holders) {
    for (const [position, expression] of selectors.entries()) {
      // A kind of selector that is not known: the request was refused before; of a class the scheduler would crash.
      if (expression === undefined) return failed(`${holder}: selector #${position}: CEL expression empty`);
      const answer = context.selectors.matches(expression, device, slice.driver);
      if (answer === false) return false;
      if (answer !== true) {
        const name = deviceId({ driver: slice.driver, pool: slice.pool, device: device.name });
        return selectorFault(answer, { holder, position, device: name });
      }
    }
  }
  if (!slice.perDeviceNodeSelection) return true;
  return placeMatches(device, context.node, `failed to perform node selection for device ${device.name}`);
}

export function claimKey({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}

interface AskContext {
  readonly parent: string;
  readonly key: string;
  readonly context: AllocationContext;
}

function planAsk(ask: DeviceAsk, of: AskContext): PlannedAsk | AllocationFault {
  const { key, context } = of;
  const where = `claim ${key}, request ${ask.name}`;
  if (ask.derivedAttributes) {
    return failed(`${where}: cannot handle request with derived attributes, the feature is disabled`);
  }
  const unknown = ask.selectors.indexOf(undefined);
  if (unknown !== -1)
    return failed(`${where}, selector #${unknown}: CEL expression empty (unsupported selector type?)`);
  if (ask.className === '') return failed(`${where}: missing device class name (unsupported request type?)`);
  const deviceClass = context.classes.get(ask.className);
  if (deviceClass === undefined) {
    return failed(
      `${where}: could not retrieve device class ${ask.className}: deviceclass.resource.k8s.io "${ask.className}" not found`,
    );
  }
  const planned = { ask, parent: of.parent, class: deviceClass };
  switch (ask.mode) {
    case 'ExactCount':
      return { ...planned, count: ask.count, all: undefined };
    case 'All': {
      const all = allDevices(planned, of);
      return 'kind' in all ? all : { ...planned, count: all.devices.length, all: all.devices };
    }
    default:
      return failed(`${where}: unsupported count mode ${ask.mode}`);
  }
}

/** Every device that the request selects, whether it is free or not. */
function allDevices(
  planned: { readonly ask: DeviceAsk; readonly class: DeviceClassObject },
  { key, context }: AskContext,
): { readonly devices: readonly PlacedDevice[] } | AllocationFault {
  const where = `claim ${key}, request ${planned.ask.name}`;
  const devices: PlacedDevice[] = [];
  for (const pool of context.pools) {
    if (pool.state !== 'usable') {
      const state = pool.state === 'incomplete' ? 'being updated' : 'invalid';
      return failed(
        `${where}: asks for all devices, but resource pool ${pool.driver}/${pool.name} is currently ${state}`,
      );
    }
    for (const slice of pool.slices) {
      for (const device of slice.devices) {
        const selectable = isSelectable(planned, { key, slice, device, context });
        if (typeof selectable === 'object') return selectable;
        if (!selectable) continue;
        // Its whole capacity counts here: what others took of it makes the search fail, not the device disappear.
        const enough = hasCapacity({ capacity: device.capacity, requests: planned.ask.capacity, taken: [NO_CAPACITY] });
        if (typeof enough === 'object')
          return failed(`${where}: checking capacity for device ${device.name}: ${enough.error}`);
        if (!enough) continue;
        devices.push({
          id: deviceId({ driver: pool.driver, pool: pool.name, device: device.name }),
          device,
          slice,
          pool,
        });
      }
    }
  }
  return { devices };
}

const NO_CAPACITY: ReadonlyMap<string, bigint> = new Map();
