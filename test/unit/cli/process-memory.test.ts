// What V8 does with memory after our settings, asked in processes of their own: the settings hold for a whole process.
import { execFileSync } from 'node:child_process';
import { constants } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';

const MODULE = new URL('../../../src/cli/process-memory.ts', import.meta.url).href;

/** Runs `code` as a module in a fresh Node and gives what it printed as JSON. */
function inFreshNode(code: string, flags: readonly string[] = []): unknown {
  const args = [...flags, '--input-type=module', '--eval', code];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

/** Fifty HTTP/1 answers through undici; then the most that V8's compilers held at once. */
const EXCHANGES = `
  const { createServer } = await import('node:http');
  const { getHeapStatistics } = await import('node:v8');
  const { Agent } = await import('undici');
  const server = createServer((_, response) => response.end('{}')).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const agent = new Agent();
  const origin = 'http://127.0.0.1:' + server.address().port;
  for (let done = 0; done < 50; done += 1) {
    const { body } = await agent.request({ origin, path: '/', method: 'GET' });
    await body.text();
  }
  await agent.close();
  server.close();
  process.stdout.write(JSON.stringify(getHeapStatistics().peak_malloced_memory));`;
/** Makes V8 compile at once what it would otherwise compile in the background. */
const AT_ONCE = ['--wasm-sync-tier-up'];
/** Between the 2 MiB that it takes with the setting and the 23 without. */
const COMPILER_BYTES_MAX = 10 * 1024 * 1024;

describe('compileWebAssemblyOnce', () => {
  it('keeps the HTTP/1 parser from being compiled again, optimized', () => {
    const setting = `const { compileWebAssemblyOnce } = await import('${MODULE}'); compileWebAssemblyOnce();`;
    expect(inFreshNode(`${setting}${EXCHANGES}`, AT_ONCE)).toBeLessThan(COMPILER_BYTES_MAX);
    // The reason for it: when this no longer holds, undici or V8 needs the setting no more.
    expect(inFreshNode(EXCHANGES, AT_ONCE)).toBeGreaterThan(COMPILER_BYTES_MAX);
  });
});

describe('collectSmallHeap', () => {
  const collect = (argument: string) => `
    const { collectSmallHeap } = await import('${MODULE}');
    const gone = new WeakRef({});
    await new Promise((resolve) => setImmediate(resolve));
    const collected = collectSmallHeap(${argument});
    await new Promise((resolve) => setImmediate(resolve));
    process.stdout.write(JSON.stringify({ collected, kept: gone.deref() !== undefined, shown: 'gc' in globalThis }));`;

  it('collects a small heap, and shows the collector to nobody else', () => {
    expect(inFreshNode(collect(''))).toEqual({ collected: true, kept: false, shown: false });
  });

  it('leaves a large heap alone', () => {
    expect(inFreshNode(collect('1'))).toEqual({ collected: false, kept: true, shown: false });
  });
});

/** `code`, then the kinds of collections that it came to. */
const kindsAfter = (code: string) => `
  const { collectBetweenDecisions, collectYoung } = await import('${MODULE}');
  const { PerformanceObserver } = await import('node:perf_hooks');
  let seen = [];
  const observer = new PerformanceObserver((list) => seen.push(...list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  const forget = async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    observer.takeRecords();
    seen = [];
  };
  await forget();
  ${code}
  const kinds = [...seen, ...observer.takeRecords()].map(({ detail }) => detail.kind);
  process.stdout.write(JSON.stringify({ kinds, shown: 'gc' in globalThis }));`;

describe('collectYoung', () => {
  it('collects what is young and nothing else, and shows the collector to nobody else', () => {
    const code = kindsAfter('collectYoung(1); await new Promise((resolve) => setImmediate(resolve));');
    expect(inFreshNode(code)).toEqual({ kinds: [constants.NODE_PERFORMANCE_GC_MINOR], shown: false });
  });

  it('leaves little garbage to V8', () => {
    const code = kindsAfter('collectYoung(); await new Promise((resolve) => setImmediate(resolve));');
    expect(inFreshNode(code)).toEqual({ kinds: [], shown: false });
  });
});

describe('collectBetweenDecisions', () => {
  const garbage = `
    let garbage = Array.from({ length: 700_000 }, (_, at) => ({ at }));
    garbage = undefined;
    await forget();`;
  /** V8 starts with less room, and would collect before there is as much. */
  const roomy = ['--min-semi-space-size=64', '--max-semi-space-size=64'];
  const wait = 'await new Promise((resolve) => setTimeout(resolve, 1200));';

  it('collects while nothing else is done, and holds no process', () => {
    const code = kindsAfter(`collectBetweenDecisions(); ${garbage} ${wait}`);
    expect(inFreshNode(code, roomy)).toMatchObject({
      kinds: expect.arrayContaining([constants.NODE_PERFORMANCE_GC_MINOR]) as unknown,
    });
  });

  it('collects no longer once it is ended', () => {
    const code = kindsAfter(`const end = collectBetweenDecisions(); end(); ${garbage} ${wait}`);
    expect(inFreshNode(code, roomy)).toMatchObject({ kinds: [] });
  });
});
