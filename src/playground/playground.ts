// What the playground is to those who start it: the demo, the tests, the replay.
// Everything the product needs of it is text: two kinds of kubeconfig and a clouds.yaml.
import type { Fields } from './untyped.ts';

export interface PlaygroundFlavor {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly diskGiB: number;
  /** As Nova shows them, e.g. of GPUs. */
  readonly extraSpecs?: Readonly<Record<string, string>>;
}

/** How long things take. All in milliseconds; zero is allowed. */
export interface PlaygroundTimings {
  /** From POST /servers to ACTIVE. */
  readonly buildMs: number;
  /** From ACTIVE to the first request of the kubelet. */
  readonly bootMs: number;
  /** From the Node's registration to Ready. */
  readonly readyMs: number;
  /** From DELETE /servers to 404. */
  readonly deleteMs: number;
  /** From a pod's binding to Running. */
  readonly podStartMs: number;
  /** From a pod's deletion to its end. */
  readonly podStopMs: number;
  /** Between two renewals of a node's Lease. */
  readonly heartbeatMs: number;
  /** After the last renewal the node turns Ready=Unknown. */
  readonly nodeGraceMs: number;
}

export interface PlaygroundQuota {
  readonly servers: number;
  readonly cores: number;
  readonly memoryMiB: number;
  readonly ports: number;
  readonly floatingIps: number;
  readonly serverGroupMembers: number;
}

/** A server that would boot now. */
export interface BootingServer {
  readonly id: string;
  readonly name: string;
  /** Base64, as Nova holds it. */
  readonly userData: string;
  readonly flavor: PlaygroundFlavor;
  /** Of its port. */
  readonly address: string;
}

export interface PlaygroundOptions {
  readonly flavors?: readonly PlaygroundFlavor[];
  readonly zones?: readonly string[];
  readonly quota?: Partial<PlaygroundQuota>;
  readonly timings?: Partial<PlaygroundTimings>;
  /** Built-in kinds by plural that no cluster serves, as those of an older Kubernetes would not. */
  readonly absentKinds?: readonly string[];
  /** Boots servers in place of the playground's own kubelets, which know no TLS: for nodes of a real control plane. */
  readonly bootServer?: (server: BootingServer) => void;
}

/** What ever happened, counted where it happened and never from the controller's words. */
export interface Books {
  readonly serversCreated: number;
  readonly serversDeleted: number;
  readonly serversLeft: number;
  readonly portsCreated: number;
  readonly portsDeleted: number;
  readonly portsLeft: number;
  readonly floatingIpsLeft: number;
  readonly nodesRegistered: number;
  /** Distinct pods that were Running at least once, of all workload clusters, daemon pods not counted. */
  readonly podsRun: number;
  /** Distinct pods that were evicted. */
  readonly podsEvicted: number;
  /** Claims that appeared, claims whose removal was recorded, changes of a pool's desiredNodes. */
  readonly decisions: number;
}

export type PlaygroundEvent =
  | {
      readonly kind: 'serverCreated' | 'serverActive' | 'serverFailed' | 'serverDeleting' | 'serverGone';
      readonly server: string;
      readonly flavor: string;
      readonly zone: string;
    }
  | { readonly kind: 'portCreated' | 'portGone'; readonly port: string }
  /** The server's user data makes no node of it. */
  | { readonly kind: 'bootFailed'; readonly server: string; readonly detail: string }
  | {
      readonly kind: 'nodeRegistered' | 'nodeReady' | 'nodeCordoned' | 'nodeUnreachable' | 'nodeGone';
      readonly cluster: string;
      readonly node: string;
    }
  | {
      readonly kind: 'podPending' | 'podUnschedulable' | 'podBound' | 'podRunning' | 'podEvicted' | 'podGone';
      readonly cluster: string;
      readonly pod: string;
      readonly node: string;
      readonly detail: string;
    }
  | {
      readonly kind: 'eventRecorded';
      readonly cluster: string;
      readonly regarding: string;
      readonly reason: string;
      readonly note: string;
    };

/** What Nova does to the next requests that match; the first rule that matches wins. */
export interface CloudFault {
  readonly operation:
    | 'createServer'
    | 'deleteServer'
    | 'createPort'
    | 'deletePort'
    | 'createFloatingIp'
    | 'deleteFloatingIp'
    | 'listServers';
  /** dropAnswer: carried out, then the connection is cut. quota: 403. noValidHost: accepted, then ERROR.
   *  buildAborted: likewise, for a reason that says nothing of room or quota. unavailable: 503, not carried out. throttled: 429 with Retry-After 1. */
  readonly effect: 'dropAnswer' | 'quota' | 'noValidHost' | 'buildAborted' | 'unavailable' | 'throttled';
  /** Only servers of this flavor, of this zone; absent: all. */
  readonly flavor?: string;
  readonly zone?: string;
  /** How often it strikes; absent: always. */
  readonly times?: number;
}

/** One Kubernetes API of the playground. */
export interface PlaygroundCluster {
  readonly name: string;
  readonly url: string;
  /** Admin, inline data only. */
  readonly kubeconfig: string;
  /** The same for kubectl, which sends no token over plain HTTP: the token is in the server's path. */
  readonly kubectlKubeconfig: string;
  /** Server-side apply by force, as an administrator would: what was applied before and is left out now vanishes. */
  apply(objects: readonly Fields[]): Promise<void>;
  /** By plural (`pods`, `nodepools`), of all namespaces. */
  list(plural: string): readonly Fields[];
  get(plural: string, name: string, namespace?: string): Fields | undefined;
  /** Asks for deletion; finalizers hold as usual. An absent object is no error. */
  remove(plural: string, name: string, namespace?: string): Promise<void>;
  /** Called after every change of any object. Returns the unsubscribe. */
  onChange(listener: () => void): () => void;
}

export interface Playground {
  readonly management: PlaygroundCluster;
  readonly managementKubeconfig: string;
  /** Cloud `playground`, application credential inline. */
  readonly cloudsYaml: string;
  readonly cloudUrl: string;
  readonly projectId: string;
  readonly networkName: string;
  /** A second network, which no router knows. */
  readonly storageNetworkName: string;
  /** Floating IPs come from it. */
  readonly externalNetworkName: string;
  readonly imageName: string;
  addWorkloadCluster(name: string): Promise<PlaygroundCluster>;
  /** On the management cluster. */
  apply(objects: readonly Fields[]): Promise<void>;
  /** Replaces the standing faults. */
  setCloudFaults(faults: readonly CloudFault[]): void;
  /** Replaces limits of the project's quota. */
  setQuota(quota: Partial<PlaygroundQuota>): void;
  /** The credentials of `cloudsYaml`, and every token that they gave, are worth nothing from now on. Returns the new text. */
  rotateCredentials(): string;
  /** Cuts a server's power: it stays in Nova, its kubelet falls silent. */
  killServer(name: string): void;
  /** Removes a server behind the controller's back. */
  loseServer(name: string): void;
  books(): Books;
  on(listener: (event: PlaygroundEvent) => void): () => void;
  close(): Promise<void>;
}
