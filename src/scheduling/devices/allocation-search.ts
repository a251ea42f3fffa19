// The search for devices for all claims of a pod together on one node: the first complete solution, request by request,
// device by device, going back where it gets stuck. The order is that of the scheduler, so that its solution is ours.
// Source: structured/internal/incubating/allocator_incubating.go, v0.37.1 (the allocator of that version's default gates).
// Above 250 lines: one recursion and the state that it shares.
import type { NodeSelectorTerm, Requirement } from '../../cluster/cluster-objects.ts';
import type { AllocatedDevice, ClaimAllocation, DeviceAsk, DeviceTaint } from '../../cluster/device-objects.ts';
import { type AllocationFault, cannotSay, failed } from './allocation-fault.ts';
import {
  type AllocationContext,
  CLAIM_DEVICES_MAX,
  isSelectable,
  type PlacedDevice,
  type PlannedAsk,
  type PlannedClaim,
} from './allocation-plan.ts';
import { type Consumed, consumedBy, hasCapacity } from './capacity.ts';
import type { Candidate } from './constraints.ts';
import { Counters } from './counters.ts';
import type { DeviceState } from './device-state.ts';

/** Devices looked at for one pod on one node. The scheduler gives up after 10 seconds; a pod of 32 requests over a node of
 *  16 devices takes some hundred steps, a search that never ends meets this after about 50 ms. */
export const SEARCH_STEPS_MAX = 50_000;

/** `tooMany`: more devices than a claim can hold, whatever is tried further on. */
type Outcome = 'done' | 'none' | 'tooMany' | AllocationFault;

interface Position {
  readonly claim: number;
  readonly request: number;
  /** Of the alternatives of the request. */
  readonly ask: number;
  readonly device: number;
}

/** Devices before this one were tried for the request already. */
interface Start {
  readonly pool: number;
  readonly slice: number;
  readonly device: number;
}

/** A device given to a claim, with what has to be undone. */
interface Given {
  readonly ask: DeviceAsk;
  readonly placed: PlacedDevice;
  readonly candidate: Candidate;
  readonly countersTaken: boolean;
  readonly constraintsAdded: number;
  readonly marked: boolean;
  /** Of a share of a device that several may use. */
  readonly consumed: Consumed | undefined;
}

const FROM_THE_FIRST: Start = { pool: 0, slice: 0, device: 0 };

export class AllocationSearch {
  readonly #context: AllocationContext;
  readonly #claims: readonly PlannedClaim[];
  readonly #state: DeviceState;
  readonly #counters: Counters;
  readonly #given: Given[][];
  /** Device → claims that it was given to in this search. */
  readonly #taken = new Map<string, Set<number>>();
  /** Shares given in this search: device → what each took. */
  readonly #shares = new Map<string, Consumed[]>();
  #steps = 0;

  constructor(
    claims: readonly PlannedClaim[],
    of: { readonly context: AllocationContext; readonly state: DeviceState },
  ) {
    this.#context = of.context;
    this.#claims = claims;
    this.#state = of.state;
    this.#counters = new Counters(of.state);
    this.#given = claims.map(() => []);
  }

  get steps(): number {
    return this.#steps;
  }

  /** One allocation per claim; 'none': they cannot be had together. */
  run(): readonly ClaimAllocation[] | 'none' | AllocationFault {
    const outcome = this.#next({ claim: 0, request: 0, ask: 0, device: 0 });
    if (typeof outcome === 'object') return outcome;
    if (outcome === 'tooMany') return failed('allocation max size exceeded');
    if (outcome === 'none') {
      if (!this.#context.pools.some((pool) => pool.state === 'invalid')) return 'none';
      return { kind: 'node', message: 'invalid resource pools were encountered' };
    }
    const allocations: ClaimAllocation[] = [];
    for (const [index, given] of this.#given.entries()) {
      const nodeSelector = nodeSelectorOf(given, this.#context.node.name);
      if (nodeSelector !== undefined && 'kind' in nodeSelector) {
        return failed(
          `create NodeSelector for claim ${this.#claims[index]?.claim.name ?? ''}: ${nodeSelector.message}`,
        );
      }
      allocations.push({ devices: given.map(resultOf), nodeSelector, allocatedMs: 0 });
    }
    return allocations;
  }

  /** The next device that is needed, from here to the end. */
  #next(at: Position, chosen = false, start: Start = FROM_THE_FIRST): Outcome {
    this.#steps += 1;
    const claim = this.#claims[at.claim];
    if (claim === undefined) return 'done';
    const request = claim.requests[at.request];
    if (request === undefined) {
      const outcome = this.#next({ claim: at.claim + 1, request: 0, ask: 0, device: 0 });
      // An earlier claim with other alternatives may leave this one something that needs fewer devices.
      return outcome === 'tooMany' ? 'none' : outcome;
    }
    if (request.choice && !chosen) return this.#firstAvailable(at, request.asks.length);
    const planned = request.asks[at.ask];
    if (planned === undefined) return 'none';
    if (planned.all?.length === 0) return 'none';
    if (at.device >= planned.count) return this.#next({ claim: at.claim, request: at.request + 1, ask: 0, device: 0 });
    const left = CLAIM_DEVICES_MAX - (this.#given[at.claim]?.length ?? 0);
    if (planned.count - at.device > left) return 'tooMany';
    return planned.all === undefined
      ? this.#anyDevice({ claim, planned, at }, chosen, start)
      : this.#thisDevice({ claim, planned, at }, chosen, planned.all[at.device]);
  }

  #firstAvailable(at: Position, asks: number): Outcome {
    let allTooMany = true;
    for (let ask = 0; ask < asks; ask += 1) {
      const outcome = this.#next({ ...at, ask }, true);
      if (outcome === 'tooMany') continue;
      allTooMany = false;
      if (outcome !== 'none') return outcome;
    }
    return allTooMany ? 'tooMany' : 'none';
  }

  /** All devices are needed, in whatever order: one that cannot be had ends it. */
  #thisDevice(of: Asked, chosen: boolean, placed: PlacedDevice | undefined): Outcome {
    if (placed === undefined) return 'none';
    const given = this.#give(of, placed, true);
    if (typeof given === 'object') return given;
    if (!given) return 'none';
    const outcome = this.#next({ ...of.at, device: of.at.device + 1 }, chosen);
    if (outcome !== 'done') this.#takeBack(of.at.claim);
    return outcome;
  }

