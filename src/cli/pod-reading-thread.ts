// Reads pods of long lists on a thread of its own, which lives as long as the list does: an idle controller carries none.
// What it gives is what reading here would give. A thread that fails or does not come back in time costs nothing but time:
// its lines are read by whoever asked.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { PodObject } from '../cluster/cluster-objects.ts';
import { PodUnpacker } from '../cluster/pod-columns.ts';
import type { PodShapeInterner } from '../cluster/pod-shape-interner.ts';
import type { Clock } from '../controllers/ports.ts';
import type { Change, ListedLines } from '../kubernetes/listed-lines.ts';
import { Doubtful } from '../kubernetes/object-store.ts';
import type { LineReader, OpenLineReader } from '../kubernetes/streamed-list.ts';
import type { ReadAnswer, ReadRequest } from './pod-reading-worker.ts';

/** Batches that the thread has: what it reads while the one who asks reads one and receives the next. */
const IN_HAND_MAX = 4;
/** Longer lines than usual are read where memory has no limit of its own. */
const BATCH_BYTES_MAX = 1024 * 1024;
/** A line that was cut in two comes by itself, and is read sooner than it is sent. */
const BATCH_BYTES_MIN = 8 * 1024;
/** A batch takes 10 ms, starting the thread a tenth of a second; a busy machine takes more. */
const ANSWER_TIMEOUT_MS = 10_000;
/** Heap of the thread: 16,384 shapes with a number take some 50 MiB, a batch while it is read 10; a larger young
 *  generation than V8's own means that what is dropped after a batch is seldom copied before. */
const LIMITS = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 48 };

/** Sources run unbuilt; in the bundle it is a file beside this one (rolldown.config.ts). */
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? './pod-reading-worker.ts' : './pod-reading-worker.js',
  import.meta.url,
);

export interface PodReadingOptions {
  readonly clock: Clock;
  /** Default: the product's worker. */
  readonly worker?: URL;
  /** Shorter batches are not taken; default BATCH_BYTES_MIN. */
  readonly batchBytesMin?: number;
  /** Cores of the machine; default: as the system says. */
  readonly cores?: number;
}

/** Hands out the one thread of the process, to one list at a time. */
export class PodReading {
  readonly #options: PodReadingOptions;
  #taken = false;

  constructor(options: PodReadingOptions) {
    this.#options = options;
  }

  /** For lists whose pods are interned by `interner`. On one core there is nothing to gain. */
  opener(interner: PodShapeInterner): OpenLineReader<PodObject> {
    return (failed) => {
      if (this.#taken || (this.#options.cores ?? availableParallelism()) < 2) return undefined;
      this.#taken = true;
      const { clock, worker = WORKER, batchBytesMin = BATCH_BYTES_MIN } = this.#options;
      const ended = (): void => {
        this.#taken = false;
      };
      return new ReadingThread({ clock, worker, batchBytesMin, unpacker: new PodUnpacker(interner), failed, ended });
    };
  }
}

interface Asked {
  readonly give: (listed: ListedLines<PodObject> | undefined) => void;
  readonly cancelTimeout: () => void;
}

interface ThreadOptions {
  readonly clock: Clock;
  readonly worker: URL;
  readonly batchBytesMin: number;
  readonly unpacker: PodUnpacker;
  readonly failed: (error: unknown) => void;
  readonly ended: () => void;
}

class ReadingThread implements LineReader<PodObject> {
  readonly #options: ThreadOptions;
  readonly #asked = new Map<number, Asked>();
  #worker: Worker | undefined;
  #lastId = 0;

  constructor(options: ThreadOptions) {
    this.#options = options;
    // Flags of the process are no concern of a thread that only computes.
    const worker = new Worker(options.worker, { resourceLimits: LIMITS, execArgv: [] });
    this.#worker = worker;
    worker.unref();
    worker.on('message', (answer: ReadAnswer) => this.#answered(answer));
    worker.on('messageerror', (error) => this.#fail(error));
    worker.on('error', (error) => this.#fail(error));
    worker.on('exit', (code) => this.#fail(new Error(`the thread ended with ${code}`)));
  }

  read(batch: Uint8Array): Promise<ListedLines<PodObject> | undefined> | undefined {
    const worker = this.#worker;
    if (worker === undefined || this.#asked.size >= IN_HAND_MAX) return undefined;
    if (batch.length < this.#options.batchBytesMin || batch.length > BATCH_BYTES_MAX) return undefined;
    this.#lastId += 1;
    const id = this.#lastId;
    const cancelTimeout = this.#options.clock.setTimer(ANSWER_TIMEOUT_MS, () =>
      this.#fail(new Error(`no answer within ${ANSWER_TIMEOUT_MS} ms`)),
    );
    // A copy: the caller reads its own should this come to nothing.
    const copy = new Uint8Array(batch);
    const request: ReadRequest = { id, batch: copy };
    worker.postMessage(request, [copy.buffer]);
    return new Promise((give) => this.#asked.set(id, { give, cancelTimeout }));
  }

  close(): void {
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#worker = undefined;
    for (const { give, cancelTimeout } of this.#asked.values()) {
      cancelTimeout();
      give(undefined);
    }
    this.#asked.clear();
    void worker.terminate().then(this.#options.ended);
  }

  #answered(answer: ReadAnswer): void {
    const asked = this.#asked.get(answer.id);
    if (asked === undefined) return;
    asked.cancelTimeout();
    this.#asked.delete(answer.id);
    asked.give(listedLines(answer, this.#options.unpacker));
  }

  #fail(error: unknown): void {
    if (this.#worker === undefined) return;
    this.#options.failed(error);
    this.close();
  }
}

/** As it was before it was packed. */
function listedLines({ pods, others, end }: ReadAnswer, unpacker: PodUnpacker): ListedLines<PodObject> {
  const changes: Change<PodObject>[] = [];
  let next = 0;
  const addOthers = (): void => {
    for (let other = others[next]; other?.at === changes.length; other = others[next]) {
      const { key, doubt } = other;
      changes.push([key, doubt && new Doubtful(doubt.resourceVersion, doubt.why)]);
      next += 1;
    }
  };
  addOthers();
  for (const pod of unpacker.unpack(pods)) {
    changes.push([keyOf(pod), pod]);
    addOthers();
  }
  return { changes, end };
}

function keyOf({ namespace, name }: PodObject): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}
