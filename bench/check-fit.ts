// `sluice check-fit` as a process of its own, fed with an endless stream of generated cases: cases per second of CPU, and its
// memory at a tenth, half and all of the stream, which must stay flat. Reads /proc, so it runs on Linux only.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeCase } from '../test/oracle/cases/make-case.ts';
import { round } from './figures.ts';

const SLUICE = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
/** Different cases; the stream repeats them, as making one costs as much as judging it. */
const DISTINCT_CASES = 3000;
/** Linux counts the CPU time of a process in these. */
const TICKS_PER_SECOND = 100;
/** Until here code is compiled and the heap finds its size. */
const WARM_UP_SHARE = 0.1;

interface Use {
  readonly cpuSeconds: number;
  readonly rssMb: number;
  readonly peakRssMb: number;
}

export async function checkFit(argv: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const { values } = parseArgs({
    args: [...argv],
    options: { cases: { type: 'string', default: '300000' }, seed: { type: 'string', default: '1' } },
  });
  const total = Number(values.cases);
  const lines = Array.from({ length: Math.min(total, DISTINCT_CASES) }, (_, index) =>
    makeCase(Number(values.seed), index),
  );
  const child = spawn(process.execPath, [SLUICE, 'check-fit'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const marks = new Map([WARM_UP_SHARE, 0.5, 1].map((share) => [Math.round(total * share), share]));
  const uses = new Map<number, Use>();
  let answered = 0;
  const reading = (async (): Promise<void> => {
    for await (const line of createInterface({ input: child.stdout })) {
      if (!line.includes('"nodes":')) throw new Error(`case ${answered} was not judged: ${line.slice(0, 200)}`);
      answered += 1;
      const share = marks.get(answered);
      if (share !== undefined) uses.set(share, useOf(child.pid ?? 0));
      if (answered === total) child.stdin.end();
    }
  })();
  const writing = (async (): Promise<void> => {
    for (let index = 0; index < total; index += 1) {
      if (!child.stdin.write(`${lines[index % lines.length] ?? ''}\n`)) await once(child.stdin, 'drain');
    }
  })();
  await Promise.all([reading, writing]);
  if (child.exitCode === null) await once(child, 'exit');
  if (answered !== total || child.exitCode !== 0) {
    throw new Error(`${answered} of ${total} cases were answered, exit code ${String(child.exitCode)}`);
  }
  const [warm, half, end] = [uses.get(WARM_UP_SHARE), uses.get(0.5), uses.get(1)];
  if (warm === undefined || half === undefined || end === undefined) throw new Error('cases must be 10 or more');
  return {
    benchmark: 'check-fit',
    cases: total,
    cases_per_cpu_second: round((total * (1 - WARM_UP_SHARE)) / (end.cpuSeconds - warm.cpuSeconds), 0),
    rss_mb: { '10%': warm.rssMb, '50%': half.rssMb, '100%': end.rssMb },
    peak_rss_mb: { '10%': warm.peakRssMb, '50%': half.peakRssMb, '100%': end.peakRssMb },
  };
}

function useOf(pid: number): Use {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  // After the name, which may hold spaces: utime and stime are the 12th and 13th.
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [utime, stime] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return {
    cpuSeconds: ((utime ?? 0) + (stime ?? 0)) / TICKS_PER_SECOND,
    rssMb: round(kib('VmRSS') / 1024, 0),
    peakRssMb: round(kib('VmHWM') / 1024, 0),
  };
}
