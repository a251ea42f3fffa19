// When a request to one project may start, and whose turn it is: one rate and one breaker per service for the project, a
// lane with a queue of its own for each cluster that draws on it, the lanes served in turn. Decides nothing about what is
// sent, and sends nothing twice. Times in ms, by the caller's monotonic clock. Above 250 lines because the turn, the limits
// and the ends of requests change the same few numbers.
import { OpenStackError } from './openstack-error.ts';
import { LaneQueue, type WaitingRequest } from './request-lane.ts';
import { type ClientClock, RequestRate } from './request-rate.ts';
import { isThrottling, notSent, outcomeOf, paused, throttled } from './request-outcome.ts';
import { ServiceBreaker, type ServiceOutcome } from './service-breaker.ts';

export type { ClientClock } from './request-rate.ts';

export interface RequestBudgetLimits {
  readonly perSecond: number;
  readonly burst: number;
  /** Per service. */
  readonly inFlightMax: number;
  /** Of one lane, per service, while there are others. */
  readonly laneInFlightMax: number;
  /** Per lane. */
  readonly waitingMax: number;
  readonly writeWaitMsMax: number;
  readonly readWaitMsMax: number;
}

/** OVH allows 20 requests per second and project; half of it leaves the owner of the project and a second process room.
 *  8 in flight: Nova's API runs few workers, and more only queues there; 6 of them for one cluster, so that slow answers
 *  to it leave room for another's. 1024 waiting is a hundred seconds of work: beyond it we are in a loop, so say so.
 *  A write must be answered within the window in which a lost POST is looked for (two minutes), 60 s of which are the
 *  answer's own: so it waits for 30 s. A read is only late. */
export const REQUEST_BUDGET: RequestBudgetLimits = {
  perSecond: 10,
  burst: 20,
  inFlightMax: 8,
  laneInFlightMax: 6,
  waitingMax: 1024,
  writeWaitMsMax: 30_000,
  readWaitMsMax: 120_000,
};

/** A pause that is shorter is waited for; a longer one is told to the callers, who have better to do. */
const PAUSE_WAIT_MS_MAX = 10_000;

export interface RequestTicket {
  readonly service: string;
  /** Writes go before reads of the same lane. */
  readonly write: boolean;
  /** Takes the request out of the queue; what has started is the sender's to cut off. */
  readonly signal?: AbortSignal | undefined;
}

/** What a service client needs of a budget. */
export interface RequestGate {
  /** Runs `request` once it may start, or rejects with an OpenStackError that says `not sent`: `unreachable` when its lane
   *  is full or closed, its signal aborts or its service keeps failing; `refused` with 429 while the project is paused or
   *  after too long a wait. */
  run<T>(request: () => Promise<T>, ticket: RequestTicket): Promise<T>;
}

export type NotSentReason = 'full' | 'paused' | 'late' | 'broken' | 'cancelled';

/** Told of what happens to a lane's requests, for metrics. */
export interface LaneListener {
  started(service: string, waitedMs: number): void;
  notSent(service: string, why: NotSentReason): void;
  /** Of the project, so every lane of it is told. */
  breakerChanged(service: string, open: boolean): void;
}

interface Lane {
  readonly queue: LaneQueue;
  readonly listener: LaneListener | undefined;
}

/** A cluster's share of a budget. */
export interface RequestLane extends RequestGate {
  /** How many of its requests wait. */
  waiting(): number;
  /** Refuses what waits, and everything from now on. */
  close(): void;
}

export class RequestBudget implements RequestGate {
  readonly #clock: ClientClock;
  readonly #limits: RequestBudgetLimits;
  readonly #rate: RequestRate;
  readonly #breakers = new Map<string, ServiceBreaker>();
  readonly #inFlight = new Map<string, number>();
  #lanes: readonly Lane[] = [];
  /** Index of the lane whose turn it is. */
  #turn = 0;
  #order = 0;
  #cancelTimer: (() => void) | undefined;
  #own: RequestLane | undefined;

  constructor(clock: ClientClock, limits: RequestBudgetLimits = REQUEST_BUDGET) {
    this.#clock = clock;
    this.#limits = limits;
    this.#rate = new RequestRate(clock, limits);
  }

