// The twin against what the real kube-scheduler said of the committed cases. Together with test/oracle-parity.test.ts, which
// holds the compiled form against the same verdicts, all three agree on them.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseVerdict } from '../oracle/verdict.ts';
import { type TwinRefusal, sameRefusal } from './refusal.ts';
import { beyondTwin, whyNot } from './run-filters.ts';
import type { V1Objects, V1Pod } from './v1.ts';
import { worldOf } from './world.ts';

const FIXTURES = join(import.meta.dirname, '..', 'oracle', 'fixtures');
/** Cases with amounts that the twin does not speak of; those with devices beyond it are counted apart. */
const APART_MAX_PERCENT = 10;
/** Of the cases whose pod has claims, as many as the twin must speak of at least. */
const WITH_CLAIMS_MIN_PERCENT = 80;

interface Judged {
  readonly case: V1Objects & { readonly id: string; readonly pod: V1Pod };
  readonly verdict: unknown;
}

function readFixture(name: string): readonly Judged[] {
  const bytes = readFileSync(join(FIXTURES, name));
  const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Judged => JSON.parse(line));
}

function compare(judged: readonly Judged[]): {
  readonly differences: readonly string[];
  readonly apart: number;
  /** Cases whose pod has claims, and those of them that the twin speaks of. */
  readonly withClaims: number;
  readonly withClaimsJudged: number;
  readonly plugins: ReadonlySet<string>;
} {
  const differences: string[] = [];
  const plugins = new Set<string>();
  let apart = 0;
  let withClaims = 0;
  let withClaimsJudged = 0;
  for (const { case: given, verdict: line } of judged) {
    const verdict = parseVerdict(JSON.stringify(line));
    const pod = { ...given.pod, status: { resourceClaimStatuses: given.pod.status?.resourceClaimStatuses } };
    const beyond = beyondTwin(pod, given);
    const hasClaims = (pod.spec.resourceClaims ?? []).length > 0;
    if (hasClaims) withClaims += 1;
    if (verdict === undefined || beyond !== undefined) {
      if (beyond !== 'devices') apart += 1;
      continue;
    }
    if (hasClaims) withClaimsJudged += 1;
    const world = worldOf(given);
    for (const node of world.nodes) {
      const { name } = node.metadata;
      const said = verdict.get(name);
      if (said === undefined) throw new Error(`${given.id}: no verdict on ${name}`);
      const { fits, plugin, reasons, error } = said;
      const judge: TwinRefusal | undefined = fits ? undefined : { plugin, reasons, ...(error ? { error } : {}) };
      const twin = whyNot(pod, node, world);
      if (twin !== undefined) plugins.add(twin.plugin);
      if (sameRefusal(twin, judge)) continue;
      differences.push(`${given.id} ${name}: scheduler ${JSON.stringify(judge)}; twin ${JSON.stringify(twin)}`);
    }
  }
  return { differences, apart, withClaims, withClaimsJudged, plugins };
}

describe('the twin says what kube-scheduler said', () => {
  const fixtures = readdirSync(FIXTURES).filter((name) => /\.ndjson(\.gz)?$/.test(name));

  it.each(fixtures)('%s', { timeout: 120_000 }, (name) => {
    const judged = readFixture(name);
    const { differences, apart, withClaims, withClaimsJudged, plugins } = compare(judged);
    process.stdout.write(`${name}: ${withClaimsJudged} of ${withClaims} cases with claims within reach\n`);
    expect(differences).toEqual([]);
    expect((100 * apart) / judged.length).toBeLessThan(APART_MAX_PERCENT);
    if (judged.length < 1000) return;
    expect(withClaims).toBeGreaterThan(300);
    expect((100 * withClaimsJudged) / withClaims).toBeGreaterThan(WITH_CLAIMS_MIN_PERCENT);
    for (const plugin of [
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
      'DynamicResources',
      'NodeDeclaredFeatures',
    ]) {
      expect([...plugins]).toContain(plugin);
    }
  });
});