  #anyDevice(of: Asked, chosen: boolean, start: Start): Outcome {
    const { pools } = this.#context;
    for (let poolIndex = start.pool; poolIndex < pools.length; poolIndex += 1) {
      const pool = pools[poolIndex];
      if (pool === undefined || pool.state !== 'usable') continue;
      const samePool = poolIndex === start.pool;
      for (let sliceIndex = samePool ? start.slice : 0; sliceIndex < pool.slices.length; sliceIndex += 1) {
        const slice = pool.slices[sliceIndex];
        if (slice === undefined) continue;
        const first = samePool && sliceIndex === start.slice ? start.device : 0;
        for (let deviceIndex = first; deviceIndex < slice.devices.length; deviceIndex += 1) {
          const device = slice.devices[deviceIndex];
          if (device === undefined) continue;
          this.#steps += 1;
          if (this.#steps > SEARCH_STEPS_MAX) {
            return cannotSay(`the search for devices was given up after ${SEARCH_STEPS_MAX} steps`);
          }
          const placed = { id: `${pool.driver}/${pool.name}/${device.name}`, device, slice, pool };
          const usable = this.#isUsable(of, placed);
          if (typeof usable === 'object') return usable;
          if (!usable) continue;
          const given = this.#give(of, placed, false);
          if (typeof given === 'object') return given;
          if (!given) continue;
          const next = { pool: poolIndex, slice: sliceIndex, device: deviceIndex + 1 };
          const outcome = this.#next({ ...of.at, device: of.at.device + 1 }, chosen, next);
          if (outcome === 'done') return outcome;
          this.#takeBack(of.at.claim);
          if (outcome !== 'none') return outcome;
        }
      }
    }
    return 'none';
  }

  /** Not in use, selected, and with enough capacity left. */
  #isUsable({ claim, planned, at }: Asked, { id, device, slice }: PlacedDevice): boolean | AllocationFault {
    const { ask } = planned;
    if (ask.adminAccess ? this.#taken.get(id)?.has(at.claim) : this.#isInUse(id)) return false;
    const selectable = isSelectable(planned, { key: claim.key, slice, device, context: this.#context });
    if (selectable !== true) return selectable;
    const enough = this.#hasCapacity(ask, { id, device });
    if (typeof enough !== 'object') return enough;
    return failed(`claim ${claim.key}, request ${ask.name}: checking capacity for device ${id}: ${enough.error}`);
  }

  /** Gives the device to the claim, when counters, taints and constraints allow it. `must`: without it there is no solution. */
  #give({ claim, planned, at }: Asked, placed: PlacedDevice, must: boolean): boolean | AllocationFault {
    const { ask, parent } = planned;
    const { id, device } = placed;
    const sharable = device.allowMultipleAllocations;
    if (!sharable && ask.adminAccess && this.#taken.get(id)?.has(at.claim) === true) return false;
    if (!ask.adminAccess && this.#isInUse(id)) return false;
    // The counters of a device that is shared already are taken; a further share takes none.
    const countersTaken = device.consumesCounters.length > 0 && !(sharable && this.#isShared(id));
    if (countersTaken && !this.#counters.take(placed)) return false;
    const candidate: Candidate = {
      request: parent === '' ? ask.name : parent,
      alternative: parent === '' ? '' : ask.name,
      device,
      driver: placed.slice.driver,
    };
    const undo = { ask, placed, candidate, countersTaken, constraintsAdded: 0, marked: false, consumed: undefined };
    if (isTainted(device.taints, ask)) {
      this.#undo(at.claim, undo);
      return false;
    }
    let constraintsAdded = 0;
    for (const constraint of claim.constraints) {
      if (!constraint.add(candidate)) {
        this.#undo(at.claim, { ...undo, constraintsAdded });
        if (!must) return false;
        return failed(
          `claim ${claim.key}, request ${ask.name}: cannot add device ${id} because a claim constraint would not be satisfied`,
        );
      }
      constraintsAdded += 1;
    }
    const enough = this.#hasCapacity(ask, placed);
    const taken = sharable ? consumedBy(device.capacity, ask.capacity) : undefined;
    if (enough !== true || (taken !== undefined && 'error' in taken)) {
      this.#undo(at.claim, { ...undo, constraintsAdded });
      if (typeof enough !== 'object') return false;
      return failed(`claim ${claim.key}, request ${ask.name}: rechecking capacity for device ${id}: ${enough.error}`);
    }
    const consumed =
      taken && 'of' in taken ? new Map([...taken.of].map(([name, { nanos }]) => [name, nanos])) : undefined;
    if (!sharable) this.#mark(id, at.claim);
    if (consumed !== undefined) this.#shares.set(id, [...(this.#shares.get(id) ?? []), consumed]);
    this.#given[at.claim]?.push({ ...undo, constraintsAdded, marked: !sharable, consumed });
    return true;
  }

  /** The last device that the claim was given. */
  #takeBack(claim: number): void {
    const given = this.#given[claim]?.pop();
    if (given !== undefined) this.#undo(claim, given);
  }

  #undo(claim: number, given: Given): void {
    const { id } = given.placed;
    if (given.consumed !== undefined) {
      const shares = this.#shares.get(id)?.slice(0, -1) ?? [];
      if (shares.length === 0) this.#shares.delete(id);
      else this.#shares.set(id, shares);
    }
    if (given.marked) this.#taken.get(id)?.delete(claim);
    const constraints = this.#claims[claim]?.constraints ?? [];
    for (let at = given.constraintsAdded - 1; at >= 0; at -= 1) constraints[at]?.remove(given.candidate);
    if (given.countersTaken) this.#counters.giveBack(given.placed);
  }

  #mark(id: string, claim: number): void {
    const claims = this.#taken.get(id) ?? new Set<number>();
    this.#taken.set(id, claims);
    claims.add(claim);
  }

  #isInUse(id: string): boolean {
    return this.#state.isOwned(id) || (this.#taken.get(id)?.size ?? 0) > 0;
  }

  #isShared(id: string): boolean {
    return this.#state.isShared(id) || this.#shares.has(id);
  }

  #hasCapacity(ask: DeviceAsk, { id, device }: Pick<PlacedDevice, 'id' | 'device'>): ReturnType<typeof hasCapacity> {
    if (device.capacity.size === 0 && ask.capacity.size === 0) return true;
    const taken = [this.#state.consumedOf(id), ...(this.#shares.get(id) ?? [])];
    return hasCapacity({ capacity: device.capacity, requests: ask.capacity, taken });
  }
}

