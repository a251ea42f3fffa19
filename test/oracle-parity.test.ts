// What the real kube-scheduler said of committed cases, against the code behind `sluice check-fit`. Needs no Go; fresh
// cases: npm run test:oracle.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { checkFitLine } from '../src/cli/check-fit.ts';
import { describe as describeDifference, type Difference, differences, parseVerdict } from './oracle/verdict.ts';

const PLUGINS = [
  'NodeName',
  'NodeUnschedulable',
  'TaintToleration',
  'NodeAffinity',
  'NodePorts',
  'NodeResourcesFit',
  'VolumeRestrictions',
  'NodeVolumeLimits',
  'VolumeBinding',
  'VolumeZone',
  'PodTopologySpread',
  'InterPodAffinity',
  'NodeDeclaredFeatures',
];
const FIXTURES = join(import.meta.dirname, 'oracle', 'fixtures');

interface JudgedCase {
  readonly id: string;
  readonly caseLine: string;
  readonly verdictLine: string;
}

/** Lines of `{"case":…,"verdict":…}`, as the runner writes them. */
function readFixture(name: string): readonly JudgedCase[] {
  const bytes = readFileSync(join(FIXTURES, name));
  const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const judged: { readonly case: { readonly id: string }; readonly verdict: unknown } = JSON.parse(line);
    return { id: judged.case.id, caseLine: JSON.stringify(judged.case), verdictLine: JSON.stringify(judged.verdict) };
  });
}

/** All differences of a fixture, found once: a few thousand cases take seconds. */
function compare(
  cases: readonly JudgedCase[],
): readonly { readonly kind: Difference['kind']; readonly words: string }[] {
  return cases.flatMap(({ id, caseLine, verdictLine }) =>
    differences(parseVerdict(verdictLine), parseVerdict(checkFitLine(caseLine))).map((difference) => ({
      kind: difference.kind,
      words: `${id} ${describeDifference(difference)}`,
    })),
  );
}

const fixtures = readdirSync(FIXTURES).filter((name) => /\.ndjson(\.gz)?$/.test(name));

describe('the verdicts of kube-scheduler', () => {
  it('are there in thousands, with refusals of every plugin', () => {
    const cases = readFixture('cases.ndjson.gz');
    expect(cases.length).toBeGreaterThan(3000);
    const plugins = new Set(
      cases.flatMap(({ verdictLine }) => [...(parseVerdict(verdictLine)?.values() ?? [])].map(({ plugin }) => plugin)),
    );
    for (const plugin of PLUGINS) expect([...plugins]).toContain(plugin);
  });

  it.each(fixtures)('agree with check-fit: %s', { timeout: 60_000 }, (name) => {
    const found = compare(readFixture(name));
    expect(found.filter(({ kind }) => kind === 'fits').map(({ words }) => words)).toEqual([]);
    expect(found.map(({ words }) => words)).toEqual([]);
  });
});

describe('differences', () => {
  const refusal = (reasons: readonly string[]): string =>
    JSON.stringify({ id: 'c', nodes: { a: { fits: false, plugin: 'NodeResourcesFit', reasons } } });
  const rows: readonly { name: string; ours: string; want: readonly Difference['kind'][] }[] = [
    { name: 'the same in another order', ours: refusal(['Insufficient x', 'Too many pods']), want: [] },
    { name: 'a reason less', ours: refusal(['Too many pods']), want: ['words'] },
    { name: 'fits', ours: '{"id":"c","nodes":{"a":{"fits":true}}}', want: ['fits'] },
    { name: 'a node without verdict', ours: '{"id":"c","nodes":{}}', want: ['fits'] },
    { name: 'a line refused as no case', ours: '{"id":"c","error":"no"}', want: ['fits'] },
  ];
  it.each(rows)('sees $name', ({ ours, want }) => {
    const judge = parseVerdict(refusal(['Too many pods', 'Insufficient x']));
    expect(differences(judge, parseVerdict(ours)).map(({ kind }) => kind)).toEqual(want);
  });
});
