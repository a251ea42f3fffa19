// What one cluster has waiting for its project's budget: by service, writes before reads, else in order. Knows nothing of
// rates; request-budget.ts asks it for the next one.

export interface WaitingRequest {
  /** Grows with every request of the budget. */
  readonly order: number;
  readonly service: string;
  readonly write: boolean;
  /** Starts it at once, within this call. */
  start(): void;
  /** It will not be sent. */
  refuse(error: Error): void;
}

/** Every so many turns of a lane go to whatever has waited longest, so that a stream of writes cannot hold up reads for
 *  ever. */
const TURNS_PER_ELDEST = 4;

interface ServiceQueue {
  readonly writes: WaitingRequest[];
  readonly reads: WaitingRequest[];
}

export class LaneQueue {
  readonly #services = new Map<string, ServiceQueue>();
  readonly #inFlight = new Map<string, number>();
  #waiting = 0;
  #turns = 0;

  get waiting(): number {
    return this.#waiting;
  }

  inFlight(service: string): number {
    return this.#inFlight.get(service) ?? 0;
  }

  /** +1 when one starts, -1 when it has ended. */
  addInFlight(service: string, by: 1 | -1): void {
    this.#inFlight.set(service, this.inFlight(service) + by);
  }

  push(request: WaitingRequest): void {
    const queue = this.#services.get(request.service) ?? { writes: [], reads: [] };
    this.#services.set(request.service, queue);
    (request.write ? queue.writes : queue.reads).push(request);
    this.#waiting += 1;
  }

  /** Takes it out; false: it is not waiting any more. */
  remove(request: WaitingRequest): boolean {
    const queue = this.#services.get(request.service);
    const list = request.write ? queue?.writes : queue?.reads;
    const index = list?.indexOf(request) ?? -1;
    if (list === undefined || index === -1) return false;
    list.splice(index, 1);
    this.#waiting -= 1;
    return true;
  }

  /** The one whose turn it is among the services that have room; it stays in the queue. */
  next(hasRoom: (service: string) => boolean): WaitingRequest | undefined {
    let write: WaitingRequest | undefined;
    let eldest: WaitingRequest | undefined;
    for (const [service, { writes, reads }] of this.#services) {
      if (writes.length + reads.length === 0 || !hasRoom(service)) continue;
      write = older(write, writes[0]);
      eldest = older(older(eldest, writes[0]), reads[0]);
    }
    return this.#turns % TURNS_PER_ELDEST === TURNS_PER_ELDEST - 1 ? eldest : (write ?? eldest);
  }

  /** The turn was used. */
  turn(): void {
    this.#turns += 1;
  }

  /** Everything that waits, for `service` only if it is given; it is taken out. */
  drain(service?: string): readonly WaitingRequest[] {
    const taken: WaitingRequest[] = [];
    for (const [name, queue] of this.#services) {
      if (service !== undefined && name !== service) continue;
      taken.push(...queue.writes.splice(0), ...queue.reads.splice(0));
    }
    this.#waiting -= taken.length;
    return taken;
  }
}

function older(left: WaitingRequest | undefined, right: WaitingRequest | undefined): WaitingRequest | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return left.order < right.order ? left : right;
}
