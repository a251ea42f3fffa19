// One coordination.k8s.io/v1 Lease: who may write. Others' wall clocks are never trusted: a Lease counts as abandoned
// when its record has not changed for its whole duration on our own monotonic clock. We stop calling it ours when the
// last renewal that worked was SENT longer ago than the renew deadline; as that is shorter than the duration, the
// Lease cannot have moved by then. leaseTransitions is the epoch: it grows with every new holder, and over what the
// claims say, as nobody may write a claim of a later epoch than his own.
import type { Clock, LeaseHandle, LeaseState, Random, Telemetry } from '../controllers/ports.ts';
import { isPortError } from '../controllers/port-errors.ts';
import { getObject, type ObjectAddress } from './api-requests.ts';
import { microTime } from './event-recorder.ts';
import { field, textAt } from './raw-fields.ts';
import { RESOURCES, resourcePath } from './resource-path.ts';
import type { Transport } from './transport.ts';

/** client-go's well-proven numbers: a lost leader is replaced within 15 s + 2 s. */
const LEASE_DURATION_MS = 15_000;
const RENEW_DEADLINE_MS = 10_000;
const RETRY_MS = 2_000;
/** Three renewals before the deadline; a thousand Leases cost 300 requests a second at this. */
const RENEW_EVERY_MS = 3_300;
/** Renewals spread over this much more, so that the Leases of one replica do not come in step. */
const JITTER = 0.2;
/** Below the retry, so that a hung request leaves time for another before the deadline. */
const REQUEST_TIMEOUT_MS = 3_000;
/** A record may ask us to wait for longer than we would, within reason. */
const DURATION_MS_MAX = 60_000;
const RELEASED_DURATION_S = 1;

interface Observed {
  /** Everything that a renewal changes, as one text. */
  readonly record: string;
  readonly changedMs: number;
  readonly raw: unknown;
}

export class Lease implements LeaseHandle {
  readonly #transport: Transport;
  readonly #address: ObjectAddress;
  readonly #identity: string;
  readonly #epochFloor: () => number;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #telemetry: Telemetry;
  readonly #listeners = new Set<(state: LeaseState) => void>();
  #observed: Observed | undefined;
  /** Set while we believe to hold it. */
  #held: { readonly epoch: number; readonly renewedMs: number } | undefined;
  /** The newest record that we know of is one that this handle wrote. */
  #wroteLast = false;
  #told: LeaseState = { held: false, epoch: 0, holder: '' };
  #cancelTurn: (() => void) | undefined;
  #cancelDeadline: (() => void) | undefined;
  #turn: Promise<void> = Promise.resolve();
  #ended = false;

  /** Starts at once to try for it. `identity` must belong to one running process alone: a pod's name does. */
  constructor(options: {
    readonly transport: Transport;
    readonly namespace: string;
    readonly name: string;
    readonly identity: string;
    /** As at ManagementPlane.openLease. */
    readonly epochFloor: () => number;
    readonly clock: Clock;
    readonly random: Random;
    readonly telemetry: Telemetry;
  }) {
    this.#transport = options.transport;
    this.#address = { resource: RESOURCES.leases, namespace: options.namespace, name: options.name };
    this.#identity = options.identity;
    this.#epochFloor = options.epochFloor;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#telemetry = options.telemetry;
    this.#schedule(0);
  }

  /** Judged at the moment of asking, so that a stalled timer cannot make it true for too long. */
  state(): LeaseState {
    const held = this.#held;
    if (held !== undefined && this.#clock.monotonicMs() - held.renewedMs < RENEW_DEADLINE_MS) {
      return { held: true, epoch: held.epoch, holder: this.#identity };
    }
    const raw = this.#observed?.raw;
    return { held: false, epoch: transitionsOf(raw), holder: textAt(raw, 'spec', 'holderIdentity') ?? '' };
  }

  /** Called when any part of the state changes. */
  subscribe(listener: (state: LeaseState) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Ends this handle for good. When the Lease is ours it is given up; a failure to say so is logged, as the Lease then
   *  runs out by itself. */
  async release(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelTurn?.();
    this.#cancelDeadline?.();
    this.#held = undefined;
    this.#tell();
    // A turn that is under way may still take or renew it.
    await this.#turn;
    const raw = this.#observed?.raw;
    if (this.#wroteLast) {
      const durationSeconds = RELEASED_DURATION_S;
      try {
        this.#observe(await this.#write(raw, { holder: '', epoch: transitionsOf(raw), durationSeconds }));
      } catch (error) {
        this.#logFailure(error, 'lease not released: it runs out by itself');
      }
    }
    this.#tell();
  }

  #schedule(afterMs: number): void {
    if (this.#ended) return;
    this.#cancelTurn = this.#clock.setTimer(afterMs, () => {
      this.#turn = this.#takeTurn();
    });
  }

