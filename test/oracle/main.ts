// npm run test:oracle: random cases to the real scheduler and to `sluice check-fit`; where they differ, a small case.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { buildJudge } from './build-judge.ts';
import { makeCase } from './cases/make-case.ts';
import { LineProcess } from './line-process.ts';
import { Report } from './report.ts';
import { shrink } from './shrink.ts';
import { describe, type Difference, differences, parseVerdict, type Verdict } from './verdict.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const CHECK_FIT = join(ROOT, 'src', 'cli', 'check-fit.ts');
const FIXTURES = join(import.meta.dirname, 'fixtures');
const DISAGREEMENTS = join(import.meta.dirname, 'disagreements');
/** Cases asked at once, so that both programs work while the next are made. */
const BATCH = 256;
/** Shrinking one takes a second or two; more of the same kind teach nothing. */
const SHRUNK_MAX = 40;
const SHRUNK_PER_FAULT_MAX = 2;
/** Times that the scheduler is asked again before a disagreement counts. */
const REPEATS = 8;

interface Found {
  readonly line: string;
  readonly differences: readonly Difference[];
}

interface Shrunk {
  readonly line: string;
  readonly words: string;
  readonly verdict: string;
}

interface Options {
  readonly cases: number;
  readonly seed: number;
  readonly only: string | undefined;
  readonly save: boolean;
  readonly writeFixtures: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      cases: { type: 'string', default: '20000' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string' },
      save: { type: 'boolean', default: false },
      'write-fixtures': { type: 'boolean', default: false },
    },
  });
  const [cases, seed] = [Number(values.cases), Number(values.seed)];
  if (!Number.isSafeInteger(cases) || cases < 1) throw new RangeError(`--cases must be a count: ${values.cases}`);
  if (!Number.isSafeInteger(seed)) throw new RangeError(`--seed must be a whole number: ${values.seed}`);
  return { cases, seed, only: values.only, save: values.save, writeFixtures: values['write-fixtures'] };
}

/** The kind and the reasons that one side alone gives, without names: the fault that must stay while a case shrinks. */
function faultOf(difference: Difference): string {
  const [judge, ours] = [difference.judge?.reasons ?? [], difference.ours?.reasons ?? []];
  const only = (some: readonly string[], others: readonly string[]): readonly string[] =>
    some.filter((reason) => !others.includes(reason)).map(withoutNames);
  return JSON.stringify([kindOf(difference), only(judge, ours), only(ours, judge)]);
}

/** Quoted names, numbers and names of resources. */
function withoutNames(reason: string): string {
  return reason.replaceAll(/"[^"]*"|\d+|\S+\/\S+/g, '_');
}

/** Same plugins, same kind: the same fault, as far as one can tell from outside. */
function kindOf({ kind, judge, ours }: Difference): string {
  const says = (verdict: Difference['judge']): string =>
    verdict?.fits === true ? 'fits' : (verdict?.plugin ?? 'none');
  return `${kind}-${says(judge)}-${says(ours)}`.replaceAll(',', '+');
}

/** One line of a fixture: a case and what the scheduler says of it. */
function fixtureOf(line: string, verdict: string): string {
  return `{"case":${line},"verdict":${verdict}}`;
}

class Trial {
  readonly #judge: LineProcess;
  readonly #ours: LineProcess | undefined;
  readonly report = new Report();
  readonly found: Found[] = [];
  readonly judged: string[] = [];

  constructor(judge: LineProcess, ours: LineProcess | undefined) {
    this.#judge = judge;
    this.#ours = ours;
  }

