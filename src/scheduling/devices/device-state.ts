// Which devices claims have, and how much of those that are shared. Counts, so that what is given is taken back exactly.
import type { AllocatedDevice } from '../../cluster/device-objects.ts';
import type { Consumed } from './capacity.ts';

/** One device of the cluster. Neither drivers nor devices have a slash in their names, so the text is unambiguous. */
export function deviceId(of: { readonly driver: string; readonly pool: string; readonly device: string }): string {
  return `${of.driver}/${of.pool}/${of.device}`;
}

export class DeviceState {
  /** Device → claims that have it for themselves. */
  readonly #owners = new Map<string, number>();
  /** Device → shares of it. */
  readonly #shares = new Map<string, number>();
  readonly #consumed = new Map<string, Map<string, bigint>>();

  /** One claim has it for itself. */
  isOwned(id: string): boolean {
    return this.#owners.has(id);
  }

  isShared(id: string): boolean {
    return this.#shares.has(id);
  }

  isTaken(id: string): boolean {
    return this.#owners.has(id) || this.#shares.has(id);
  }

  consumedOf(id: string): Consumed | undefined {
    return this.#consumed.get(id);
  }

  /** The devices of an allocation are given (1) or taken back (−1). With admin access a device stays free. */
  count(devices: readonly AllocatedDevice[], by: 1 | -1): void {
    for (const one of devices) {
      if (one.adminAccess) continue;
      const id = deviceId(one);
      if (one.shareId === undefined) {
        add(this.#owners, id, by);
        continue;
      }
      add(this.#shares, id, by);
      for (const [name, { nanos }] of one.consumedCapacity ?? [])
        this.#consume(id, { name, nanos: nanos * BigInt(by) });
    }
  }

  #consume(id: string, { name, nanos }: { readonly name: string; readonly nanos: bigint }): void {
    const consumed = this.#consumed.get(id) ?? new Map<string, bigint>();
    this.#consumed.set(id, consumed);
    consumed.set(name, (consumed.get(name) ?? 0n) + nanos);
  }
}

function add(counts: Map<string, number>, id: string, by: 1 | -1): void {
  const count = (counts.get(id) ?? 0) + by;
  if (count === 0) counts.delete(id);
  else counts.set(id, count);
}
