// The product as a process: started as its image starts it, killed as a node failure kills it.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { waitUntil } from './wait-until.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Builds what the image runs. From source each start would cost 1.4 s of CPU instead of 0.2, and the kills make some
 *  thirty of them. */
export function bundleProduct(): void {
  execFileSync('npm', ['run', '--silent', 'bundle'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** From the start of the process to a complete list of what it watches, on a busy machine. */
const READY_MS = 60_000;

/** A loopback port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

export class ControllerProcess {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #log: WriteStream;
  readonly #exited: Promise<void>;

  private constructor(child: ChildProcess, url: string, log: WriteStream) {
    this.#child = child;
    this.url = url;
    this.#log = log;
    this.#exited = new Promise((resolve) => child.once('exit', () => resolve()));
  }

  /** Starts `sluice run` from the bundle with the given kubeconfig and waits until it is ready. */
  static async start(options: {
    readonly kubeconfig: string;
    readonly namespaces: readonly string[];
    readonly logFile: string;
    /** The pod's name, as the chart gives it: a restarted container is the same holder of its Leases. */
    readonly podName: string;
    /** Further options of `sluice run`. */
    readonly runArguments?: readonly string[];
    /** Arguments of node itself, e.g. a preload, and what it is to find in its environment. */
    readonly nodeArguments?: readonly string[];
    readonly environment?: Readonly<Record<string, string>>;
    /** Milliseconds by the clock of this process. */
    readonly readyWithinMs?: number;
  }): Promise<ControllerProcess> {
    const port = await freePort();
    const child = spawn(
      process.execPath,
      [
        ...(options.nodeArguments ?? []),
        'dist/main.js',
        'run',
        `--kubeconfig=${options.kubeconfig}`,
        `--namespaces=${options.namespaces.join(',')}`,
        `--listen=127.0.0.1:${port}`,
        '--log-level=debug',
        ...(options.runArguments ?? []),
      ],
      {
        cwd: ROOT,
        env: { ...options.environment, PATH: process.env['PATH'], POD_NAME: options.podName },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const log = createWriteStream(options.logFile, { flags: 'a' });
    log.write(`\n--- pid ${child.pid}\n`);
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    const running = new ControllerProcess(child, `http://127.0.0.1:${port}`, log);
    await waitUntil('the controller to be ready', options.readyWithinMs ?? READY_MS, async () => {
      if (child.exitCode !== null)
        throw new Error(`the controller ended with ${child.exitCode}, see ${options.logFile}`);
      const answer = await fetch(`${running.url}/readyz`).catch(() => undefined);
      return answer?.status === 200 ? true : undefined;
    });
    return running;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** SIGKILL: no handler of the process runs. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async exited(): Promise<void> {
    await this.#exited;
  }

  async metrics(): Promise<string> {
    return await (await fetch(`${this.url}/metrics`)).text();
  }

  /** SIGTERM and wait; SIGKILL after 30 s. Returns the exit code. */
  async stop(): Promise<number | null> {
    if (this.alive) {
      this.#child.kill('SIGTERM');
      const late = setTimeout(() => this.#child.kill('SIGKILL'), 30_000);
      await this.#exited;
      clearTimeout(late);
    }
    this.#log.end();
    return this.#child.exitCode;
  }
}
