import { describe, expect, it } from 'vitest';
import {
  parseNodeClaim,
  parseNodePool,
  parseWorkloadCluster,
  ResourceError,
} from '../../../src/api/parse-resources.ts';
import { nodeClaimManifest, nodePoolManifest, workloadClusterManifest } from './resource-fixtures.ts';

function refusal(run: () => unknown): ResourceError {
  try {
    run();
  } catch (error) {
    if (error instanceof ResourceError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('parseNodePool', () => {
  it('takes null as absent, as OVH manifests write it', () => {
    const pool = parseNodePool(
      nodePoolManifest({ flavor: 'b2-7', minNodes: null, maxNodes: null, autoscaling: null, template: null }),
    );
    expect(pool.spec).toEqual({ flavor: 'b2-7' });
  });

  it('drops fields that the schema does not know, and managed fields', () => {
    const manifest = nodePoolManifest({ flavor: 'b2-7', evil: 'x'.repeat(1000) });
    manifest.metadata['managedFields'] = [{ manager: 'kubectl' }];
    const pool = parseNodePool(manifest);
    expect(pool.spec).toEqual({ flavor: 'b2-7' });
    expect(Object.keys(pool.metadata)).not.toContain('managedFields');
  });

  it('takes the nulls that server-side apply leaves behind for absent', () => {
    for (const template of [
      { metadata: null, spec: null },
      { metadata: { labels: null }, spec: { taints: null } },
    ]) {
      const pool = parseNodePool(nodePoolManifest({ flavor: 'f', template }));
      expect(pool.spec.template?.metadata?.labels).toBeUndefined();
      expect(pool.spec.template?.spec?.taints).toBeUndefined();
    }
  });

  it('keeps a tenant’s keys out of prototypes', () => {
    const labels: unknown = JSON.parse('{"__proto__":"x","a":"b"}');
    const pool = parseNodePool(nodePoolManifest({ flavor: 'f', template: { metadata: { labels }, spec: {} } }));
    const parsed = pool.spec.template?.metadata?.labels ?? {};
    expect(Object.getPrototypeOf(parsed)).toBeNull();
    expect(Object.keys(parsed)).toEqual(['__proto__', 'a']);
  });

  it('gives a manifest that was never stored an empty uid and version', () => {
    const pool = parseNodePool({ metadata: { name: 'web' }, spec: { flavor: 'b2-7' } });
    expect(pool.metadata).toEqual({ name: 'web', uid: '', resourceVersion: '' });
  });

  it('leaves its argument as it was', () => {
    const manifest = nodePoolManifest({ flavor: 'b2-7', minNodes: null, other: 1 });
    const before = structuredClone(manifest);
    parseNodePool(manifest);
    expect(manifest).toEqual(before);
  });

  const wrong: readonly { name: string; raw: unknown; wantField: string }[] = [
    { name: 'a number as text', raw: nodePoolManifest({ flavor: 'f', maxNodes: '3' }), wantField: 'spec.maxNodes' },
    {
      name: 'above the bound',
      raw: nodePoolManifest({ flavor: 'f', desiredNodes: 1000 }),
      wantField: 'spec.desiredNodes',
    },
    { name: 'a fraction', raw: nodePoolManifest({ flavor: 'f', minNodes: 1.5 }), wantField: 'spec.minNodes' },
    {
      name: 'an effect that Kubernetes does not have',
      raw: nodePoolManifest({
        flavor: 'f',
        startupTaints: [
          { key: 'a', effect: 'NoSchedule' },
          { key: 'a', effect: 'Never' },
        ],
      }),
      wantField: 'spec.startupTaints[1].effect',
    },
    {
      name: 'a threshold above one',
      raw: nodePoolManifest({ flavor: 'f', autoscaling: { scaleDownUtilizationThreshold: '1.5' } }),
      wantField: 'spec.autoscaling.scaleDownUtilizationThreshold',
    },
    {
      name: 'a required field left out',
      raw: nodePoolManifest({ flavor: 'f', template: { spec: { taints: [{ key: 'a' }] } } }),
      wantField: 'spec.template.spec.taints[0].effect',
    },
    { name: 'no spec', raw: { metadata: { name: 'web' } }, wantField: 'spec' },
    { name: 'text', raw: 'pool', wantField: 'object' },
    { name: 'nothing', raw: undefined, wantField: 'object' },
  ];
  it.each(wrong)('refuses $name and names the field', ({ raw, wantField }) => {
    const error = refusal(() => parseNodePool(raw));
    expect(error.field).toBe(wantField);
    expect(error.kind).toBe('NodePool');
  });

  it('does not repeat the refused value', () => {
    const error = refusal(() => parseNodePool(nodePoolManifest({ flavor: 'f', minNodes: 'hunter2' })));
    expect(error.message).not.toContain('hunter2');
    expect(error.message).toContain("NodePool 'web': spec.minNodes");
  });
});

describe('parseNodeClaim', () => {
  it('keeps facts and timers of the status', () => {
    const status = { phase: 'Ready', serverId: 's1', readyAt: '2026-11-21T07:00:00Z' };
    expect(parseNodeClaim(nodeClaimManifest(status)).status).toEqual(status);
  });

  it('refuses a phase that is not in the list', () => {
    expect(refusal(() => parseNodeClaim(nodeClaimManifest({ phase: 'Resting' }))).field).toBe('status.phase');
  });

  it('refuses a time that is none', () => {
    expect(refusal(() => parseNodeClaim(nodeClaimManifest({ readyAt: 'yesterday' }))).field).toBe('status.readyAt');
  });
});

describe('parseWorkloadCluster', () => {
  it('keeps what the operator wrote', () => {
    const cluster = parseWorkloadCluster(workloadClusterManifest({ paused: true }));
    expect(cluster.spec.paused).toBe(true);
    expect(cluster.spec.openstack.projectId).toBe('p1');
  });

  it('refuses an empty list of images', () => {
    const manifest = workloadClusterManifest();
    manifest.spec['openstack'] = { ...(manifest.spec['openstack'] as object), images: [] };
    expect(refusal(() => parseWorkloadCluster(manifest)).field).toBe('spec.openstack.images');
  });
});