  /** A new lane; it takes its turn with the others until it is closed. */
  lane(listener?: LaneListener): RequestLane {
    const lane: Lane = { queue: new LaneQueue(), listener };
    this.#lanes = [...this.#lanes, lane];
    for (const [service, breaker] of this.#breakers) if (breaker.open) listener?.breakerChanged(service, true);
    return {
      run: (request, ticket) => this.#enqueue(lane, request, ticket),
      waiting: () => lane.queue.waiting,
      close: () => this.#closeLane(lane),
    };
  }

  /** For a session that shares with nobody. */
  run<T>(request: () => Promise<T>, ticket: RequestTicket): Promise<T> {
    this.#own ??= this.lane();
    return this.#own.run(request, ticket);
  }

  /** Refuses what waits in any lane. */
  close(): void {
    for (const lane of this.#lanes) this.#closeLane(lane);
  }

  /** Requests a second that are allowed now. */
  perSecond(): number {
    return this.#rate.pausedMs() > 0 ? 0 : this.#rate.perSecond();
  }

  #enqueue<T>(lane: Lane, request: () => Promise<T>, ticket: RequestTicket): Promise<T> {
    const { service, signal, write } = ticket;
    const refusal = this.#refusal(lane, ticket);
    if (refusal !== undefined) {
      lane.listener?.notSent(service, refusal.why);
      return Promise.reject(refusal.error);
    }
    const queuedMs = this.#clock.monotonicMs();
    const waitMsMax = write ? this.#limits.writeWaitMsMax : this.#limits.readWaitMsMax;
    return new Promise<T>((resolve, reject) => {
      const stopWaiting = (): void => {
        cancelTimer();
        signal?.removeEventListener('abort', cancel);
      };
      const waiting: WaitingRequest = {
        order: this.#order++,
        service,
        write,
        start: () => {
          stopWaiting();
          lane.listener?.started(service, this.#clock.monotonicMs() - queuedMs);
          resolve(this.#perform(lane, request, ticket));
        },
        refuse: (error) => {
          stopWaiting();
          reject(error);
        },
      };
      const giveUp = (why: NotSentReason, error: OpenStackError): void => {
        if (!lane.queue.remove(waiting)) return;
        lane.listener?.notSent(service, why);
        waiting.refuse(error);
      };
      const cancel = (): void => giveUp('cancelled', notSent(service, 'the caller gave up'));
      const cancelTimer = this.#clock.setTimer(waitMsMax, () =>
        giveUp('late', throttled(service, `it waited ${waitMsMax / 1000} s for its turn`)),
      );
      signal?.addEventListener('abort', cancel, { once: true });
      lane.queue.push(waiting);
      this.#startSome();
    });
  }

  /** Why a request is not even queued. */
  #refusal(
    lane: Lane,
    { service, signal }: RequestTicket,
  ): { readonly why: NotSentReason; readonly error: OpenStackError } | undefined {
    if (signal?.aborted === true) return { why: 'cancelled', error: notSent(service, 'the caller gave up') };
    if (!this.#lanes.includes(lane)) return { why: 'cancelled', error: notSent(service, 'the session is closed') };
    const { waitingMax } = this.#limits;
    if (lane.queue.waiting >= waitingMax) {
      return { why: 'full', error: notSent(service, `${waitingMax} requests of this cluster wait already`) };
    }
    const pausedMs = this.#rate.pausedMs();
    if (pausedMs > PAUSE_WAIT_MS_MAX) return { why: 'paused', error: paused(service, pausedMs) };
    const refusesMs = this.#breakers.get(service)?.refusesMs(this.#clock.monotonicMs()) ?? 0;
    return refusesMs > 0 ? { why: 'broken', error: this.#broken(service, refusesMs) } : undefined;
  }

  #broken(service: string, afterMs: number): OpenStackError {
    const failures = this.#breakers.get(service)?.failures ?? 0;
    const why = `the service failed ${failures} times in a row, and is asked again in ${Math.ceil(afterMs / 1000)} s`;
    return new OpenStackError('unreachable', `${service}: not sent: ${why}`, { service, retryAfterMs: afterMs });
  }

  #startSome(): void {
    for (;;) {
      const next = this.#next();
      if (next === undefined) return;
      const refusesMs = this.#breakerOf(next.request.service).refusesMs(this.#clock.monotonicMs());
      if (refusesMs > 0) {
        this.#refuseAll(next.request.service, 'broken', () => this.#broken(next.request.service, refusesMs));
        continue;
      }
      if (!this.#rate.take()) {
        this.#wakeAt(this.#rate.waitMs());
        return;
      }
      next.lane.queue.remove(next.request);
      next.lane.queue.turn();
      this.#turn = next.index + 1;
      next.request.start();
    }
  }

  /** The first lane from the one whose turn it is that has something which may start. */
  #next(): { readonly lane: Lane; readonly index: number; readonly request: WaitingRequest } | undefined {
    const count = this.#lanes.length;
    for (let step = 0; step < count; step += 1) {
      const index = (this.#turn + step) % count;
      const lane = this.#lanes[index];
      if (lane === undefined || lane.queue.waiting === 0) continue;
      const request = lane.queue.next((service) => this.#hasRoom(lane, service));
      if (request !== undefined) return { lane, index, request };
    }
    return undefined;
  }

  #hasRoom(lane: Lane, service: string): boolean {
    const { inFlightMax, laneInFlightMax } = this.#limits;
    if ((this.#inFlight.get(service) ?? 0) >= inFlightMax) return false;
    return this.#lanes.length === 1 || lane.queue.inFlight(service) < laneInFlightMax;
  }

  async #perform<T>(lane: Lane, request: () => Promise<T>, ticket: RequestTicket): Promise<T> {
    const { service } = ticket;
    const breaker = this.#breakerOf(service);
    const sentMs = this.#clock.monotonicMs();
    const probe = breaker.admit(sentMs).kind === 'probe';
    const ended = (outcome: ServiceOutcome): void => {
      const wasOpen = breaker.open;
      breaker.record(outcome, { probe, nowMs: this.#clock.monotonicMs() });
      if (breaker.open !== wasOpen) {
        for (const { listener } of this.#lanes) listener?.breakerChanged(service, breaker.open);
      }
    };
    this.#countInFlight(lane, service, 1);
    try {
      const answer = await request();
      ended('answered');
      return answer;
    } catch (error) {
      ended(ticket.signal?.aborted === true ? 'unclear' : outcomeOf(error));
      if (error instanceof OpenStackError && isThrottling(error)) this.#throttle(error, sentMs);
      throw error;
    } finally {
      this.#countInFlight(lane, service, -1);
      this.#startSome();
    }
  }

  #throttle(error: OpenStackError, sentMs: number): void {
    this.#rate.throttled(error.retryAfterMs, sentMs);
    const pausedMs = this.#rate.pausedMs();
    if (pausedMs > PAUSE_WAIT_MS_MAX) this.#refuseAll(undefined, 'paused', (service) => paused(service, pausedMs));
  }

  #refuseAll(service: string | undefined, why: NotSentReason, errorOf: (service: string) => OpenStackError): void {
    for (const { queue, listener } of this.#lanes) {
      for (const request of queue.drain(service)) {
        listener?.notSent(request.service, why);
        request.refuse(errorOf(request.service));
      }
    }
  }

  #closeLane(lane: Lane): void {
    this.#lanes = this.#lanes.filter((other) => other !== lane);
    for (const request of lane.queue.drain()) request.refuse(notSent(request.service, 'the session is closed'));
    if (this.#lanes.length > 0) return this.#startSome();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #wakeAt(afterMs: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#clock.setTimer(afterMs, () => {
      this.#cancelTimer = undefined;
      this.#startSome();
    });
  }

  #breakerOf(service: string): ServiceBreaker {
    const breaker = this.#breakers.get(service) ?? new ServiceBreaker();
    this.#breakers.set(service, breaker);
    return breaker;
  }

  #countInFlight(lane: Lane, service: string, by: 1 | -1): void {
    this.#inFlight.set(service, (this.#inFlight.get(service) ?? 0) + by);
    lane.queue.addInFlight(service, by);
  }
}