  async run({ cases, seed, only, writeFixtures }: Options): Promise<void> {
    for (let from = 0; from < cases; from += BATCH) {
      const lines = Array.from({ length: Math.min(BATCH, cases - from) }, (_, index) =>
        makeCase(seed, from + index, only),
      );
      await Promise.all(
        lines.map(async (line) => {
          const [judgeLine, ourLine] = await Promise.all([this.#judge.ask(line), this.#ours?.ask(line)]);
          const judge = parseVerdict(judgeLine);
          if (writeFixtures && (await this.#isStable(line, judge))) this.judged.push(fixtureOf(line, judgeLine));
          await this.#compare(line, judge, ourLine === undefined ? judge : parseVerdict(ourLine));
        }),
      );
    }
  }

  /** The scheduler iterates over maps: where it answers now so, now so, each of its answers is good. */
  async #compare(line: string, judge: Verdict, ours: Verdict): Promise<void> {
    const found = differences(judge, ours);
    if (found.length > 0) {
      const answers = await this.#askAgain(line);
      const same = answers.find((answer) => differences(answer, ours).length === 0);
      if (same !== undefined) {
        this.report.addUnstable();
        return this.report.add(same, []);
      }
      this.found.push({ line, differences: found });
    }
    this.report.add(judge, found);
  }

  async #askAgain(line: string): Promise<readonly Verdict[]> {
    const answers = await Promise.all(Array.from({ length: REPEATS }, () => this.#judge.ask(line)));
    return answers.map(parseVerdict);
  }

  async #isStable(line: string, judge: Verdict): Promise<boolean> {
    return (await this.#askAgain(line)).every((answer) => differences(judge, answer).length === 0);
  }

  /** The case with only what the first difference needs. */
  async shrink({ line, differences: [first] }: Found): Promise<Shrunk> {
    if (first === undefined || this.#ours === undefined) throw new Error('nothing differs');
    const ours = this.#ours;
    const fault = faultOf(first);
    let words = describe(first);
    const small = await shrink(JSON.parse(line), async (candidate) => {
      const text = JSON.stringify(candidate);
      const [judge, own] = await Promise.all([this.#judge.ask(text), ours.ask(text)]);
      const same = differences(parseVerdict(judge), parseVerdict(own)).find((other) => faultOf(other) === fault);
      if (same !== undefined) words = describe(same);
      return same !== undefined;
    });
    const text = JSON.stringify(small);
    return { line: text, words, verdict: await this.#judge.ask(text) };
  }
}

/** Shrinks some of each kind and writes them where a person looks at them. */
async function writeDisagreements(trial: Trial, { save, seed }: Options): Promise<void> {
  rmSync(DISAGREEMENTS, { recursive: true, force: true });
  if (trial.found.length === 0) return;
  mkdirSync(DISAGREEMENTS, { recursive: true });
  const faults = Map.groupBy(trial.found, ({ differences: [first] }) => (first === undefined ? '' : faultOf(first)));
  const byCount = [...faults.values()].sort((one, other) => other.length - one.length);
  const chosen = byCount.flatMap((all, fault) =>
    all.slice(0, SHRUNK_PER_FAULT_MAX).map((found, index) => {
      const [first] = found.differences;
      return { name: `${first === undefined ? '' : kindOf(first)}-${fault}-${index}`, count: all.length, found };
    }),
  );
  const saved: string[] = [];
  for (const { name, count, found } of chosen.slice(0, SHRUNK_MAX)) {
    const { line, words, verdict } = await trial.shrink(found);
    saved.push(fixtureOf(line, verdict));
    writeFileSync(join(DISAGREEMENTS, `${name}.json`), `${JSON.stringify(JSON.parse(line), undefined, 1)}\n`);
    writeFileSync(join(DISAGREEMENTS, `${name}.txt`), `${words}\nof its kind: ${count}\nfull case: ${found.line}\n`);
    process.stdout.write(`${name} (of ${count}): ${words}\n`);
  }
  if (save) writeFileSync(join(FIXTURES, `seed-${seed}.ndjson`), `${saved.join('\n')}\n`);
}

async function main(): Promise<number> {
  const options = readOptions();
  const judge = new LineProcess('judge', [buildJudge()]);
  const ours = existsSync(CHECK_FIT)
    ? new LineProcess('check-fit', [process.execPath, join(ROOT, 'src', 'cli', 'main.ts'), 'check-fit'])
    : undefined;
  if (ours === undefined) process.stdout.write('There is no check-fit yet: only the scheduler is asked.\n');
  const trial = new Trial(judge, ours);
  const startedMs = performance.now();
  try {
    await trial.run(options);
    const seconds = (performance.now() - startedMs) / 1000;
    process.stdout.write(`seed ${options.seed}, ${(options.cases / seconds).toFixed(0)} cases a second\n`);
    await writeDisagreements(trial, options);
  } finally {
    judge.close();
    ours?.close();
  }
  if (options.writeFixtures) {
    mkdirSync(FIXTURES, { recursive: true });
    writeFileSync(join(FIXTURES, 'cases.ndjson.gz'), gzipSync(`${trial.judged.join('\n')}\n`, { level: 9 }));
  }
  process.stdout.write(trial.report.text());
  return ours === undefined || !trial.report.good ? 1 : 0;
}

process.exitCode = await main();
