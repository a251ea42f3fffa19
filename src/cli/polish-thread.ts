// The Polisher port on a thread of its own: started when there is something to do, ended when there is nothing, so that an
// idle controller carries none. Clusters take turns with one problem each. A thread that fails or does not come back in
// time costs its problem and nothing else.
import { Worker } from 'node:worker_threads';
import type { Polisher, PolishWork } from '../controllers/polish-plans.ts';
import type { Clock, Telemetry } from '../controllers/ports.ts';
import type { PolishAnswer, PolishRequest } from './polish-worker.ts';

/** Clusters that wait. At the default of 5 s the last one is served in five minutes; what it asked for may come again. */
const WAITING_MAX = 64;
/** Starting takes a tenth of a second; what waits at once is served by one thread. */
const IDLE_MS = 10_000;
/** Beyond the asked-for time: reading the request, and the last step, which is not interrupted. */
const OVERRUN_MS = 5000;
/** After a failure nothing is started for so long, whoever asks: a problem that kills the thread must not do so all day. */
const REST_AFTER_FAILURE_MS = 60_000;
/** Heap of the thread. 1,000 shapes and thousands of fillings take some 60 MiB; more is not worth a polish. */
const LIMITS = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16 };

/** Sources run unbuilt; in the bundle it is a file beside this one (rolldown.config.ts). */
const WORKER = new URL(import.meta.url.endsWith('.ts') ? './polish-worker.ts' : './polish-worker.js', import.meta.url);

interface Running {
  readonly id: number;
  readonly work: PolishWork;
  readonly cancelOverrun: () => void;
}

export interface PolishThreadOptions {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Default: the product's worker. */
  readonly worker?: URL;
}

/** At most one thread, whatever is asked for. */
export class PolishThread implements Polisher {
  readonly #options: PolishThreadOptions;
  /** By cluster, in the order in which they came. */
  readonly #waiting = new Map<string, PolishWork>();
  #worker: Worker | undefined;
  #running: Running | undefined;
  #cancelTimer: (() => void) | undefined;
  #notBeforeMs = 0;
  #lastId = 0;
  #closed = false;

  constructor(options: PolishThreadOptions) {
    this.#options = options;
  }

  add(work: PolishWork): boolean {
    if (this.#closed) return false;
    if (!this.#waiting.has(work.cluster) && this.#waiting.size >= WAITING_MAX) {
      this.#count(work, 'refused');
      return false;
    }
    // In place of what waits of the same cluster, with its turn.
    this.#waiting.set(work.cluster, work);
    this.#next();
    return true;
  }

  drop(cluster: string): void {
    this.#waiting.delete(cluster);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.clear();
    await this.#stop();
  }

  /** Serves the cluster that has waited longest, if the thread is free; ends an idle thread after a while. */
  #next(): void {
    if (this.#closed || this.#running !== undefined) return;
    const { clock } = this.#options;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const [work] = this.#waiting.values();
    if (work === undefined) {
      if (this.#worker !== undefined) this.#cancelTimer = clock.setTimer(IDLE_MS, () => void this.#stop());
      return;
    }
    const restMs = this.#notBeforeMs - clock.monotonicMs();
    if (restMs > 0) {
      this.#cancelTimer = clock.setTimer(restMs, () => this.#next());
      return;
    }
    this.#waiting.delete(work.cluster);
    this.#run(work);
  }

  #run(work: PolishWork): void {
    const { clock } = this.#options;
    const { polishable, seconds } = work;
    this.#lastId += 1;
    const request: PolishRequest = { id: this.#lastId, polishable, seconds };
    const afterMs = seconds * 1000 + OVERRUN_MS;
    const cancelOverrun = clock.setTimer(afterMs, () => this.#failed(new Error(`no answer within ${afterMs} ms`)));
    this.#running = { id: request.id, work, cancelOverrun };
    this.#worker ??= this.#start();
    // A copy: nothing is transferred, as the plan may be asked about again.
    this.#worker.postMessage(request, []);
  }

  #start(): Worker {
    // Flags of the process are no concern of a thread that only computes.
    const worker = new Worker(this.#options.worker ?? WORKER, { resourceLimits: LIMITS, execArgv: [] });
    worker.unref();
    worker.on('message', (answer: PolishAnswer) => this.#answered(answer));
    worker.on('error', (error) => {
      if (worker === this.#worker) this.#failed(error);
    });
    worker.on('exit', (code) => {
      if (worker === this.#worker) this.#failed(new Error(`the thread ended with ${code}`));
    });
    return worker;
  }

  #answered({ id, polished }: PolishAnswer): void {
    const running = this.#running;
    if (running?.id !== id) return;
    running.cancelOverrun();
    this.#running = undefined;
    this.#count(running.work, 'done');
    running.work.done(polished);
    this.#next();
  }

  /** The problem in hand is given up, and the thread with it. */
  #failed(error: unknown): void {
    const { clock, telemetry } = this.#options;
    const work = this.#running?.work;
    const cluster = work?.cluster ?? '';
    telemetry.log('warn', 'the polishing thread failed', { cluster, error: String(error) });
    if (work !== undefined) this.#count(work, 'failed');
    this.#notBeforeMs = clock.monotonicMs() + REST_AFTER_FAILURE_MS;
    void this.#stop().then(() => this.#next());
  }

  async #stop(): Promise<void> {
    const worker = this.#worker;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#running?.cancelOverrun();
    this.#running = undefined;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #count({ cluster }: PolishWork, outcome: 'done' | 'failed' | 'refused'): void {
    this.#options.telemetry.count('sluice_polishes_total', { cluster, outcome });
  }
}
