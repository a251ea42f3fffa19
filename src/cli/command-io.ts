// What a command of the command line may touch, and how it says that it was used wrongly.
// Commands write to stdout only what a program may read; everything else goes to stderr.

export interface CommandIo {
  stdout(text: string): void;
  stderr(text: string): void;
  readonly env: NodeJS.ProcessEnv;
}

/** Runs one command. Returns the exit code: 0 done, 1 the answer is no, 2 wrong usage. */
export type Command = (argv: readonly string[], io: CommandIo) => Promise<number>;

/** Wrong usage: shown as one line, exit code 2. */
export class UsageError extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'UsageError';
  }
}

export const OUTPUTS = ['text', 'json'] as const;
export type Output = (typeof OUTPUTS)[number];

/** The value of --output; throws UsageError when it is neither text nor json. */
export function parseOutput(value: string | undefined): Output {
  const found = OUTPUTS.find((output) => output === (value ?? 'text'));
  if (found === undefined) throw new UsageError(`--output must be text or json: '${value}'`);
  return found;
}
