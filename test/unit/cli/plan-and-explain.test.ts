import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeCapture } from '../../../src/cli/capture-format.ts';
import { explanationText } from '../../../src/cli/explain-pod.ts';
import { main } from '../../../src/cli/main.ts';
import { jobs } from '../../builders/make-jobs.ts';
import { makeObjects } from '../../builders/make-objects.ts';
import { GIB, makePod } from '../../builders/make-pod.ts';
import { makePool } from '../../builders/make-pool.ts';
import { keepOutput } from './keep-output.ts';

let folder = '';
let file = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-plan-'));
  file = join(folder, 'capture.json');
  const objects = makeObjects({
    nodePools: [makePool('web').build()],
    pods: [
      makePod('waits').requests({ cpuMillis: 1000, memoryBytes: GIB }).build(),
      makePod('giant').requests({ cpuMillis: 64_000 }).build(),
    ],
  });
  writeFileSync(file, encodeCapture(objects));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function run(...argv: readonly string[]) {
  const io = keepOutput();
  const code = await main(argv, io);
  return { code, out: io.out, err: io.err };
}

describe('plan --from', () => {
  it('says what would be done and why, for people', async () => {
    const { code, out, err } = await run('plan', '--from', file);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('create web-node-');
    expect(out).toContain('default/giant has no place');
  });

  it('is the same plan each time, for programs', async () => {
    const first = await run('plan', '--from', file, '--output', 'json');
    expect(first).toEqual(await run('plan', '--from', file, '--output', 'json'));
    const answer = JSON.parse(first.out) as { refused: boolean; plan: { steps: { kind: string }[] } };
    expect(answer.refused).toBe(false);
    expect(answer.plan.steps.filter((step) => step.kind === 'createClaim')).toHaveLength(1);
  });
});

describe('plan --polish', () => {
  it('shows the better plan, its closer bound, and what it was at first', async () => {
    const captured = join(folder, 'jobs.json');
    writeFileSync(captured, encodeCapture(jobs()));
    const costOf = async (...argv: readonly string[]) => {
      const { code, out } = await run('plan', '--from', captured, '--output', 'json', ...argv);
      expect(code).toBe(0);
      const { plan } = JSON.parse(out) as { plan: { report: { cost: Record<string, number> } } };
      return plan.report.cost;
    };
    const first = await costOf();
    const polished = await costOf('--polish', '0.5');
    expect(polished['perHour']).toBeLessThan(first['perHour'] ?? 0);
    expect(polished['lowerBoundPerHour']).toBeGreaterThanOrEqual(first['lowerBoundPerHour'] ?? Infinity);
    const { out } = await run('plan', '--from', captured, '--polish', '0.5');
    expect(out).toMatch(/Polished: [0-9.]+ per hour, 0\.[0-9]+ % over its bound; at first [0-9.]+ per hour/);
  });

  it.each(['soon', '-1', '', '4000'])("refuses '%s'", async (seconds) => {
    const { code, err } = await run('plan', '--from', file, `--polish=${seconds}`);
    expect(code).toBe(2);
    expect(err).toContain('--polish must be a number of seconds from 0 to 3600');
  });
});

describe('explain pod --from', () => {
  it('names the pool that would help, exit 0', async () => {
    const { code, out } = await run('explain', 'pod', 'default/waits', '--from', file);
    expect(code).toBe(0);
    expect(out).toMatch(/web \(b3-16 in zone-a\): fits/);
  });

  it('takes a name alone for one in the namespace default', async () => {
    const { code, out } = await run('explain', 'pod', 'waits', '--from', file, '--output', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ found: true, pod: 'default/waits', pools: [{ pool: 'web', fits: true }] });
  });

  it('says why nothing would help, exit 1', async () => {
    const { code, out } = await run('explain', 'pod', 'default/giant', '--from', file);
    expect(code).toBe(1);
    expect(out).toContain('Insufficient cpu');
  });

  const explanation = (pods: readonly { flavor: string; zone: string }[]) => ({
    pod: 'default/waits',
    summary: '0/1 nodes are available: 1 Insufficient cpu.',
    nodes: [],
    pools: pods.map((each) => ({ pool: 'web', fits: false, plugin: 'P', reasons: ['no'], advice: 'Do it.', ...each })),
  });
  const everywhere = ['b3-8', 'b3-16'].flatMap((flavor) => ['a', 'b'].map((zone) => ({ flavor, zone })));

  it('says once what is the same for flavors and zones of a pool, unless all are asked for', () => {
    const pod = makePod('waits').build();
    const short = explanationText({ pod, explanation: explanation(everywhere), all: false });
    expect(short).toContain('a new node of:\n  web (b3-8, b3-16 in a, b): no (P)\n    Do it.\n');
    const long = explanationText({ pod, explanation: explanation(everywhere), all: true });
    expect(long.match(/Do it\./g)).toHaveLength(4);
  });

  it('does not say of a pod that runs that its own node has no room for it', () => {
    const pod = makePod('waits').on('n').build();
    const text = explanationText({ pod, explanation: explanation([]), all: false });
    expect(text).toContain('It has a node');
    expect(text).not.toContain('0/1 nodes are available');
  });

  it('says that there is no such pod, exit 1', async () => {
    const { code, out } = await run('explain', 'pod', 'default/gone', '--from', file);
    expect([code, out]).toEqual([1, 'there is no pod default/gone\n']);
  });
});
