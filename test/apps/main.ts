// npm run test:apps -- [--file apps.yaml] [--copies 1,10,100] [--app NAME]: every application of the facts file planned by Sluice
// and judged by the twin. A table on stdout; exit 1 when a plan breaks a rule or calls a pod unplaceable that is not.
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readAppFacts } from './app-facts.ts';
import { type AppOutcome, planApp } from './plan-apps.ts';

const { values } = parseArgs({
  options: {
    file: { type: 'string', default: process.env['SLUICE_E2E_APPS'] ?? '../shared/traces/apps/apps.yaml' },
    copies: { type: 'string', default: '1,10,100' },
    app: { type: 'string' },
  },
});
const VIOLATIONS_SHOWN = 5;

function row(cells: readonly (string | number)[]): string {
  return cells.map((cell, index) => (index === 0 ? String(cell).padEnd(30) : String(cell).padStart(11))).join('');
}

function told({ app, copies, violations, unplaceable, cutShort }: AppOutcome): readonly string[] {
  const more = violations.length > VIOLATIONS_SHOWN ? [`… and ${violations.length - VIOLATIONS_SHOWN} more`] : [];
  return [
    ...[...violations.slice(0, VIOLATIONS_SHOWN), ...more].map((one) => `violation: ${one}`),
    ...cutShort.map((note) => `cut short: ${note}`),
    ...[...unplaceable].map(([why, count]) => `no place for ${count}: ${why}`),
  ].map((line) => `${app} × ${copies}  ${line}`);
}

function main(): number {
  const { file } = values;
  if (!existsSync(file)) {
    process.stderr.write(`no applications: ${file} is not there (--file, SLUICE_E2E_APPS)\n`);
    return 2;
  }
  const apps = readAppFacts(file).filter(({ app }) => values.app === undefined || app === values.app);
  const notes: string[] = [];
  let broken = 0;
  process.stdout.write(
    `${row(['app', 'copies', 'pods', 'placed', 'nodes', 'next plan', 'violations', 'cut short', 'plan ms'])}\n`,
  );
  for (const facts of apps) {
    for (const copies of values.copies.split(',').map(Number)) {
      const outcome = planApp(facts, copies, () => performance.now());
      const { pods, placed, nodes, forNextPlan, violations, cutShort, planMs } = outcome;
      process.stdout.write(
        `${row([facts.app, copies, pods, placed, nodes, forNextPlan, violations.length, cutShort.length, Math.round(planMs)])}\n`,
      );
      broken += violations.length;
      notes.push(...told(outcome));
    }
  }
  process.stdout.write(
    `\n${notes.map((note) => `${note}\n`).join('')}\n${apps.length} applications, ${broken} violations\n`,
  );
  return broken === 0 ? 0 : 1;
}

process.exitCode = main();
