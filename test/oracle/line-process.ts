// A program that answers each line with a line, in order: the judge, or `sluice check-fit`.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Lines asked and not yet answered; keeps both pipes from filling up while nobody reads. */
const IN_FLIGHT_MAX = 64;
const STDERR_KEPT = 4000;

interface Waiting {
  readonly resolve: (answer: string) => void;
  readonly reject: (reason: Error) => void;
}

export class LineProcess {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #waiting: Waiting[] = [];
  readonly #queued: (() => void)[] = [];
  #stderr = '';
  #failure: Error | undefined;

  constructor(name: string, command: readonly [string, ...string[]]) {
    this.#name = name;
    const [file, ...parameters] = command;
    const child = spawn(file, parameters, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#waiting.shift()?.resolve(line);
      this.#queued.shift()?.();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-STDERR_KEPT);
    });
    child.stdin.on('error', (error) => this.#fail(error.message));
    child.on('error', (error) => this.#fail(error.message));
    child.on('close', (code) => this.#fail(`it ended with ${code ?? 'a signal'}`));
  }

  /** The answer to one line. Rejects when the program ends before it. */
  async ask(line: string): Promise<string> {
    if (this.#waiting.length >= IN_FLIGHT_MAX) await new Promise<void>((resolve) => this.#queued.push(resolve));
    if (this.#failure !== undefined) throw this.#failure;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.stdin?.write(`${line}\n`);
    });
  }

  /** Ends the program's input; it ends by itself. */
  close(): void {
    this.#child.stdin?.end();
  }

  #fail(why: string): void {
    this.#failure ??= new Error(`${this.#name}: ${why}\n${this.#stderr}`);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
    for (const go of this.#queued.splice(0)) go();
  }
}
