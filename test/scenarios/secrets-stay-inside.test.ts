// Threat 24, from outside: the controller as a process at debug level, a cloud whose errors quote what they were sent, and
// every output searched for every secret that was in play.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { customResourceDefinition } from '../../src/api/custom-resource-definition.ts';
import { startPlayground } from '../../src/playground/start-playground.ts';
import { fieldsOf, textOf } from '../../src/playground/untyped.ts';
import { freePort } from '../e2e/controller-process.ts';
import { scripted } from '../faults/fault-kinds.ts';
import { FaultProxy } from '../faults/fault-proxy.ts';
import { startTimeLapse } from '../faults/time-lapse.ts';
import { eventually, nodePool, registerCluster, SCENARIO_MS, TIMINGS } from './scenario-world.ts';

const TIME_LAPSE = new URL('../faults/time-lapse.ts', import.meta.url).href;
/** Shorter ones would be found by chance. */
const SECRET_CHARS_MIN = 12;

it('threat 24: no secret in logs, events, metrics, conditions, though errors echo requests', {
  timeout: SCENARIO_MS,
}, async () => {
  const secrets = new Set<string>();
  // A refused login is tried again after a minute.
  const lapse = startTimeLapse(15);
  const folder = mkdtempSync(join(tmpdir(), 'sluice-canary-'));
  const playground = await startPlayground({ timings: TIMINGS });
  const cluster = await playground.addWorkloadCluster('shop');
  const proxy = new FaultProxy({ seed: 24, draw: () => undefined, onToken: (token) => secrets.add(token) });
  let child: ChildProcess | undefined;
  try {
    await proxy.start();
    await playground.apply([customResourceDefinition('WorkloadCluster'), customResourceDefinition('NodeClaim')]);
    await registerCluster(playground, cluster, { cloudsYaml: proxy.inFrontOf(playground.cloudsYaml) });
    for (const text of [playground.cloudsYaml, playground.managementKubeconfig, cluster.kubeconfig]) {
      for (const [, secret] of text.matchAll(/(?:secret|token|password): (\S+)/g)) secrets.add(secret ?? '');
    }
    cluster.onChange(() => {
      for (const { metadata, data } of cluster.list('secrets')) {
        if (!textOf(fieldsOf(metadata)['name']).startsWith('bootstrap-token-')) continue;
        secrets.add(Buffer.from(textOf(fieldsOf(data)['token-secret']), 'base64').toString());
      }
    });
    proxy.setDraw(
      scripted([
        { label: /auth\/tokens/, fault: { kind: 'echo' }, times: 1 },
        { label: /^POST .*\/ports/, fault: { kind: 'echo' }, times: 1 },
        { label: /^POST .*\/servers$/, fault: { kind: 'echo' }, times: 2 },
      ]),
    );
    const kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, playground.managementKubeconfig, { mode: 0o600 });
    const listen = `127.0.0.1:${await freePort()}`;
    const options = [`--kubeconfig=${kubeconfig}`, `--listen=${listen}`, '--log-level=debug'];
    child = spawn(process.execPath, [`--import=${TIME_LAPSE}`, 'src/cli/main.ts', 'run', ...options], {
      env: { ...process.env, ...lapse.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await cluster.apply([nodePool('general', { flavors: ['b2-7', 'b2-15'], desiredNodes: 2 })]);
    await eventually(() => expect(proxy.faults.length).toBeGreaterThanOrEqual(3));
    await eventually(() => expect(secrets.size).toBeGreaterThanOrEqual(5));
    const metrics = await (await fetch(`http://${listen}/metrics`)).text();
    const kinds = ['workloadclusters', 'nodeclaims', 'events'].flatMap((kind) => playground.management.list(kind));
    const shown = JSON.stringify([...kinds, ...['nodepools', 'events'].flatMap((kind) => cluster.list(kind))]);
    expect(output).toContain('openstack request');
    const long = [...secrets].filter((secret) => secret.length >= SECRET_CHARS_MIN);
    expect(long.length).toBeGreaterThanOrEqual(4);
    for (const [where, text] of Object.entries({ output, metrics, shown })) {
      const found = long.filter((secret) => text.includes(secret) || text.includes(encoded(secret)));
      expect(found.length, `secrets in ${where}`).toBe(0);
    }
    expect(output + shown).not.toContain('#cloud-config');
  } finally {
    lapse.stop();
    child?.kill('SIGKILL');
    await proxy.stop();
    await playground.close();
    rmSync(folder, { recursive: true });
  }
});

function encoded(secret: string): string {
  return Buffer.from(secret).toString('base64').replace(/=+$/, '');
}
