// Builds a valid pod: `makePod('web').requests({ cpuMillis: 500 }).build()`. Defaults: pending, created at 0, owned by a
// ReplicaSet, asks for 100m and 128 MiB. Every build is interned by key, so that equal pods share their shape.
import type {
  HostPort,
  LabelSelector,
  NodeSelectorTerm,
  PodAffinityTerm,
  PodObject,
  PodShape,
  PodVolume,
  SpreadConstraint,
  Toleration,
} from '../../src/cluster/cluster-objects.ts';
import { PodShapeInterner } from '../../src/cluster/pod-shape-interner.ts';

export const MIB = 1024 ** 2;
export const GIB = 1024 ** 3;

/** Shared by all builders of one test file, as one session shares its interner. */
export const testInterner = new PodShapeInterner();

interface RequestOptions {
  readonly cpuMillis?: number;
  readonly memoryBytes?: number;
  readonly ephemeralBytes?: number;
  readonly extended?: Readonly<Record<string, number>>;
}

/** A selector of labels that must be equal. */
export function matchLabels(labels: Readonly<Record<string, string>>): LabelSelector {
  return {
    requirements: Object.entries(labels).map(([key, value]) => ({ key, operator: 'In', values: [value] })),
  };
}

export class PodBuilder {
  #pod: Omit<PodObject, 'shape'>;
  #shape: Omit<PodShape, 'index' | 'key'>;

  constructor(name: string) {
    this.#pod = {
      uid: `pod-${name}`,
      namespace: 'default',
      name,
      createdMs: 0,
      version: 0,
      deleting: false,
      phase: 'Pending',
      nodeName: '',
      nominatedNodeName: '',
      schedulerName: 'default-scheduler',
      priority: 0,
      gated: false,
      unschedulable: true,
      controller: { kind: 'ReplicaSet', name: 'web', uid: 'rs-web' },
      mirror: false,
      safeToEvict: undefined,
      doNotDisrupt: false,
      localStorage: false,
    };
    this.#shape = {
      namespace: 'default',
      labels: new Map(),
      requests: { cpuMillis: 100, memoryBytes: 128 * MIB, ephemeralBytes: 0, pods: 1, extended: new Map() },
      nodeSelector: new Map(),
      nodeAffinity: undefined,
      tolerations: [],
      hostPorts: [],
      spread: [],
      podAffinity: [],
      podAntiAffinity: [],
      volumes: [],
    };
  }

  /** Any field but the shape. */
  with(fields: Partial<Omit<PodObject, 'shape' | 'namespace'>>): this {
    this.#pod = { ...this.#pod, ...fields };
    return this;
  }

  namespace(namespace: string): this {
    this.#pod = { ...this.#pod, namespace };
    return this.#with({ namespace });
  }

  /** Bound and running. */
  on(nodeName: string): this {
    return this.with({ nodeName, phase: 'Running', unschedulable: false });
  }

  deleting(): this {
    return this.with({ deleting: true });
  }

  priority(priority: number): this {
    return this.with({ priority });
  }

  createdMs(createdMs: number): this {
    return this.with({ createdMs });
  }

  bare(): this {
    return this.with({ controller: undefined });
  }

  /** What is not named is not asked for. */
  requests(requests: RequestOptions): this {
    return this.#with({
      requests: {
        cpuMillis: requests.cpuMillis ?? 0,
        memoryBytes: requests.memoryBytes ?? 0,
        ephemeralBytes: requests.ephemeralBytes ?? 0,
        pods: 1,
        extended: new Map(Object.entries(requests.extended ?? {})),
      },
    });
  }

  labels(labels: Readonly<Record<string, string>>): this {
    return this.#with({ labels: new Map(Object.entries(labels)) });
  }

  nodeSelector(labels: Readonly<Record<string, string>>): this {
    return this.#with({ nodeSelector: new Map(Object.entries(labels)) });
  }

  nodeAffinity(...terms: readonly NodeSelectorTerm[]): this {
    return this.#with({ nodeAffinity: terms });
  }

  tolerates(...tolerations: readonly Partial<Toleration>[]): this {
    return this.#with({
      tolerations: tolerations.map((one) => ({ key: '', operator: '', value: '', effect: '', ...one })),
    });
  }

  hostPort(port: number, options: Partial<HostPort> = {}): this {
    const hostPort = { protocol: 'TCP', hostIp: '0.0.0.0', port, ...options };
    return this.#with({ hostPorts: [...this.#shape.hostPorts, hostPort] });
  }

  spread(constraint: Partial<SpreadConstraint>): this {
    const filled: SpreadConstraint = {
      topologyKey: 'topology.kubernetes.io/zone',
      maxSkew: 1,
      minDomains: 1,
      selector: { requirements: [] },
      nodeAffinityPolicy: 'Honor',
      nodeTaintsPolicy: 'Ignore',
      ...constraint,
    };
    return this.#with({ spread: [...this.#shape.spread, filled] });
  }

  affinity(term: Partial<PodAffinityTerm>): this {
    return this.#with({ podAffinity: [...this.#shape.podAffinity, this.#term(term)] });
  }

  antiAffinity(term: Partial<PodAffinityTerm>): this {
    return this.#with({ podAntiAffinity: [...this.#shape.podAntiAffinity, this.#term(term)] });
  }

  volumes(...volumes: readonly (string | PodVolume)[]): this {
    const filled = volumes.map((one) => (typeof one === 'string' ? { claim: one, ephemeral: false } : one));
    return this.#with({ volumes: filled });
  }

  build(): PodObject {
    return { ...this.#pod, shape: testInterner.intern(this.#shape) };
  }

  /** `count` pods that differ in name and uid only. */
  buildMany(count: number): readonly PodObject[] {
    const shape = testInterner.intern(this.#shape);
    return Array.from({ length: count }, (_, index) => {
      const name = `${this.#pod.name}-${String(index).padStart(5, '0')}`;
      return { ...this.#pod, name, uid: `pod-${name}`, shape };
    });
  }

  #term(term: Partial<PodAffinityTerm>): PodAffinityTerm {
    return {
      topologyKey: 'kubernetes.io/hostname',
      selector: { requirements: [] },
      namespaces: term.namespaceSelector === undefined ? [this.#shape.namespace] : [],
      namespaceSelector: undefined,
      ...term,
    };
  }

  #with(fields: Partial<Omit<PodShape, 'index' | 'key'>>): this {
    this.#shape = { ...this.#shape, ...fields };
    return this;
  }
}

/** A pending pod of namespace `default`. */
export function makePod(name: string): PodBuilder {
  return new PodBuilder(name);
}
