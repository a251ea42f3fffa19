// plan, explain and capture against a live cluster: the playground, over HTTP. They read, and change nothing.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { customResourceDefinition } from '../../../src/api/custom-resource-definition.ts';
import { managementObjects } from '../../../src/cli/demo-objects.ts';
import { main } from '../../../src/cli/main.ts';
import type { Playground, PlaygroundCluster } from '../../../src/playground/playground.ts';
import { startPlayground } from '../../../src/playground/start-playground.ts';
import { keepOutput } from './keep-output.ts';

let playground: Playground;
let workload: PlaygroundCluster;
let folder = '';
let kubeconfig = '';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-live-'));
  playground = await startPlayground();
  workload = await playground.addWorkloadCluster('shop');
  await playground.apply(managementObjects(playground, workload));
  await workload.apply([
    customResourceDefinition('NodePool'),
    {
      apiVersion: 'sluice.dev/v1alpha1',
      kind: 'NodePool',
      metadata: { name: 'general' },
      spec: { flavor: 'b2-7', autoscale: true, maxNodes: 3 },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'waits', namespace: 'default' },
      spec: { containers: [{ name: 'a', image: 'a', resources: { requests: { cpu: '500m' } } }] },
    },
  ]);
  kubeconfig = join(folder, 'management.kubeconfig');
  writeFileSync(kubeconfig, playground.managementKubeconfig);
});

afterAll(async () => {
  await playground.close();
  rmSync(folder, { recursive: true });
});

async function run(...argv: readonly string[]) {
  const io = keepOutput({ KUBECONFIG: kubeconfig });
  const code = await main(argv, io);
  return { code, out: io.out, err: io.err };
}

describe('a look at a live cluster', () => {
  it('plans what the controller would do, and does nothing of it', async () => {
    const { code, out, err } = await run('plan', '--cluster', 'shop', '--output', 'json');
    expect([code, err]).toEqual([0, '']);
    const { plan } = JSON.parse(out) as { plan: { steps: { kind: string; pool: string }[] } };
    expect(plan.steps).toContainEqual(expect.objectContaining({ kind: 'createClaim', pool: 'general' }));
    expect(playground.management.list('nodeclaims')).toEqual([]);
    expect(playground.books().serversCreated).toBe(0);
    expect(workload.get('nodepools', 'general')?.['spec']).not.toHaveProperty('desiredNodes');
  });

  it('explains a pod that waits', async () => {
    const { code, out } = await run('explain', 'pod', 'default/waits', '--cluster', 'shop');
    expect(code).toBe(0);
    expect(out).toContain('general (b2-7 in zone-a, zone-b): fits');
  });

  it('captures what was seen, for its owner alone and without a secret', async () => {
    const file = join(folder, 'capture.json');
    const { code, out } = await run('capture', '--cluster', 'shop', '--write', file, '--output', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ pods: 1, nodePools: 1, nodes: 0 });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const text = readFileSync(file, 'utf8');
    const secrets = [
      ...playground.cloudsYaml.matchAll(/secret: *"?([^"\s]+)/g),
      ...workload.kubeconfig.matchAll(/token: *"?([^"\s]+)/g),
    ];
    expect(secrets.length).toBeGreaterThanOrEqual(2);
    for (const [, secret = ''] of secrets) expect(text).not.toContain(secret);
    expect(text).not.toContain('#cloud-config');
    expect((await run('plan', '--from', file)).out).toContain('create general-node-');
  });

  it('says that there is no such WorkloadCluster, exit 1', async () => {
    const { code, err } = await run('plan', '--cluster', 'nosuch');
    expect([code, err]).toEqual([1, 'sluice: there is no WorkloadCluster default/nosuch\n']);
  });

  it.each([
    { flag: '--cluster', argv: ['plan', '--cluster', 'A_b'] },
    { flag: '--namespace', argv: ['plan', '--cluster', 'shop', '-n', 'a/b'] },
    { flag: '--namespaces', argv: ['run', '--namespaces', 'a,,b'] },
  ])('refuses a name for $flag that no object can have, exit 2', async ({ flag, argv }) => {
    const { code, err } = await run(...argv);
    expect(code).toBe(2);
    expect(err).toContain(`${flag} must be a name`);
  });

  it('gives up in time and names what is missing, when the cluster has no NodePool definition', async () => {
    const bare = await playground.addWorkloadCluster('bare');
    const [cluster] = managementObjects(playground, bare).filter((object) => object['kind'] === 'WorkloadCluster');
    const spec = { ...(cluster?.['spec'] as object), kubeconfig: { secretRef: { name: 'bare-kubeconfig' } } };
    await playground.apply([
      { ...cluster, metadata: { name: 'bare', namespace: 'default' }, spec },
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'bare-kubeconfig', namespace: 'default' },
        stringData: { kubeconfig: bare.kubeconfig },
      },
    ]);
    const { code, err } = await run('plan', '--cluster', 'bare', '--timeout', '1');
    expect(code).toBe(1);
    expect(err).toContain('not complete in time: not yet listed: nodePools');
  });

  it('refuses credentials of another project', async () => {
    const [cluster] = managementObjects(playground, workload).filter((object) => object['kind'] === 'WorkloadCluster');
    const spec = cluster?.['spec'] as Record<string, object>;
    const openstack = { ...spec['openstack'], projectId: 'someone-elses' };
    await playground.apply([
      { ...cluster, metadata: { name: 'mismatch', namespace: 'default' }, spec: { ...spec, openstack } },
    ]);
    const { code, err } = await run('plan', '--cluster', 'mismatch', '--timeout', '2');
    expect(code).toBe(1);
    expect(err).toContain('spec.openstack.projectId is someone-elses');
  });
});
