// What Sluice keeps of a workload cluster's objects: cut down at the parser, pods interned to shapes.
// Everything else of an object is dropped while it is parsed, because a tenant may make objects as big as they like.
// Units: cpu in millicores, memory and storage in bytes, the rest are counts. Requests are rounded up, capacity down.
// Above 250 lines because it is one vocabulary of plain types; there is no code in it.
import type { NodeClaim } from '../api/node-claim.ts';
import type { NodePool } from '../api/node-pool.ts';
import type { WorkloadCluster } from '../api/workload-cluster.ts';
import type { Listed } from './listed.ts';
import type { ContainerDevices, DeviceClassObject, PodClaim } from './device-objects.ts';
import type { ResourceClaimObject, ResourceSliceObject } from './device-objects.ts';

export interface Resources {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly ephemeralBytes: number;
  readonly pods: number;
  /** Extended resources, hugepages, attachable volumes; absent = none. */
  readonly extended: ReadonlyMap<string, number>;
  /** The same as int64 by Kubernetes name, when some of them is below zero or too big for exact sums of doubles; the
   *  fields above then hold what is nearest in between. Absent: they say it all. */
  readonly exact?: ReadonlyMap<string, bigint>;
}

export interface Taint {
  readonly key: string;
  readonly value: string;
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
}

export interface Toleration {
  readonly key: string;
  readonly operator: string;
  readonly value: string;
  readonly effect: string;
}

export interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values: readonly string[];
}

/** nil (undefined) matches nothing; an empty one matches everything. */
export interface LabelSelector {
  readonly requirements: readonly Requirement[];
}

export interface NodeSelectorTerm {
  readonly expressions: readonly Requirement[];
  readonly fields: readonly Requirement[];
}

export interface PodAffinityTerm {
  readonly topologyKey: string;
  readonly selector: LabelSelector | undefined;
  readonly namespaces: readonly string[];
  readonly namespaceSelector: LabelSelector | undefined;
}

export interface SpreadConstraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly selector: LabelSelector | undefined;
  readonly nodeAffinityPolicy: 'Honor' | 'Ignore';
  readonly nodeTaintsPolicy: 'Honor' | 'Ignore';
}

export interface HostPort {
  readonly protocol: string;
  readonly hostIp: string;
  readonly port: number;
}

/** A volume that says where a pod may run. `claim` is the PVC's name (also for generic ephemeral volumes). */
export interface PodVolume {
  readonly claim: string;
  readonly ephemeral: boolean;
}

/** A disk that a pod names without a claim; only kinds that a filter asks about. */
export interface InlineDisk {
  readonly kind: 'gce' | 'ebs' | 'iscsi' | 'rbd' | 'azure' | 'cinder' | 'portworx';
  /** Equal id = the same disk. */
  readonly id: string;
  readonly readOnly: boolean;
  /** RBD only: disks with no monitor in common are different. */
  readonly monitors: readonly string[];
}

/** Selectors of a pod that the API would not accept, and what kube-scheduler says of them. */
export interface ShapeFaults {
  readonly spread?: string;
  readonly affinity?: string;
}

/** All of a pod that the scheduler's filters read. Equal shapes are one object: interned by `key`. */
export interface PodShape {
  /** Dense number within one interner, never reused. */
  readonly index: number;
  /** Canonical text; equal text = equal shape. */
  readonly key: string;
  readonly namespace: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly requests: Resources;
  readonly nodeSelector: ReadonlyMap<string, string>;
  /** undefined: no required node affinity; empty: matches nothing. */
  readonly nodeAffinity: readonly NodeSelectorTerm[] | undefined;
  readonly tolerations: readonly Toleration[];
  readonly hostPorts: readonly HostPort[];
  readonly spread: readonly SpreadConstraint[];
  readonly podAffinity: readonly PodAffinityTerm[];
  readonly podAntiAffinity: readonly PodAffinityTerm[];
  readonly volumes: readonly PodVolume[];
  /** Absent = none, as are the next ones. */
  readonly disks?: readonly InlineDisk[];
  /** Features that its node must declare, sorted. */
  readonly features?: readonly string[];
  /** Its claims of devices (dynamic resource allocation), in their order. */
  readonly resourceClaims?: readonly PodClaim[];
  /** Its containers that ask for extended resources, which a device class may serve. */
  readonly containerDevices?: readonly ContainerDevices[];
  readonly faults?: ShapeFaults;
}

