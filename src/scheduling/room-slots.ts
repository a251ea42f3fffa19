// First fit by numbers over the nodes of a fork in an order of the caller's choice. A slot is a node's place in that order.
// Holds a copy of what is free on the axes that all nodes have, which the caller keeps in step with the fork; what is more than room,
// labels, taints and cordon is the fork's to say. Room only gets less, but for what is given back within one trial.
import type { ForkedSnapshot } from './forked-snapshot.ts';
import type { RoomKind, RoomKinds } from './room-kinds.ts';

interface Free {
  readonly open: Uint8Array;
  readonly cpuMillis: Float64Array;
  readonly memoryBytes: Float64Array;
  readonly ephemeralBytes: Float64Array;
  readonly pods: Float64Array;
}

export class RoomSlots {
  readonly #fork: ForkedSnapshot;
  /** Slot → node index. */
  readonly #order: Int32Array;
  /** Node index → slot; −1: no slot. */
  readonly #slots: Int32Array;
  readonly #free: Free;
  readonly #kinds: RoomKinds;
  /** Per kind: no slot below takes it. */
  readonly #closedBelow: number[] = [];
  #looks = 0;

  /** `order`: node indices, each at most once. Nodes whose amounts are odd get no pods here. */
  constructor(fork: ForkedSnapshot, kinds: RoomKinds, order: readonly number[]) {
    this.#fork = fork;
    this.#kinds = kinds;
    this.#order = Int32Array.from(order);
    this.#slots = new Int32Array(fork.nodeCount).fill(-1);
    const axis = (): Float64Array => new Float64Array(order.length);
    const free = {
      open: new Uint8Array(order.length),
      cpuMillis: axis(),
      memoryBytes: axis(),
      ephemeralBytes: axis(),
      pods: axis(),
    };
    order.forEach((index, slot) => {
      this.#slots[index] = slot;
      if (!fork.isOpen(index) || fork.isOdd(index)) return;
      const [allocatable, requested] = [fork.allocatableOn(index), fork.requestedOn(index)];
      free.open[slot] = 1;
      free.cpuMillis[slot] = allocatable.cpuMillis - requested.cpuMillis;
      free.memoryBytes[slot] = allocatable.memoryBytes - requested.memoryBytes;
      free.ephemeralBytes[slot] = allocatable.ephemeralBytes - requested.ephemeralBytes;
      free.pods[slot] = allocatable.pods - requested.pods;
    });
    this.#free = free;
  }

  /** Slots looked at so far. */
  get looks(): number {
    return this.#looks;
  }

  indexAt(slot: number): number {
    return this.#order[slot] ?? -1;
  }

  slotOf(index: number): number {
    return this.#slots[index] ?? -1;
  }

  /** The lowest slot from `from` up that has room for a pod of the kind and lets it in; −1: none. */
  next(kind: RoomKind, from: number): number {
    for (let slot = Math.max(from, this.closedBelow(kind)); ; slot += 1) {
      const found = firstWithRoom(this.#free, kind, slot);
      this.#looks += (found === -1 ? this.#order.length : found) - slot + 1;
      if (found === -1 || this.#kinds.admits(kind, this.indexAt(found))) return found;
      slot = found;
    }
  }

  /** No slot below takes the kind. */
  closedBelow(kind: RoomKind): number {
    return this.#closedBelow[kind.number] ?? 0;
  }

  /** From now on the search for the kind begins at this slot. */
  setClosedBelow(kind: RoomKind, slot: number): void {
    this.#closedBelow[kind.number] = slot;
  }

  /** A pod of the kind is on the slot from now on. */
  take(slot: number, kind: RoomKind): void {
    this.#change(slot, kind, 1);
  }

  /** Takes back `take`. The caller sets `closedBelow` of the kinds back, where it raised it since. */
  giveBack(slot: number, kind: RoomKind): void {
    this.#change(slot, kind, -1);
  }

  /** Calls `suppose`, and takes back all that it took, closed and opened. */
  supposing<Result>(suppose: () => Result): Result {
    const { open, cpuMillis, memoryBytes, ephemeralBytes, pods } = this.#free;
    const axes = [open, cpuMillis, memoryBytes, ephemeralBytes, pods];
    const [before, closedBelow] = [axes.map((axis) => axis.slice()), this.#closedBelow.slice()];
    const result = suppose();
    axes.forEach((axis, number) => axis.set(before[number] ?? []));
    closedBelow.forEach((slot, kind) => (this.#closedBelow[kind] = slot));
    this.#closedBelow.length = closedBelow.length;
    return result;
  }

  /** The node takes pods no more, or again as before. */
  setOpen(slot: number, open: boolean): void {
    this.#free.open[slot] = open && !this.#fork.isOdd(this.indexAt(slot)) ? 1 : 0;
  }

  #change(slot: number, kind: RoomKind, times: 1 | -1): void {
    const { cpuMillis, memoryBytes, ephemeralBytes, pods } = this.#free;
    cpuMillis[slot] = (cpuMillis[slot] ?? 0) - times * kind.cpuMillis;
    memoryBytes[slot] = (memoryBytes[slot] ?? 0) - times * kind.memoryBytes;
    ephemeralBytes[slot] = (ephemeralBytes[slot] ?? 0) - times * kind.ephemeralBytes;
    pods[slot] = (pods[slot] ?? 0) - times;
  }
}

/** Arrays and numbers only; a request of nothing fits where the axis is over-full, as in the scheduler. */
function firstWithRoom(free: Free, kind: RoomKind, from: number): number {
  const { open, cpuMillis, memoryBytes, ephemeralBytes, pods } = free;
  const { cpuMillis: cpu, memoryBytes: memory, ephemeralBytes: ephemeral } = kind;
  for (let slot = from; slot < open.length; slot += 1) {
    if (open[slot] !== 1 || (pods[slot] ?? 0) < 1) continue;
    if (cpu > 0 && cpu > (cpuMillis[slot] ?? 0)) continue;
    if (memory > 0 && memory > (memoryBytes[slot] ?? 0)) continue;
    if (ephemeral > 0 && ephemeral > (ephemeralBytes[slot] ?? 0)) continue;
    return slot;
  }
  return -1;
}
