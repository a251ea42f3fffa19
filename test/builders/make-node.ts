// Builds a valid node: Ready, 4 cores, 16 GiB, 110 pods, in zone-a.
import type { NodeObject, Resources, Taint } from '../../src/cluster/cluster-objects.ts';
import { GIB } from './make-pod.ts';

export class NodeBuilder {
  #node: NodeObject;

  constructor(name: string) {
    this.#node = {
      uid: `node-${name}`,
      name,
      resourceVersion: '1',
      createdMs: 0,
      deleting: false,
      labels: new Map([
        ['kubernetes.io/hostname', name],
        ['kubernetes.io/os', 'linux'],
        ['kubernetes.io/arch', 'amd64'],
        ['topology.kubernetes.io/zone', 'zone-a'],
      ]),
      annotations: new Map(),
      finalizers: [],
      taints: [],
      unschedulable: false,
      providerId: '',
      allocatable: { cpuMillis: 4000, memoryBytes: 16 * GIB, ephemeralBytes: 50 * GIB, pods: 110, extended: new Map() },
      ready: 'True',
      readyChangedMs: 0,
      volumesAttached: 0,
    };
  }

  with(fields: Partial<NodeObject>): this {
    this.#node = { ...this.#node, ...fields };
    return this;
  }

  allocatable(
    resources: Partial<Omit<Resources, 'extended'>> & { readonly extended?: Readonly<Record<string, number>> },
  ): this {
    const extended = new Map(Object.entries(resources.extended ?? {}));
    return this.with({ allocatable: { ...this.#node.allocatable, ...resources, extended } });
  }

  /** Beside the default ones. */
  labels(labels: Readonly<Record<string, string>>): this {
    return this.with({ labels: new Map([...this.#node.labels, ...Object.entries(labels)]) });
  }

  withoutLabel(key: string): this {
    return this.with({ labels: new Map([...this.#node.labels].filter(([one]) => one !== key)) });
  }

  annotations(annotations: Readonly<Record<string, string>>): this {
    return this.with({ annotations: new Map(Object.entries(annotations)) });
  }

  zone(zone: string): this {
    return this.labels({ 'topology.kubernetes.io/zone': zone });
  }

  taint(key: string, effect: Taint['effect'] = 'NoSchedule', value = ''): this {
    return this.with({ taints: [...this.#node.taints, { key, value, effect }] });
  }

  cordoned(): this {
    return this.with({ unschedulable: true });
  }

  notReady(status: 'False' | 'Unknown' = 'False'): this {
    return this.with({ ready: status }).taint('node.kubernetes.io/not-ready');
  }

  build(): NodeObject {
    return this.#node;
  }
}

/** A Ready node of zone-a that belongs to no pool. */
export function makeNode(name: string): NodeBuilder {
  return new NodeBuilder(name);
}
