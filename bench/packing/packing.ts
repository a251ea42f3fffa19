// `npm run bench -- --inputs DIR …`: the workloads of a directory through the product's own path, each in a process of its
// own. Exit 0: done; 1: an answer is wrong; 2: wrong usage or input.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { InputError } from '../inputs/input-error.ts';
import { readNodeTypes } from '../inputs/read-node-types.ts';
import { readIndex } from '../inputs/read-workload.ts';
import { figuresTable } from './figures-table.ts';
import type { Measured, MeasureRequest, WorkloadFigures } from './measure-workload.ts';

const PROCESS = fileURLToPath(new URL('./measured-process.ts', import.meta.url));
const DEFAULT_ZONE = 'zone-1';
const ZONE = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
/** What a child may print: one line. */
const OUTPUT_BYTES_MAX = 16 * 2 ** 20;

export const PACKING_USAGE = `npm run bench -- --inputs DIR [--only w5,w8] [--types FILE.csv] [--zones a,b,c] [--repeat N]
    [--polish SECONDS] [--packing-out DIR] [--output json]`;

interface PackingOptions extends Omit<MeasureRequest, 'entry'> {
  readonly only: readonly string[];
  readonly json: boolean;
}

/** Runs and prints; returns the exit code. */
export function packing(argv: readonly string[]): number {
  try {
    const options = optionsOf(argv);
    // A mistake in the types is told once, before anything runs.
    if (options.typesFile !== undefined) readNodeTypes(options.typesFile);
    const entries = readIndex(options.inputs, options.only);
    return runAll(options, entries);
  } catch (error) {
    if (!(error instanceof InputError) && !isUsage(error)) throw error;
    warn(error.message);
    return 2;
  }
}

function runAll(options: PackingOptions, entries: ReturnType<typeof readIndex>): number {
  const done: WorkloadFigures[] = [];
  for (const entry of entries) {
    const { only: _only, json, ...request } = options;
    const { figures, notes } = measureInProcess({ ...request, entry });
    for (const note of notes) warn(note);
    if (json) process.stdout.write(`${JSON.stringify(figures)}\n`);
    done.push(figures);
    if (figures.verified) continue;
    warn(`the answer to ${entry.name} does not hold: nothing after it is measured`);
    if (!json) process.stdout.write(figuresTable(done));
    return 1;
  }
  if (!options.json) process.stdout.write(figuresTable(done));
  return 0;
}

/** Measures one workload in a fresh process. Throws an InputError when the process found fault with its input, which it
 *  has told already. */
export function measureInProcess(request: MeasureRequest): Measured {
  const child = spawnSync(process.execPath, ['--expose-gc', PROCESS, JSON.stringify(request)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  if (child.status === 2) throw new InputError({ file: request.inputs }, `'${request.entry.name}' was not measured`);
  if (child.status !== 0) {
    throw new Error(`the process of ${request.entry.name} ended with ${child.status ?? child.signal}`);
  }
  return JSON.parse(child.stdout) as Measured;
}

function optionsOf(argv: readonly string[]): PackingOptions {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...argv],
    options: {
      inputs: text,
      only: text,
      types: text,
      zones: text,
      repeat: text,
      polish: text,
      'packing-out': text,
      output: text,
    },
  });
  if (values.inputs === undefined) throw usage('--inputs must be given');
  if (values.output !== undefined && values.output !== 'json' && values.output !== 'text') {
    throw usage(`--output must be json or text: '${values.output}'`);
  }
  const zones = values.zones?.split(',') ?? [DEFAULT_ZONE];
  const wrong = zones.find((zone, index) => !ZONE.test(zone) || zones.indexOf(zone) !== index);
  if (wrong !== undefined) throw usage(`--zones must be different names with commas between them: '${values.zones}'`);
  return {
    inputs: values.inputs,
    only: values.only?.split(',').filter((word) => word !== '') ?? [],
    typesFile: values.types,
    zones,
    repeat: values.repeat === undefined ? undefined : numberOf('--repeat', values.repeat, { least: 1, whole: true }),
    polishSeconds: numberOf('--polish', values.polish ?? '0', { least: 0, whole: false }),
    packingOut: values['packing-out'],
    json: values.output === 'json',
  };
}

function numberOf(name: string, value: string, must: { readonly least: number; readonly whole: boolean }): number {
  const number = Number(value);
  const fine = value.trim() !== '' && Number.isFinite(number) && number >= must.least;
  if (fine && (!must.whole || Number.isInteger(number))) return number;
  throw usage(`${name} must be a ${must.whole ? 'whole ' : ''}number of at least ${must.least}: '${value}'`);
}

function usage(message: string): InputError {
  return new InputError({ file: 'usage' }, `${message}\n${PACKING_USAGE}`);
}

/** parseArgs' own word on an option that it does not know. */
function isUsage(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}

function warn(message: string): void {
  process.stderr.write(`bench: ${message}\n`);
}