export interface ControllerRef {
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

export interface PodObject {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly createdMs: number;
  readonly version: number; // resourceVersion, which grows with each write; 0 once it has a node
  readonly deleting: boolean;
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
  readonly nodeName: string;
  readonly nominatedNodeName: string;
  readonly schedulerName: string;
  readonly priority: number;
  /** spec.schedulingGates is not empty: the scheduler does not look at it yet, neither do we. */
  readonly gated: boolean;
  /** Condition PodScheduled=False with reason Unschedulable was seen. */
  readonly unschedulable: boolean;
  readonly controller: ControllerRef | undefined;
  readonly mirror: boolean;
  readonly safeToEvict: boolean | undefined;
  readonly doNotDisrupt: boolean;
  /** emptyDir or hostPath volumes: data that is lost when the pod moves. */
  readonly localStorage: boolean;
  readonly shape: PodShape;
}

export interface NodeObject {
  readonly uid: string;
  readonly name: string;
  readonly resourceVersion: string;
  readonly createdMs: number;
  readonly deleting: boolean;
  readonly labels: ReadonlyMap<string, string>;
  /** Only keys that Sluice reads; see parse-node.ts. */
  readonly annotations: ReadonlyMap<string, string>;
  readonly finalizers: readonly string[];
  readonly taints: readonly Taint[];
  readonly unschedulable: boolean;
  readonly providerId: string;
  readonly allocatable: Resources;
  readonly ready: 'True' | 'False' | 'Unknown';
  readonly readyChangedMs: number;
  readonly volumesAttached: number;
  /** status.declaredFeatures; absent = none. */
  readonly declaredFeatures?: readonly string[];
}

export interface PodDisruptionBudgetObject {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly selector: LabelSelector | undefined;
  readonly disruptionsAllowed: number;
}

export interface DaemonSetObject {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** Shape of the pod that it would run on a node, before the controller pins it to one. */
  readonly shape: PodShape;
}

export interface PersistentVolumeClaimObject {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly volumeName: string;
  readonly bound: boolean;
  readonly storageClass: string;
  readonly requestBytes: number;
  readonly accessModes: readonly string[];
  readonly selectedNode: string;
  readonly deleting: boolean;
  /** Its volume is gone. */
  readonly lost?: boolean;
  /** Absent: any volume. */
  readonly selector?: LabelSelector;
  /** Absent: Filesystem. */
  readonly volumeMode?: string;
  readonly attributesClass?: string;
  /** It asks for an amount of storage. */
  readonly sized?: boolean;
  /** Of the pod that it was made for, when it is that of an ephemeral volume. */
  readonly controllerUid?: string;
}

export interface PersistentVolumeObject {
  readonly uid: string;
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly nodeAffinity: readonly NodeSelectorTerm[] | undefined;
  readonly csiDriver: string;
  readonly storageClass: string;
  readonly capacityBytes: number;
  readonly accessModes: readonly string[];
  readonly claimNamespace: string;
  readonly claimName: string;
  readonly phase: string;
  /** The claim that it is kept for, when it says which; absent: any of the name. */
  readonly claimUid?: string;
  /** What the driver calls it; absent: its own name. */
  readonly csiHandle?: string;
  /** In-tree plugin that became a CSI driver; absent: it never was in-tree. */
  readonly inTree?: string;
  readonly volumeMode?: string;
  readonly attributesClass?: string;
  readonly deleting?: boolean;
}

export interface StorageClassObject {
  readonly uid: string;
  readonly name: string;
  readonly provisioner: string;
  readonly waitForFirstConsumer: boolean;
  /** It says nothing of when to bind, which kube-scheduler calls an error. */
  readonly modeMissing?: boolean;
  /** undefined: everywhere. */
  readonly allowedTopologies: readonly NodeSelectorTerm[] | undefined;
}

export interface CsiNodeObject {
  readonly uid: string;
  readonly name: string;
  /** driver → most volumes; absent limit = not in the map. */
  readonly limits: ReadonlyMap<string, number>;
  /** All drivers on the node; absent: those with limits. */
  readonly drivers?: ReadonlySet<string>;
  /** In-tree plugins whose volumes the node takes as those of their CSI driver. */
  readonly migrated?: ReadonlySet<string>;
}

/** storage.k8s.io/v1 CSIDriver. */
export interface CsiDriverObject {
  readonly uid: string;
  readonly name: string;
  /** Free storage is tracked in CSIStorageCapacity objects. */
  readonly storageCapacity: boolean;
  /** No pod with its volumes goes to a node without it. */
  readonly requiredOnNode: boolean;
}

/** storage.k8s.io/v1 CSIStorageCapacity. */
export interface CsiStorageCapacityObject {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly storageClass: string;
  /** Biggest volume that can still be made there; absent: not known, which is as if there were none. */
  readonly volumeBytesMax?: number;
  /** Labels of the nodes that reach it; absent: none does. */
  readonly topology?: LabelSelector;
}

/** storage.k8s.io/v1 VolumeAttachment: a volume that is, or is to be, attached to a node. */
export interface VolumeAttachmentObject {
  readonly uid: string;
  readonly name: string;
  /** CSI driver. */
  readonly attacher: string;
  readonly nodeName: string;
  /** Of the PersistentVolume; empty: a volume without one. */
  readonly volumeName: string;
}

export interface NamespaceObject {
  readonly uid: string;
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
}

/** An OpenStack size. Disk in GiB as Nova reports it. */
export interface Flavor {
  readonly id: string;
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly diskGiB: number;
  readonly extraSpecs: ReadonlyMap<string, string>;
}

/** Room left in the project; undefined = unlimited. Counts what Nova counts: everything not yet gone. */
export interface Quota {
  readonly serversLeft: number | undefined;
  readonly coresLeft: number | undefined;
  readonly memoryMiBLeft: number | undefined;
  /** Most members of one server group; absent = unlimited. */
  readonly serverGroupMembersMax?: number | undefined;
  /** Of the network service; undefined or absent: it does not tell, or they are unlimited. */
  readonly portsLeft?: number | undefined;
}

/** Names of a WorkloadCluster resolved to ids in its project. */
export interface CloudTargets {
  readonly networkId: string;
  readonly subnetId: string | undefined;
  /** Networks beside the first, in the operator's order; absent = none. */
  readonly additionalNetworks?: readonly { readonly networkId: string; readonly subnetId: string | undefined }[];
  /** Where floating IPs come from; absent = the operator names none. */
  readonly externalNetworkId?: string | undefined;
  readonly images: readonly {
    readonly id: string;
    readonly name: string;
    readonly flavors: readonly string[] | undefined;
  }[];
  /** Availability zones that take servers, sorted. */
  readonly zones: readonly string[];
  readonly region: string;
}

/** A fault that the shell has seen and that still stands: no new try for this before `untilMs`. */
export interface Backoff {
  readonly kind:
    | 'capacity'
    | 'quota'
    | 'credentials'
    | 'invalidSpec'
    | 'unavailable'
    | 'throttled'
    /** Nodes there are made and never become Ready. */
    | 'provisionTimeout';
  /** Empty: concerns every flavor (zone) of the project. */
  readonly flavor: string;
  readonly zone: string;
  readonly pool: string;
  readonly message: string;
  readonly untilMs: number;
  /** Also where faults of this kind concern every pool. */
  readonly poolOnly?: true;
}

/** Everything that one decision may look at, at one instant. Lists are in no particular order. */
export interface ClusterObjects {
  readonly cluster: WorkloadCluster;
  readonly observedAtMs: number;
  readonly nodePools: readonly NodePool[];
  readonly claims: readonly NodeClaim[];
  readonly pods: Listed<PodObject>;
  readonly nodes: Listed<NodeObject>;
  readonly podDisruptionBudgets: readonly PodDisruptionBudgetObject[];
  readonly daemonSets: readonly DaemonSetObject[];
  readonly persistentVolumeClaims: readonly PersistentVolumeClaimObject[];
  readonly persistentVolumes: readonly PersistentVolumeObject[];
  readonly storageClasses: readonly StorageClassObject[];
  readonly csiNodes: readonly CsiNodeObject[];
  /** Absent: not looked at, which is as if there were none. */
  readonly csiDrivers?: readonly CsiDriverObject[];
  /** Absent: as above, and so for the next. */
  readonly csiStorageCapacities?: readonly CsiStorageCapacityObject[];
  readonly volumeAttachments?: readonly VolumeAttachmentObject[];
  /** Dynamic resource allocation. Absent: not looked at; pods with claims are then refused and say so. */
  readonly resourceClaims?: readonly ResourceClaimObject[];
  readonly resourceSlices?: readonly ResourceSliceObject[];
  readonly deviceClasses?: readonly DeviceClassObject[];
  readonly namespaces: readonly NamespaceObject[];
  readonly flavors: readonly Flavor[];
  readonly targets: CloudTargets;
  readonly quota: Quota;
  /** Flavor name → price per hour; undefined: the stated model is used and cost is relative. */
  readonly prices: ReadonlyMap<string, number> | undefined;
  readonly backoffs: readonly Backoff[];
  /** New nodes are to register with the placing taint, which the shell lifts once their pods are named. Absent: not. */
  readonly placing?: boolean;
  /** Why nothing may be removed now (path to the control plane sick, too much vanished at once); undefined: it may. */
  readonly frozen: string | undefined;
}