interface Asked {
  readonly claim: PlannedClaim;
  readonly planned: PlannedAsk;
  readonly at: Position;
}

/** Some taint keeps the request away. */
function isTainted(taints: readonly DeviceTaint[], { tolerations }: DeviceAsk): boolean {
  return taints.some(
    (taint) =>
      (taint.effect === 'NoSchedule' || taint.effect === 'NoExecute') &&
      !tolerations.some(
        ({ key, value, effect, operator }) =>
          (effect === '' || effect === taint.effect) &&
          (key === '' || key === taint.key) &&
          (operator === 'Exists' || ((operator === '' || operator === 'Equal') && value === taint.value)),
      ),
  );
}

function resultOf({ ask, placed, consumed }: Given): AllocatedDevice {
  const { device, pool } = placed;
  return {
    driver: pool.driver,
    pool: pool.name,
    device: device.name,
    adminAccess: ask.adminAccess,
    shareId: consumed === undefined ? undefined : 'share',
    consumedCapacity:
      consumed === undefined
        ? undefined
        : new Map([...consumed].map(([name, nanos]) => [name, { nanos, exponent: undefined }])),
    // What was given just now is not bound yet, and nothing says that it failed.
    bindingConditions: undefined,
    bindingFailureConditions: [],
    skipsNodeOperations: false,
  };
}

/** The nodes from which all of these devices can be used; undefined: every node. */
function nodeSelectorOf(
  given: readonly Given[],
  nodeName: string,
): readonly NodeSelectorTerm[] | undefined | AllocationFault {
  const fields: Requirement[] = [];
  const expressions: Requirement[] = [];
  for (const { placed } of given) {
    const { slice, device } = placed;
    const place = slice.perDeviceNodeSelection ? device : slice;
    if (place.nodeName !== undefined || device.bindsToNode) {
      return [{ fields: [{ key: 'metadata.name', operator: 'In', values: [nodeName] }], expressions: [] }];
    }
    const terms = place.nodeSelector ?? [];
    if (terms.length > 1) return failed(`unsupported ResourceSlice.NodeSelector with ${terms.length} terms`);
    for (const term of terms) {
      fields.push(...term.fields);
      expressions.push(...term.expressions);
    }
  }
  return fields.length + expressions.length === 0 ? undefined : [{ fields, expressions }];
}
