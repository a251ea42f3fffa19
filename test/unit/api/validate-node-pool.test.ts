import { describe, expect, it } from 'vitest';
import { parseNodePool, parseWorkloadCluster } from '../../../src/api/parse-resources.ts';
import { validateNodePool } from '../../../src/api/validate-node-pool.ts';
import { validateWorkloadCluster } from '../../../src/api/validate-workload-cluster.ts';
import { nodePoolManifest, workloadClusterManifest } from './resource-fixtures.ts';

const template = (metadata: object, spec: object = {}) => ({ flavor: 'f', template: { metadata, spec } });

describe('validateNodePool', () => {
  const good: readonly { name: string; spec: Record<string, unknown> }[] = [
    { name: 'only a flavor', spec: { flavor: 'f' } },
    { name: 'desiredNodes below minNodes means minNodes', spec: { flavor: 'f', desiredNodes: 1, minNodes: 3 } },
    { name: 'zero of zero', spec: { flavor: 'f', desiredNodes: 0, minNodes: 0, maxNodes: 0 } },
    { name: 'the default maximum reached', spec: { flavor: 'f', desiredNodes: 100 } },
    { name: 'five with anti-affinity', spec: { flavor: 'f', antiAffinity: true, desiredNodes: 5, maxNodes: 5 } },
    { name: 'consolidation', spec: { flavor: 'f', autoscale: true, autoscaling: { consolidate: true } } },
    { name: 'inactive extensions', spec: { flavor: 'f', autoscaling: { consolidate: false, standbyNodes: 0 } } },
    { name: 'floating addresses off', spec: { flavor: 'f', attachFloatingIPs: { enabled: false } } },
    { name: 'floating addresses on', spec: { flavor: 'f', attachFloatingIPs: { enabled: true } } },
    {
      name: 'more than five with anti-affinity that is only preferred',
      spec: { flavor: 'f', antiAffinity: true, antiAffinityPolicy: 'Preferred', minNodes: 6, desiredNodes: 100 },
    },
    {
      name: 'labels, annotations and taints as Kubernetes allows them',
      spec: template(
        {
          labels: { 'example.com/a.b_c': 'V-1', plain: '' },
          annotations: { 'x.io/y': '{"free": "text"}' },
          finalizers: ['x.io/f'],
        },
        {
          taints: [
            { key: 'gpu', effect: 'NoSchedule' },
            { key: 'gpu', value: 'a', effect: 'NoExecute' },
          ],
        },
      ),
    },
  ];
  it.each(good)('accepts $name', ({ spec }) => {
    expect(validateNodePool(parseNodePool(nodePoolManifest(spec)))).toEqual([]);
  });

  const bad: readonly { name: string; spec: Record<string, unknown>; want: readonly string[] }[] = [
    { name: 'no flavor', spec: {}, want: ['spec.flavor'] },
    { name: 'flavor and flavors', spec: { flavor: 'f', flavors: ['g'] }, want: ['spec.flavor'] },
    { name: 'minimum above maximum', spec: { flavor: 'f', minNodes: 5, maxNodes: 3 }, want: ['spec.minNodes'] },
    { name: 'desired above maximum', spec: { flavor: 'f', desiredNodes: 5, maxNodes: 3 }, want: ['spec.desiredNodes'] },
    {
      name: 'desired above the default maximum',
      spec: { flavor: 'f', desiredNodes: 101 },
      want: ['spec.desiredNodes'],
    },
    {
      name: 'minimum above the maximum of anti-affinity',
      spec: { flavor: 'f', antiAffinity: true, minNodes: 6 },
      want: ['spec.minNodes'],
    },
    {
      name: 'more than five with anti-affinity',
      spec: { flavor: 'f', antiAffinity: true, maxNodes: 6 },
      want: ['spec.maxNodes'],
    },
    {
      name: 'more than five with anti-affinity that is required',
      spec: { flavor: 'f', antiAffinity: true, antiAffinityPolicy: 'Required', maxNodes: 6 },
      want: ['spec.maxNodes'],
    },
    {
      name: 'a policy of anti-affinity without anti-affinity',
      spec: { flavor: 'f', antiAffinityPolicy: 'Preferred' },
      want: ['spec.antiAffinityPolicy'],
    },
    {
      name: 'a zone named twice',
      spec: { flavor: 'f', availabilityZones: ['a', 'a'] },
      want: ['spec.availabilityZones'],
    },
    {
      name: 'wrong labels',
      spec: template({ labels: { '-a': 'x', b: 'no spaces', 'A.B/c': 'x' } }),
      want: [
        "spec.template.metadata.labels['-a']",
        "spec.template.metadata.labels['b']",
        "spec.template.metadata.labels['A.B/c']",
      ],
    },
    {
      name: 'a label that is ours',
      spec: template({ labels: { 'sluice.dev/nodepool': 'other' } }),
      want: ["spec.template.metadata.labels['sluice.dev/nodepool']"],
    },
    {
      name: 'an unqualified finalizer',
      spec: template({ finalizers: ['f'] }),
      want: ['spec.template.metadata.finalizers[0]'],
    },
    {
      name: 'a taint twice',
      spec: template(
        {},
        {
          taints: [
            { key: 'a', effect: 'NoSchedule' },
            { key: 'a', value: 'b', effect: 'NoSchedule' },
          ],
        },
      ),
      want: ['spec.template.spec.taints[1]'],
    },
    {
      name: 'a wrong startup taint',
      spec: { flavor: 'f', startupTaints: [{ key: 'a b', value: 'c d', effect: 'NoSchedule' }] },
      want: ['spec.startupTaints[0].key', 'spec.startupTaints[0].value'],
    },
  ];
  it.each(bad)('refuses $name', ({ spec, want }) => {
    const problems = validateNodePool(parseNodePool(nodePoolManifest(spec)));
    expect(problems.map((problem) => problem.field)).toEqual(want);
    for (const problem of problems) {
      expect(problem.reason).toBe('InvalidSpec');
      expect(problem.message).toContain(problem.field);
    }
  });

  const notYet: readonly { field: string; spec: Record<string, unknown> }[] = [
    { field: 'spec.autoscaling.standbyNodes', spec: { autoscaling: { standbyNodes: 1 } } },
    { field: 'spec.upgrade', spec: { upgrade: {} } },
    { field: 'spec.disruption', spec: { disruption: { maxUnavailable: '10%' } } },
    { field: 'spec.health', spec: { health: { autoRepair: true } } },
    { field: 'spec.rootVolume', spec: { rootVolume: { sizeGiB: 20 } } },
    { field: 'spec.kubelet', spec: { kubelet: { maxPods: 50 } } },
  ];
  it.each(notYet)('says that $field does nothing yet', ({ field, spec }) => {
    const problems = validateNodePool(parseNodePool(nodePoolManifest({ flavor: 'f', ...spec })));
    expect(problems).toMatchObject([{ field, reason: 'NotImplemented' }]);
  });

  const names: readonly { name: string; valid: boolean }[] = [
    { name: 'a', valid: true },
    { name: 'a-1', valid: true },
    { name: 'a'.repeat(51), valid: true },
    { name: 'a'.repeat(52), valid: false },
    { name: '1a', valid: false },
    { name: 'a-', valid: false },
    { name: 'a.b', valid: false },
    { name: 'a_b', valid: false },
  ];
  it.each(names)('name $name: valid is $valid', ({ name, valid }) => {
    const problems = validateNodePool(parseNodePool(nodePoolManifest({ flavor: 'f' }, name)));
    expect(problems.map((problem) => problem.field)).toEqual(valid ? [] : ['metadata.name']);
    // the claim's, server's and node's name must be a host name and a label value
    if (valid) expect(`${name}-node-0a1b2c`.length).toBeLessThanOrEqual(63);
  });
});

