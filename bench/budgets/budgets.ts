// Counts of work on small inputs, against budgets.yaml: `npm run bench -- budgets [--write]`. The counting runs in a process
// of its own, with compilers off that would make it depend on the machine.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';

/** Input → what is counted → how much. */
export type Counts = Readonly<Record<string, Readonly<Record<string, number>>>>;

const COUNTING = fileURLToPath(new URL('./count-work.ts', import.meta.url));
const FILE = fileURLToPath(new URL('../budgets.yaml', import.meta.url));
const FLAGS = ['--expose-gc', '--no-opt', '--no-maglev'];
/** A budget may be exceeded by so much: the heap is counted to within 1 %, and a better plan may cost a few steps. */
const TOLERANCE = 1.05;

/** Counts anew. Throws when the process fails. */
export function countWork(): Counts {
  const child = spawnSync(process.execPath, [...FLAGS, COUNTING], { encoding: 'utf8' });
  if (child.status !== 0) throw new Error(`counting ended with ${child.status ?? child.signal}: ${child.stderr}`);
  return JSON.parse(child.stdout) as Counts;
}

export function readBudgets(): Counts {
  return parse(readFileSync(FILE, 'utf8')) as Counts;
}

/** What is over its budget, or has none, in words; empty when all is within. */
export function overBudget(counts: Counts, budgets: Counts): readonly string[] {
  const names = new Set([...Object.keys(counts), ...Object.keys(budgets)]);
  return [...names].flatMap((input) => {
    const counted = counts[input];
    const budget = budgets[input];
    if (counted === undefined || budget === undefined) return [`${input}: only one of counts and budgets has it`];
    return Object.entries(counted).flatMap(([what, count]) => {
      const most = budget[what];
      if (most === undefined) return [`${input}: ${what} has no budget, and is ${count}`];
      return count > most * TOLERANCE ? [`${input}: ${what} is ${count}, its budget ${most}`] : [];
    });
  });
}

export function budgets(argv: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const { values } = parseArgs({ args: [...argv], options: { write: { type: 'boolean', default: false } } });
  const counts = countWork();
  if (values.write) writeBudgets(counts);
  return Promise.resolve({ benchmark: 'budgets', over: overBudget(counts, readBudgets()), counts });
}

/** Keeps the comment at the top. */
function writeBudgets(counts: Counts): void {
  const head = readFileSync(FILE, 'utf8').match(/^(#.*\n)*/)?.[0] ?? '';
  const lines = Object.entries(counts).map(([input, counted]) => {
    const parts = Object.entries(counted).map(([what, count]) => `${what}: ${count}`);
    return `${input}: { ${parts.join(', ')} }\n`;
  });
  writeFileSync(FILE, head + lines.join(''));
}
