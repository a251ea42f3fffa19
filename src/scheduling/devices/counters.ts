// Counters that devices of one pool share (partitionable devices): what is left of them, and what a search has taken.
// Source: checkAvailableCounters of structured/internal/incubating/allocator_incubating.go, v0.37.1. In billionths.
import type { Device } from '../../cluster/device-objects.ts';
import type { PlacedDevice } from './allocation-plan.ts';
import type { DevicePool } from './device-pools.ts';
import { deviceId, type DeviceState } from './device-state.ts';

/** Set → counter → amount. */
type Amounts = Map<string, Map<string, bigint>>;

interface PoolCounters {
  /** Less what allocated devices take, which may be below zero. */
  readonly available: Amounts;
  readonly taken: Amounts;
}

export class Counters {
  readonly #state: DeviceState;
  readonly #pools = new Map<DevicePool, PoolCounters>();

  constructor(state: DeviceState) {
    this.#state = state;
  }

  /** Takes what the device consumes; false: that is more than there is, of these or of any counter of the pool. */
  take({ device, pool }: PlacedDevice): boolean {
    const counters = this.#pools.get(pool) ?? { available: this.#available(pool), taken: new Map() };
    this.#pools.set(pool, counters);
    consume(counters.taken, device, 1n);
    for (const [set, available] of counters.available) {
      const taken = counters.taken.get(set);
      for (const [name, amount] of available) {
        if (amount >= (taken?.get(name) ?? 0n)) continue;
        consume(counters.taken, device, -1n);
        return false;
      }
    }
    return true;
  }

  giveBack({ device, pool }: PlacedDevice): void {
    const counters = this.#pools.get(pool);
    if (counters !== undefined) consume(counters.taken, device, -1n);
  }

  #available(pool: DevicePool): Amounts {
    const available: Amounts = new Map([...pool.counters].map(([set, counters]) => [set, new Map(counters)]));
    for (const slice of [...pool.slices, ...pool.otherSlices]) {
      for (const device of slice.devices) {
        if (device.consumesCounters.length === 0) continue;
        const id = deviceId({ driver: pool.driver, pool: pool.name, device: device.name });
        if (this.#state.isTaken(id)) consume(available, device, -1n);
      }
    }
    return available;
  }
}

function consume(amounts: Amounts, device: Device, by: bigint): void {
  for (const { counterSet, counters } of device.consumesCounters) {
    const set = amounts.get(counterSet) ?? new Map<string, bigint>();
    amounts.set(counterSet, set);
    for (const [name, { nanos }] of counters) set.set(name, (set.get(name) ?? 0n) + nanos * by);
  }
}
