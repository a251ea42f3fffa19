// The `sluice` command: picks the subcommand, loads only that one, turns every failure into one line and an exit code.
// Exit codes: 0 done, 1 the answer is no (or the work failed), 2 wrong usage.
import { type Command, type CommandIo, UsageError } from './command-io.ts';

interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  run: {
    summary: 'run the controller',
    load: async () => (await import('./run.ts')).runRun,
  },
  demo: {
    summary: 'the whole story on this machine, against an embedded Kubernetes and OpenStack',
    load: async () => (await import('./demo.ts')).runDemo,
  },
  plan: {
    summary: 'what would be done now, and why; changes nothing',
    load: async () => (await import('./plan.ts')).runPlan,
  },
  explain: {
    summary: 'explain pod NAMESPACE/NAME: where a pod could run, and why not elsewhere',
    load: async () => (await import('./explain-pod.ts')).runExplainPod,
  },
  'check-fit': {
    summary: 'cases on stdin: which nodes take a pod, as kube-scheduler would say it',
    load: async () => (await import('./check-fit.ts')).runCheckFit,
  },
  capture: {
    summary: 'write what a decision looks at to a file, without secrets',
    load: async () => (await import('./capture.ts')).runCapture,
  },
  crds: {
    summary: 'print or write the CustomResourceDefinitions',
    load: async () => (await import('./crds.ts')).runCrds,
  },
};

/** Text of `sluice --help`. */
export function helpText(): string {
  const names = Object.keys(COMMANDS);
  const width = Math.max(...names.map((name) => name.length));
  const lines = names.map((name) => `  ${name.padEnd(width)}  ${COMMANDS[name]?.summary ?? ''}`);
  return `sluice COMMAND [OPTIONS]: node pools and autoscaling for Kubernetes on OpenStack\n\n${lines.join('\n')}

sluice COMMAND --help says more. --output json makes the output readable for programs.
Exit code: 0 done, 1 the answer is no, 2 wrong usage.
`;
}

/** Runs one command line. Never rejects. */
export async function main(argv: readonly string[], io: CommandIo): Promise<number> {
  const [name, ...rest] = argv;
  try {
    if (name === undefined) throw new UsageError('a command is missing: see sluice --help');
    if (name === '--help' || name === '-h' || name === 'help') {
      io.stdout(helpText());
      return 0;
    }
    if (name === '--version' || name === 'version') {
      io.stdout(`${await version()}\n`);
      return 0;
    }
    const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (entry === undefined) throw new UsageError(`unknown command '${name}': see sluice --help`);
    const command = await entry.load();
    return await command(rest, io);
  } catch (error) {
    const usage = isUsageError(error);
    io.stderr(`sluice: ${oneLine(error)}${usage && name !== undefined ? hintOf(name) : ''}\n`);
    return usage ? 2 : 1;
  }
}

async function version(): Promise<string> {
  const { default: manifest } = await import('../../package.json', { with: { type: 'json' } });
  return manifest.version;
}

function hintOf(name: string): string {
  return Object.hasOwn(COMMANDS, name) ? ` (see sluice ${name} --help)` : '';
}

/** node:util's parseArgs marks its refusals by code. */
function isUsageError(error: unknown): boolean {
  if (error instanceof UsageError) return true;
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_');
}

/** The message and those of its causes, on one line: errors of ports never carry secrets. */
function oneLine(error: unknown): string {
  const parts: string[] = [];
  let current: unknown = error;
  // Five causes deep: a cause that points at itself must not hang the command.
  for (let depth = 0; depth < 5 && current instanceof Error; depth += 1) {
    const { message } = current;
    if (!parts.some((part) => part.includes(message))) parts.push(message);
    current = current.cause;
  }
  return (parts.length === 0 ? String(error) : parts.join(': ')).replaceAll(/\s+/g, ' ').trim();
}

if (import.meta.main) {
  // A reader that closed its end (| head) is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  process.exitCode = await main(process.argv.slice(2), {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    env: process.env,
  });
}