  async #takeTurn(): Promise<void> {
    let renewed = false;
    try {
      renewed = await this.#tryOnce();
    } catch (error) {
      this.#logFailure(error, 'lease not renewed');
    }
    this.#tell();
    const everyMs = renewed ? RENEW_EVERY_MS : RETRY_MS;
    this.#schedule(Math.round(everyMs * (1 + JITTER * this.#random.fraction())));
  }

  /** Renews what is ours, takes what is free; false when it is somebody else's or was lost to one. */
  async #tryOnce(): Promise<boolean> {
    const held = this.#held;
    const known = this.#observed;
    // While ours, the record we wrote is the newest: no read is needed, a conflict tells when that was wrong.
    const raw = held === undefined || known === undefined ? await this.#read() : known.raw;
    const nowMs = this.#clock.monotonicMs();
    if (raw !== undefined && held === undefined && !this.#isFree(raw, nowMs)) return false;
    const epoch = held?.epoch ?? Math.max(raw === undefined ? -1 : transitionsOf(raw), this.#epochFloor()) + 1;
    try {
      const durationSeconds = LEASE_DURATION_MS / 1000;
      this.#observe(await this.#write(raw, { holder: this.#identity, epoch, durationSeconds }));
      this.#wroteLast = true;
    } catch (error) {
      if (!isPortError(error, 'conflict', 'notFound')) throw error;
      // Somebody wrote first. It may have been ourselves, in a renewal whose answer was lost: then it is ours still,
      // until the deadline of the last one that we know of.
      const standing = await this.#read();
      const ours =
        textAt(standing, 'spec', 'holderIdentity') === this.#identity && transitionsOf(standing) === held?.epoch;
      this.#wroteLast = ours;
      if (!ours) this.#held = undefined;
      return false;
    }
    if (this.#ended) return true;
    this.#held = { epoch, renewedMs: nowMs };
    this.#watchDeadline();
    return true;
  }

  async #read(): Promise<unknown> {
    const raw = await getObject(this.#transport, this.#address);
    this.#observe(raw);
    return raw;
  }

  #observe(raw: unknown): void {
    const record = JSON.stringify([
      textAt(raw, 'metadata', 'uid'),
      textAt(raw, 'spec', 'holderIdentity'),
      textAt(raw, 'spec', 'renewTime'),
      transitionsOf(raw),
    ]);
    const changedMs = this.#observed?.record === record ? this.#observed.changedMs : this.#clock.monotonicMs();
    this.#observed = raw === undefined ? undefined : { record, changedMs, raw };
  }

  #isFree(raw: unknown, nowMs: number): boolean {
    const holder = textAt(raw, 'spec', 'holderIdentity') ?? '';
    // Our own name is that of a life before this one: a container that was killed and started again in its pod. It cannot
    // run any more, and waiting for its Lease would leave the cluster alone for 15 s. The epoch grows all the same.
    if (holder === '' || holder === this.#identity) return true;
    const seconds = field(field(raw, 'spec'), 'leaseDurationSeconds');
    const durationMs = typeof seconds === 'number' ? Math.min(seconds * 1000, DURATION_MS_MAX) : 0;
    return nowMs - (this.#observed?.changedMs ?? nowMs) >= Math.max(durationMs, LEASE_DURATION_MS);
  }

  async #write(
    raw: unknown,
    wish: { readonly holder: string; readonly epoch: number; readonly durationSeconds: number },
  ): Promise<unknown> {
    const { namespace, name } = this.#address;
    const now = microTime(this.#clock.nowMs());
    const renewing = textAt(raw, 'spec', 'holderIdentity') === wish.holder && transitionsOf(raw) === wish.epoch;
    const acquireTime = (renewing ? textAt(raw, 'spec', 'acquireTime') : undefined) ?? now;
    const resourceVersion = textAt(raw, 'metadata', 'resourceVersion');
    return await this.#transport.request({
      method: raw === undefined ? 'POST' : 'PUT',
      path: resourcePath(RESOURCES.leases, { namespace, ...(raw === undefined ? {} : { name }) }),
      body: {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name, namespace, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
        spec: {
          holderIdentity: wish.holder,
          leaseDurationSeconds: wish.durationSeconds,
          acquireTime,
          renewTime: now,
          leaseTransitions: wish.epoch,
        },
      },
      timeoutMs: REQUEST_TIMEOUT_MS,
      // A lost answer is settled by the next read or conflict.
      repeatable: true,
    });
  }

  #watchDeadline(): void {
    this.#cancelDeadline?.();
    this.#cancelDeadline = this.#clock.setTimer(RENEW_DEADLINE_MS, () => {
      if (!this.state().held) this.#held = undefined;
      this.#tell();
    });
  }

  #tell(): void {
    const state = this.state();
    const told = this.#told;
    if (state.held === told.held && state.epoch === told.epoch && state.holder === told.holder) return;
    this.#told = state;
    for (const listener of this.#listeners) listener(state);
  }

  #logFailure(error: unknown, message: string): void {
    if (!isPortError(error)) throw error;
    const { namespace, name } = this.#address;
    this.#telemetry.log('warn', message, { lease: `${namespace}/${name}`, code: error.code, error: error.message });
  }
}

function transitionsOf(raw: unknown): number {
  const transitions = field(field(raw, 'spec'), 'leaseTransitions');
  return typeof transitions === 'number' ? transitions : 0;
}
