// Results as they are kept: a line of JSON that says when and where, then the lines that `--output json` printed.
import { readFileSync, writeFileSync } from 'node:fs';
import { InputError } from '../inputs/input-error.ts';
import type { WorkloadFigures } from '../packing/measure-workload.ts';

export interface Circumstances {
  readonly measured: string;
  readonly machine: string;
  readonly node: string;
  readonly commit: string;
  /** Load average of the last minute when it began: above 0.5 others were at work too. */
  readonly load: number;
  /** File of the node types of the mixed lines; absent: there are none. */
  readonly types?: string;
}

export interface Results {
  readonly circumstances: Circumstances;
  readonly figures: readonly WorkloadFigures[];
}

/** Throws an InputError that names the line. */
export function readResults(file: string): Results {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new InputError({ file }, `cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const lines = text
    .split('\n')
    .flatMap((line, index) => (line.trim() === '' ? [] : [parseLine(file, line, index + 1)]));
  const [circumstances, ...figures] = lines;
  if (circumstances === undefined || !Object.hasOwn(circumstances, 'machine')) {
    throw new InputError(
      { file, line: 1, field: 'machine' },
      'must be given: the first line says where it was measured',
    );
  }
  return { circumstances: circumstances as Circumstances, figures: figures as readonly WorkloadFigures[] };
}

export function writeResults(file: string, { circumstances, figures }: Results): void {
  writeFileSync(file, [circumstances, ...figures].map((line) => `${JSON.stringify(line)}\n`).join(''));
}

function parseLine(file: string, line: string, number: number): object {
  try {
    return JSON.parse(line) as object;
  } catch {
    throw new InputError({ file, line: number }, 'must be JSON');
  }
}
