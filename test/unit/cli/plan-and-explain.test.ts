import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeCapture } from '../../../src/cli/capture-format.ts';
import { main } from '../../../src/cli/main.ts';
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

  it('says that there is no such pod, exit 1', async () => {
    const { code, out } = await run('explain', 'pod', 'default/gone', '--from', file);
    expect([code, out]).toEqual([1, 'there is no pod default/gone\n']);
  });
});
