// How fast one project is asked: a token bucket and a cap on requests in flight, first come first served.
// Decides only when a request may start. Times in ms, by the caller's monotonic clock.
import { OpenStackError } from './openstack-error.ts';

/** The part of a clock that this client needs; timers are cancelled by the returned function. */
export interface ClientClock {
  monotonicMs(): number;
  setTimer(afterMs: number, run: () => void): () => void;
}

export interface RequestBudgetLimits {
  readonly perSecond: number;
  readonly burst: number;
  readonly inFlightMax: number;
  readonly waitingMax: number;
}

/** OVH allows 20 requests per second and project; half of it leaves the owner of the project and a second cluster room.
 *  8 in flight: Nova's API runs few workers, and more only queues there. 4096 waiting is minutes of work: beyond it we are
 *  in a loop, so say so. */
export const REQUEST_BUDGET: RequestBudgetLimits = { perSecond: 10, burst: 20, inFlightMax: 8, waitingMax: 4096 };

export interface RequestTicket {
  readonly service: string;
  readonly write: boolean;
  /** Takes the request out of the queue; what has started is the sender's to cut off. */
  readonly signal?: AbortSignal | undefined;
}

/** What a service client needs of a budget. */
export interface RequestGate {
  /** Runs `request` once it may start, or rejects with an OpenStackError that says `not sent`. */
  run<T>(request: () => Promise<T>, ticket: RequestTicket): Promise<T>;
}

export class RequestBudget implements RequestGate {
  readonly #clock: ClientClock;
  readonly #limits: RequestBudgetLimits;
  readonly #waiting: (() => void)[] = [];
  #tokens: number;
  #filledMs: number;
  #inFlight = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: ClientClock, limits: RequestBudgetLimits = REQUEST_BUDGET) {
    this.#clock = clock;
    this.#limits = limits;
    this.#tokens = limits.burst;
    this.#filledMs = clock.monotonicMs();
  }

  /** Runs `request` once it may start; rejects with `unreachable` when too many wait already. */
  async run<T>(request: () => Promise<T>, ticket?: RequestTicket): Promise<T> {
    if (this.#waiting.length >= this.#limits.waitingMax) {
      const limit = this.#limits.waitingMax;
      throw new OpenStackError('unreachable', `not sent: ${limit} requests wait for this project already`);
    }
    await this.#turn(ticket?.signal);
    try {
      return await request();
    } finally {
      this.#inFlight -= 1;
      this.#startSome();
    }
  }

  /** Lets nothing wait on a timer any more; what waits is started, to fail on the closed connections. */
  close(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const start of this.#waiting.splice(0)) {
      this.#inFlight += 1;
      start();
    }
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise<void>((start, reject) => {
      const leave = (): void => {
        const index = this.#waiting.indexOf(begin);
        if (index === -1) return;
        this.#waiting.splice(index, 1);
        reject(new OpenStackError('unreachable', 'not sent: cut off by the caller'));
      };
      const begin = (): void => {
        signal?.removeEventListener('abort', leave);
        start();
      };
      this.#waiting.push(begin);
      signal?.addEventListener('abort', leave, { once: true });
      if (signal?.aborted === true) leave();
      this.#startSome();
    });
  }

  #startSome(): void {
    this.#fill();
    while (this.#waiting.length > 0 && this.#inFlight < this.#limits.inFlightMax && this.#tokens >= 1) {
      this.#tokens -= 1;
      this.#inFlight += 1;
      this.#waiting.shift()?.();
    }
    const starved = this.#waiting.length > 0 && this.#tokens < 1;
    if (!starved || this.#cancelTimer !== undefined) return;
    const waitMs = Math.ceil(((1 - this.#tokens) * 1000) / this.#limits.perSecond);
    this.#cancelTimer = this.#clock.setTimer(waitMs, () => {
      this.#cancelTimer = undefined;
      this.#startSome();
    });
  }

  #fill(): void {
    const nowMs = this.#clock.monotonicMs();
    const gained = ((nowMs - this.#filledMs) * this.#limits.perSecond) / 1000;
    this.#tokens = Math.min(this.#limits.burst, this.#tokens + gained);
    this.#filledMs = nowMs;
  }
}
