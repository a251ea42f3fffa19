// What `npm run bench -- --inputs` says to bad input: one line with file, line and field, exit 2; and what it makes of good
// input: the line of JSON that other programs read, and the packing.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeWorkloads } from '../../bench/generate.ts';
import { generatedWorkloads } from '../../bench/inputs/generated-workloads.ts';
import { readNodeTypes } from '../../bench/inputs/read-node-types.ts';
import { readIndex, readWorkload } from '../../bench/inputs/read-workload.ts';

const INDEX = 'workload,groups,pods,tpl_cpu_m,tpl_mem_mib,tpl_pods,tpl_gpu';
const GROUPS = 'group,count,cpu_m,mem_mib,gpu,kind,label,selector';
const TYPES = 'flavor,vcpu,ram_gb,alloc_cpu_m,alloc_mem_mib,max_pods,eur_hour';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-inputs-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, ...lines: readonly string[]): string {
  const file = join(folder, name);
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

function bench(...argv: readonly string[]) {
  const child = spawnSync(process.execPath, ['bench/main.ts', ...argv], { encoding: 'utf8' });
  return { exit: child.status, stdout: child.stdout, stderr: child.stderr };
}

describe('bad input', () => {
  const good = '0,2,100,128,0,generic,app=a,';
  const cases: readonly (readonly [name: string, lines: readonly string[], wrong: RegExp])[] = [
    ['a count that is no number', [good, '1,x,100,128,0,generic,app=a,'], /w\.csv:3: count must be a number/],
    ['no pods', ['0,0,100,128,0,generic,app=a,'], /w\.csv:2: count must be a number of at least 1/],
    ['half a core by a fraction of a millicore', ['0,2,0.5,128,0,generic,app=a,'], /w\.csv:2: cpu_m must be a whole/],
    [
      'an unknown kind',
      ['0,2,100,128,0,spread-rack,app=a,app=a'],
      /w\.csv:2: kind must be one of generic, spread-zone/,
    ],
    ['a constraint that selects nobody', ['0,2,100,128,0,anti-host,app=a,'], /w\.csv:2: selector must be given/],
    ['a label that is none', ['0,2,100,128,0,generic,app,'], /w\.csv:2: label must be key=value: 'app'/],
    ['a field too few', ['0,2,100,128,0,generic,app=a'], /w\.csv:2: must have 8 fields as its header has: 7/],
    ['fewer pods than the index says', ['0,1,100,128,0,generic,app=a,'], /w\.csv: count adds up to 1 pods/],
  ];
  it.each(cases)('%s', (_name, lines, wrong) => {
    write('index.csv', INDEX, 'w,1,2,4000,8192,110,0');
    write('w.csv', GROUPS, ...lines);
    const [entry] = readIndex(folder, []);
    if (entry === undefined) throw new Error('the index must have an entry');
    expect(() => readWorkload(folder, entry)).toThrow(wrong);
  });

  const types: readonly (readonly [name: string, lines: readonly string[], wrong: RegExp])[] = [
    ['of a kind that is not known', ['a,b', '1,2'], /types\.csv:1: has columns of no kind/],
    ['without a price', [TYPES, 'm,2,8,1840,6410,110,free'], /types\.csv:2: eur_hour must be a number/],
    ['twice', [TYPES, 'm,2,8,1840,6410,110,1', 'm,2,8,1840,6410,110,1'], /types\.csv:3: flavor is there twice: 'm'/],
    [
      'with different most pods',
      [TYPES, 'm,2,8,1840,6410,110,1', 'n,2,8,1840,6410,50,1'],
      /max_pods must be one for all/,
    ],
  ];
  it.each(types)('types %s', (_name, lines, wrong) => {
    expect(() => readNodeTypes(write('types.csv', ...lines))).toThrow(wrong);
  });

  it.each([
    ['no directory', ['--zones', 'a'], /usage: --inputs must be given/],
    ['an option that is not there', ['--inputs', '.', '--fast'], /--fast/],
    ['zones that are the same', ['--inputs', '.', '--zones', 'a,a'], /--zones must be different names/],
    ['no repetitions', ['--inputs', '.', '--repeat', '0'], /--repeat must be a whole number of at least 1: '0'/],
    ['a directory without an index', ['--inputs', 'src'], /src\/index\.csv: cannot be read/],
  ])('on the command line: %s', (_name, argv, wrong) => {
    const { exit, stderr } = bench(...argv);
    expect(stderr).toMatch(wrong);
    expect(exit).toBe(2);
  });
});

describe('types of a catalogue', () => {
  it('lose what the default rule reserves', () => {
    const file = write('c.csv', 'type,vcpu,mem_mib,gpus,usd_hour', 'g,8,32768,1,0.5', 'sold-out,8,32768,1,');
    expect(readNodeTypes(file)).toEqual([
      { name: 'g', cpuMillis: 8000 - 150 - 40, memoryMiB: 32_768 - 1590, pods: 110, gpus: 1, pricePerHour: 0.5 },
    ]);
  });
});

describe('a run', () => {
  it('prints a line per workload and writes who goes where', () => {
    writeWorkloads(folder, generatedWorkloads({ seed: 3, scale: 0.3 }));
    write('types.csv', TYPES, 'm,4,16,3830,14410,110,0.1', 'xl,16,64,15770,62410,110,0.4');
    const options = `--types ${join(folder, 'types.csv')} --zones a,b --repeat 2 --output json --packing-out ${join(folder, 'out')}`;
    const { stdout, exit } = bench('--inputs', folder, '--only', 'gpus,skewed', ...options.split(' '));
    expect(exit).toBe(0);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line): Record<string, unknown> => JSON.parse(line));
    expect(lines.map((line) => [String(line['input']).split('-')[0], line['mode'], line['verified']])).toEqual([
      ['skewed', 'mixed', true],
      ['gpus', 'mixed', true],
    ]);
    expect(Object.keys(lines[0] ?? {})).toEqual(
      'input mode decode_ms intern_ms first_ms p50_ms p99_ms nodes cost_per_hour unplaced lower_bound lower_bound_kind gap polished_gap rss_mb verified'.split(
        ' ',
      ),
    );
    const [first] = lines;
    const packed = readFileSync(join(folder, 'out', `${String(first?.['input'])}.ndjson`), 'utf8')
      .trim()
      .split('\n');
    expect(packed).toHaveLength(Number(first?.['nodes']));
    const nodes = packed.map((line): { type: string; zone: string; pods: number[] } => JSON.parse(line));
    expect(nodes.every(({ type, zone }) => ['m', 'xl'].includes(type) && ['a', 'b'].includes(zone))).toBe(true);
    const pods = nodes.flatMap((node) => node.pods).toSorted((left, right) => left - right);
    expect(pods).toEqual(Array.from({ length: pods.length }, (_, index) => index));
  });
});
