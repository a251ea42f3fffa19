// The command line on a live cluster, with the chart's rights: why a pod that fits nowhere stays pending, what would be
// done, and the same from a captured file; and what the controller tells the pod's owner without being asked.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Loose } from '../kube-client.ts';
import type { Stage } from '../stage.ts';
import { deployment } from '../steps.ts';
import { waitUntil } from '../wait-until.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export function commandsScenario(stage: Stage): void {
  const sluice = (...args: readonly string[]) => {
    const done = spawnSync(process.execPath, ['src/cli/main.ts', ...args], { cwd: ROOT, encoding: 'utf8' });
    return { code: done.status, out: done.stdout, err: done.stderr };
  };
  const live = () => {
    const [tenant] = stage.world().tenants;
    return [
      `--kubeconfig=${stage.world().managementKubeconfig}`,
      `--namespace=${tenant.namespace}`,
      `--cluster=${tenant.name}`,
    ];
  };

  describe('a pod that fits nowhere', () => {
    test('its owner is told by an event on the pod', async () => {
      const [tenant] = stage.world().tenants;
      await tenant.kube.apply(deployment('giant', { replicas: 1, cpu: '500', memory: '1Gi' }));
      await waitUntil('an event on the pod that says why', 60_000, async () => {
        const events = await tenant.kube.send('GET', '/apis/events.k8s.io/v1/namespaces/default/events');
        const ours = events?.items.filter(
          (event: Loose) =>
            event.reportingController === 'sluice.dev/sluice' && event.regarding.name.startsWith('giant-'),
        );
        return ours.some((event: Loose) => /Insufficient cpu/.test(event.note)) ? true : undefined;
      });
    });

    test('explain, plan and capture say the same', async () => {
      const [tenant] = stage.world().tenants;
      const pods = await tenant.kube.list('v1', 'Pod', '?labelSelector=app%3Dgiant', 'default');
      const pod = `default/${pods[0]?.metadata.name}`;
      const explained = sluice('explain', 'pod', pod, ...live());
      expect(explained, explained.err).toMatchObject({ code: 1 });
      expect(explained.out).toMatch(/Insufficient cpu/);
      const planned = sluice('plan', ...live(), '--output', 'json');
      expect(planned, planned.err).toMatchObject({ code: 0 });
      const verdicts: Loose[] = JSON.parse(planned.out).plan.report.pods;
      expect(verdicts.find((one) => `${one.namespace}/${one.name}` === pod)?.outcome).toBe('unplaceable');
      const file = join(stage.world().folder, 'capture.json');
      const captured = sluice('capture', ...live(), '--write', file);
      expect(captured, captured.err).toMatchObject({ code: 0 });
      expect(readFileSync(file, 'utf8')).not.toContain(tenant.cloudEntry.auth['password']);
      const again = sluice('explain', 'pod', pod, '--from', file);
      expect(again.code).toBe(1);
      expect(again.out).toMatch(/Insufficient cpu/);
      await tenant.kube.remove('apps/v1', 'Deployment', 'giant', 'default', { propagationPolicy: 'Background' });
    });

    test('metrics are served, and the log holds no secret', async () => {
      const { folder, tenants } = stage.world();
      const metrics = await stage.product().metrics();
      expect(metrics).toMatch(/sluice_plans_total\{[^}]*cluster="tenant-t1\/t1"/);
      const log = readFileSync(join(folder, 'controller.log'), 'utf8');
      for (const tenant of tenants) expect(log).not.toContain(tenant.cloudEntry.auth['password']);
      expect(log).not.toMatch(/Bearer |bootstrap-token-secret|client-key-data/);
    });
  });
}
