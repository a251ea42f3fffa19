// Tells users what happens, as events.k8s.io/v1 objects on what it concerns. They go into a tenant's etcd, so they are
// few: what repeats becomes one event with a count, each object has a budget, the queue is bounded. An event is a
// courtesy: when it cannot be written it is dropped, and nobody waits for it.
import type { Clock, EventInput, Random, Telemetry } from '../controllers/ports.ts';
import { PortError } from '../controllers/port-errors.ts';
import { RESOURCES, resourcePath } from './resource-path.ts';
import type { Transport } from './transport.ts';

const CONTROLLER = 'sluice.dev/sluice';
/** Kubernetes' own limits for a note (bytes) and for a reporting instance. */
const NOTE_BYTES_MAX = 1024;
const INSTANCE_LENGTH_MAX = 128;
/** Names of objects are at most 253 long; the event's name adds a dot and 16 digits. */
const NAME_LENGTH_MAX = 236;
/** Waiting events; a burst of one plan over all pools fits, more would be read by nobody. */
const QUEUE_LENGTH_MAX = 256;
/** Kinds of events remembered for counting; the oldest is forgotten. */
const SERIES_MAX = 1_000;
/** A repeated event is written at most this often; the count holds those in between. */
const SERIES_WRITE_MS = 60_000;
/** An event that has not come for so long starts anew; the server itself forgets after an hour. */
const SERIES_END_MS = 600_000;
/** Per object, as client-go's spam filter: a burst, then one in half a minute. */
const BUDGET_BURST = 20;
const BUDGET_REFILL_MS = 30_000;
/** Objects with a budget that is not full. */
const BUDGETS_MAX = 4_096;
const WRITE_TIMEOUT_MS = 10_000;

interface Series {
  readonly namespace: string;
  /** undefined until the first event was accepted by the server. */
  name: string | undefined;
  count: number;
  lastSeenMs: number;
  writtenMs: number;
}

interface Write {
  readonly event: EventInput;
  readonly series: Series;
  readonly seenAtMs: number;
}

export class EventRecorder {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #telemetry: Telemetry;
  readonly #cluster: string;
  readonly #instance: string;
  readonly #series = new Map<string, Series>();
  readonly #budgets = new Map<string, { left: number; atMs: number }>();
  readonly #queue: Write[] = [];
  #writing: Promise<void> | undefined;
  #closed = false;

  constructor(options: {
    readonly transport: Transport;
    readonly clock: Clock;
    readonly random: Random;
    readonly telemetry: Telemetry;
    /** Metric label. */
    readonly cluster: string;
    readonly identity: string;
  }) {
    this.#transport = options.transport;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#telemetry = options.telemetry;
    this.#cluster = options.cluster;
    this.#instance = options.identity.slice(0, INSTANCE_LENGTH_MAX);
  }

  /** Takes note of an event and returns at once; never throws. */
  record(event: EventInput): void {
    if (this.#closed) return;
    const nowMs = this.#clock.monotonicMs();
    const series = this.#seriesOf(event, nowMs);
    series.count += 1;
    series.lastSeenMs = nowMs;
    if (series.count > 1 && nowMs - series.writtenMs < SERIES_WRITE_MS) return;
    if (this.#queue.length >= QUEUE_LENGTH_MAX || !this.#spend(event, nowMs)) {
      this.#telemetry.log('debug', 'event dropped: too many', { cluster: this.#cluster, reason: event.reason });
      return;
    }
    series.writtenMs = nowMs;
    this.#queue.push({ event, series, seenAtMs: this.#clock.nowMs() });
    this.#writing ??= this.#writeAll();
  }

  /** Takes no more events and resolves when the one under way is answered; the rest is dropped. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#queue.length = 0;
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    for (let write = this.#queue.shift(); write !== undefined; write = this.#queue.shift()) {
      try {
        await this.#write(write);
        this.#telemetry.count('sluice_events_total', { cluster: this.#cluster, reason: write.event.reason });
      } catch (error) {
        if (!(error instanceof PortError)) throw error;
        const fields = { cluster: this.#cluster, reason: write.event.reason, code: error.code, error: error.message };
        this.#telemetry.log('debug', 'event dropped: not written', fields);
      }
    }
    this.#writing = undefined;
  }

  async #write({ event, series, seenAtMs }: Write): Promise<void> {
    const time = microTime(seenAtMs);
    const at = { namespace: series.namespace };
    if (series.name !== undefined && series.count > 1) {
      try {
        await this.#transport.request({
          method: 'PATCH',
          path: resourcePath(RESOURCES.events, { ...at, name: series.name }),
          contentType: 'application/merge-patch+json',
          body: { series: { count: series.count, lastObservedTime: time } },
          timeoutMs: WRITE_TIMEOUT_MS,
        });
        return;
      } catch (error) {
        // The server forgets events after an hour: then it is written anew.
        if (!(error instanceof PortError) || error.code !== 'notFound') throw error;
      }
    }
    const { regarding } = event;
    const name = `${regarding.name.slice(0, NAME_LENGTH_MAX)}.${this.#random.hex(16)}`;
    await this.#transport.request({
      method: 'POST',
      path: resourcePath(RESOURCES.events, at),
      body: {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name, ...at },
        eventTime: time,
        reportingController: CONTROLLER,
        reportingInstance: this.#instance,
        action: event.action,
        reason: event.reason,
        type: event.type,
        note: cutBytes(event.note, NOTE_BYTES_MAX),
        regarding,
      },
      timeoutMs: WRITE_TIMEOUT_MS,
    });
    series.name = name;
  }

  #seriesOf(event: EventInput, nowMs: number): Series {
    const { regarding } = event;
    const key = JSON.stringify([subjectOf(event), event.type, event.reason, event.action, event.note]);
    const known = this.#series.get(key);
    this.#series.delete(key);
    // Kubernetes wants events of cluster-scoped objects in the namespace `default`.
    const series =
      known !== undefined && nowMs - known.lastSeenMs < SERIES_END_MS
        ? known
        : {
            namespace: regarding.namespace ?? 'default',
            name: undefined,
            count: 0,
            lastSeenMs: nowMs,
            writtenMs: nowMs,
          };
    this.#series.set(key, series);
    dropOldest(this.#series, SERIES_MAX);
    return series;
  }

  /** Takes one event from the object's budget; false when it has none left. */
  #spend(event: EventInput, nowMs: number): boolean {
    const subject = subjectOf(event);
    const known = this.#budgets.get(subject) ?? { left: BUDGET_BURST, atMs: nowMs };
    const left = Math.min(BUDGET_BURST, known.left + (nowMs - known.atMs) / BUDGET_REFILL_MS);
    this.#budgets.delete(subject);
    this.#budgets.set(subject, { left: left >= 1 ? left - 1 : left, atMs: nowMs });
    dropOldest(this.#budgets, BUDGETS_MAX);
    return left >= 1;
  }
}

function subjectOf({ regarding }: EventInput): string {
  return JSON.stringify([regarding.kind, regarding.namespace ?? '', regarding.name, regarding.uid ?? '']);
}

function dropOldest<T>(map: Map<string, T>, sizeMax: number): void {
  if (map.size <= sizeMax) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}

/** RFC 3339 with six digits, as Kubernetes' MicroTime demands. */
export function microTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000Z');
}

/** The longest prefix of at most `bytesMax` bytes of UTF-8 that cuts no character. */
function cutBytes(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= bytesMax) return text;
  let end = bytesMax;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString('utf8');
}
