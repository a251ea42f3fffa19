// Builds a valid NodePool: flavor b3-16, autoscaled between 0 and 10 nodes.
import type { ObjectMeta } from '../../src/api/object-meta.ts';
import type { NodePool, NodePoolSpec, NodePoolStatus } from '../../src/api/node-pool.ts';

type TemplateTaints = NonNullable<NonNullable<NonNullable<NodePoolSpec['template']>['spec']>['taints']>;

export class PoolBuilder {
  #pool: NodePool;

  constructor(name: string) {
    this.#pool = {
      apiVersion: 'sluice.dev/v1alpha1',
      kind: 'NodePool',
      metadata: {
        name,
        uid: `pool-${name}`,
        resourceVersion: '1',
        generation: 1,
        creationTimestamp: '2026-01-01T00:00:00Z',
      },
      spec: { flavor: 'b3-16', minNodes: 0, maxNodes: 10, autoscale: true },
    };
  }

  metadata(metadata: Partial<ObjectMeta>): this {
    this.#pool = { ...this.#pool, metadata: { ...this.#pool.metadata, ...metadata } };
    return this;
  }

  spec(spec: Partial<NodePoolSpec>): this {
    this.#pool = { ...this.#pool, spec: { ...this.#pool.spec, ...spec } };
    return this;
  }

  /** Several flavors instead of one. */
  flavors(...flavors: readonly string[]): this {
    const { flavor: _, ...spec } = this.#pool.spec;
    this.#pool = { ...this.#pool, spec: { ...spec, flavors: [...flavors] } };
    return this;
  }

  labels(labels: Readonly<Record<string, string>>): this {
    const { template } = this.#pool.spec;
    return this.spec({
      template: { metadata: { ...template?.metadata, labels: { ...labels } }, spec: template?.spec ?? {} },
    });
  }

  taints(...taints: TemplateTaints): this {
    const { template } = this.#pool.spec;
    return this.spec({ template: { metadata: template?.metadata ?? {}, spec: { ...template?.spec, taints } } });
  }

  status(status: NodePoolStatus): this {
    this.#pool = { ...this.#pool, status };
    return this;
  }

  deleting(): this {
    return this.metadata({ deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['sluice.dev/nodepool'] });
  }

  build(): NodePool {
    return this.#pool;
  }
}

/** An autoscaled pool of b3-16 that may have 0 to 10 nodes. */
export function makePool(name: string): PoolBuilder {
  return new PoolBuilder(name);
}
