// `npm run bench:report`: bench/report.html from bench/report/results.ndjson, the last recorded run. With --inputs DIR the
// workloads are measured anew first (options as of `npm run bench -- --inputs`; --types FILE measures those of --mixed with
// several node types as well), and recorded with --save. --results FILE draws another record.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { InputError } from '../inputs/input-error.ts';
import { readIndex } from '../inputs/read-workload.ts';
import { measureInProcess } from '../packing/packing.ts';
import { type Circumstances, readResults, type Results, writeResults } from './recorded-results.ts';
import { reportPage } from './report-page.ts';

const RECORDED = fileURLToPath(new URL('./results.ndjson', import.meta.url));
const PAGE = fileURLToPath(new URL('../report.html', import.meta.url));
const ZONES = ['zone-1'];
/** What §5 of the published comparison prices with several types. */
const MIXED_DEFAULT = 'w1,w5,w8';

function main(): void {
  const { values } = parseArgs({
    options: {
      inputs: { type: 'string' },
      only: { type: 'string', default: '' },
      types: { type: 'string' },
      mixed: { type: 'string', default: MIXED_DEFAULT },
      repeat: { type: 'string' },
      results: { type: 'string', default: RECORDED },
      save: { type: 'boolean', default: false },
      out: { type: 'string', default: PAGE },
    },
  });
  const repeat = values.repeat === undefined ? undefined : Number(values.repeat);
  const results =
    values.inputs === undefined
      ? readResults(values.results)
      : measure({
          inputs: values.inputs,
          only: words(values.only),
          types: values.types,
          mixed: words(values.mixed),
          repeat,
        });
  if (values.save) writeResults(RECORDED, results);
  writeFileSync(values.out, reportPage(results));
  process.stderr.write(`bench: ${results.figures.length} results drawn in ${values.out}\n`);
}

function measure(of: {
  readonly inputs: string;
  readonly only: readonly string[];
  readonly types: string | undefined;
  readonly mixed: readonly string[];
  readonly repeat: number | undefined;
}): Results {
  const types = of.types === undefined ? {} : { types: basename(of.types) };
  const circumstances = { ...circumstancesNow(), ...types };
  const shared = { inputs: of.inputs, zones: ZONES, repeat: of.repeat, packingOut: undefined, polishSeconds: 0 };
  const requests = readIndex(of.inputs, of.only).map((entry) => ({ ...shared, entry, typesFile: undefined }));
  const mixed = of.types === undefined ? [] : readIndex(of.inputs, of.mixed);
  const figures = [...requests, ...mixed.map((entry) => ({ ...shared, entry, typesFile: of.types }))].map((request) => {
    process.stderr.write(`bench: ${request.entry.name}\n`);
    const { figures: found, notes } = measureInProcess(request);
    for (const note of notes) process.stderr.write(`bench: ${note}\n`);
    return found;
  });
  return { circumstances, figures };
}

function words(list: string): readonly string[] {
  return list.split(',').filter((word) => word !== '');
}

function circumstancesNow(): Circumstances {
  const [cpu] = cpus();
  return {
    measured: new Date().toISOString().slice(0, 16),
    machine: `${cpus().length} cores of ${cpu?.model.trim() ?? 'an unknown CPU'}, Linux ${release()}`,
    node: process.versions.node,
    commit: commitNow(),
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

function commitNow(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', cwd: import.meta.dirname }).trim();
  } catch {
    // A copy without its history: its version has to do.
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    return version;
  }
}

try {
  main();
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 2;
}
