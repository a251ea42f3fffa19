// Builds a valid NodeClaim: Ready, of makePool(pool)'s uid, b3-16 in zone-a, created at NOW less an hour.
import type { NodeClaim, NodeClaimPhase, NodeClaimSpec, NodeClaimStatus } from '../../src/api/node-claim.ts';
import type { ObjectMeta } from '../../src/api/object-meta.ts';
import { GIB } from './make-pod.ts';

/** The instant at which makeObjects() observes. */
export const NOW_MS = Date.parse('2026-01-01T12:00:00Z');
const HOUR_MS = 3_600_000;

/** RFC 3339 time, `ms` before NOW. */
export function before(ms: number): string {
  return `${new Date(NOW_MS - ms).toISOString().slice(0, 19)}Z`;
}

export class ClaimBuilder {
  #claim: NodeClaim;

  constructor(name: string, pool: string) {
    this.#claim = {
      apiVersion: 'sluice.dev/v1alpha1',
      kind: 'NodeClaim',
      metadata: {
        name,
        namespace: 'tenants',
        uid: `claim-${name}`,
        resourceVersion: '1',
        generation: 1,
        creationTimestamp: before(HOUR_MS),
        finalizers: ['sluice.dev/nodeclaim'],
        labels: { 'sluice.dev/nodepool': pool },
      },
      spec: {
        clusterUid: 'cluster-demo',
        clusterName: 'demo',
        poolName: pool,
        poolUid: `pool-${pool}`,
        flavor: 'b3-16',
        flavorId: 'flavor-b3-16',
        zone: 'zone-a',
        region: 'region-1',
        projectId: 'project-1',
        imageId: 'image-1',
        networkIds: ['network-1'],
        securityGroups: [],
        labels: {},
        taints: [],
        templateHash: 'hash-1',
        drainTimeoutSeconds: 600,
        drainForce: true,
        provisionTimeoutSeconds: 900,
        expected: { cpuMillis: 3830, memoryBytes: 14 * GIB, ephemeralBytes: 50 * GIB, pods: 110 },
      },
      status: { phase: 'Ready', nodeName: name, serverId: `server-${name}`, readyAt: before(HOUR_MS) },
    };
  }

  metadata(metadata: Partial<ObjectMeta>): this {
    this.#claim = { ...this.#claim, metadata: { ...this.#claim.metadata, ...metadata } };
    return this;
  }

  spec(spec: Partial<NodeClaimSpec>): this {
    this.#claim = { ...this.#claim, spec: { ...this.#claim.spec, ...spec } };
    return this;
  }

  /** Beside what the status says already. */
  status(status: Partial<NodeClaimStatus>): this {
    this.#claim = { ...this.#claim, status: { ...this.#claim.status, ...status } };
    return this;
  }

  /** Just made and on its way: no server, no node. */
  pending(phase: NodeClaimPhase = 'Pending'): this {
    this.#claim = { ...this.#claim, status: { phase } };
    return this.createdBefore(60_000);
  }

  createdBefore(ms: number): this {
    return this.metadata({ creationTimestamp: before(ms) });
  }

  removal(reason: 'ScaleDown' | 'ManualSize' | 'PoolDeleted' = 'ScaleDown'): this {
    return this.status({ removal: { reason, message: 'not needed', at: before(1000) } });
  }

  deleting(): this {
    return this.metadata({ deletionTimestamp: before(1000) });
  }

  build(): NodeClaim {
    return this.#claim;
  }
}

/** A Ready claim of a pool; `pool` is its name. */
export function makeClaim(name: string, pool = 'web'): ClaimBuilder {
  return new ClaimBuilder(name, pool);
}