describe('validateWorkloadCluster', () => {
  const secret = { secretRef: { name: 'kubeconfig' } };
  const rows: readonly { name: string; spec: Record<string, unknown>; want: readonly string[] }[] = [
    { name: 'standalone', spec: {}, want: [] },
    { name: 'hosted', spec: { kubeconfig: secret }, want: [] },
    { name: 'inCluster: false beside a secret', spec: { kubeconfig: { inCluster: false, ...secret } }, want: [] },
    { name: 'two ways', spec: { kubeconfig: { inCluster: true, ...secret } }, want: ['spec.kubeconfig'] },
    { name: 'no way', spec: { kubeconfig: { inCluster: false } }, want: ['spec.kubeconfig'] },
    {
      name: 'an owner',
      spec: { kubeconfig: { from: { kind: 'Cluster', name: 'x' } } },
      want: ['spec.kubeconfig.from'],
    },
    {
      name: 'a least node of nothing',
      spec: { autoscaler: { leastNode: {} } },
      want: ['spec.autoscaler.leastNode'],
    },
    {
      name: 'wishes about flavors',
      spec: { autoscaler: { flavorsMax: 3, leastNode: { cpu: '4', memory: '16Gi' } } },
      want: [],
    },
    {
      name: 'placement hints',
      spec: { autoscaler: { placementHints: true } },
      want: [],
    },
  ];
  it.each(rows)('$name', ({ spec, want }) => {
    const cluster = parseWorkloadCluster(workloadClusterManifest(spec));
    expect(validateWorkloadCluster(cluster).map((problem) => problem.field)).toEqual(want);
  });

  it('takes a network of floating addresses and further networks', () => {
    const cluster = parseWorkloadCluster(workloadClusterManifest());
    const additionalNetworks = [{ network: 'storage' }, { network: 'storage', subnet: 'storage-v4' }];
    const openstack = { ...cluster.spec.openstack, externalNetwork: 'public', additionalNetworks };
    expect(validateWorkloadCluster({ ...cluster, spec: { ...cluster.spec, openstack } })).toEqual([]);
  });

  it('wants one of name and id for an image', () => {
    const cluster = parseWorkloadCluster(workloadClusterManifest());
    const { openstack } = cluster.spec;
    const images = [{ name: 'a' }, {}, { name: 'a', id: 'b' }];
    const problems = validateWorkloadCluster({
      ...cluster,
      spec: { ...cluster.spec, openstack: { ...openstack, images } },
    });
    expect(problems.map((problem) => problem.field)).toEqual(['spec.openstack.images[1]', 'spec.openstack.images[2]']);
  });
});
