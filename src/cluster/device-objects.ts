// What Sluice keeps of dynamic resource allocation (resource.k8s.io/v1): slices of devices, classes, claims, and what a pod
// asks of them. Plain types; quantities are exact amounts. Fields that no filter reads (opaque configuration) are dropped.
import type { NodeSelectorTerm } from './cluster-objects.ts';
import type { Amount } from './quantity.ts';

/** `none`: the API knows a kind of value that we do not, or there is none. Lists are behind an alpha gate, and still read. */
export type DeviceAttribute =
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'string' | 'version'; readonly value: string }
  | { readonly kind: 'ints'; readonly value: readonly bigint[] }
  | { readonly kind: 'bools'; readonly value: readonly boolean[] }
  | { readonly kind: 'strings' | 'versions'; readonly value: readonly string[] }
  | { readonly kind: 'none' };

/** What part of a capacity a claim may take. */
export interface CapacityPolicy {
  readonly default: Amount | undefined;
  readonly validValues: readonly Amount[];
  readonly validRange:
    | { readonly min: Amount | undefined; readonly max: Amount | undefined; readonly step: Amount | undefined }
    | undefined;
}

export interface DeviceCapacity {
  readonly value: Amount;
  readonly policy: CapacityPolicy | undefined;
}

export interface DeviceTaint {
  readonly key: string;
  readonly value: string;
  readonly effect: string;
}

export interface DeviceToleration extends DeviceTaint {
  readonly operator: string;
}

/** Where devices can be used: one of them is set, else nowhere. */
export interface DevicePlace {
  readonly nodeName: string | undefined;
  readonly nodeSelector: readonly NodeSelectorTerm[] | undefined;
  readonly allNodes: boolean;
}

export interface CounterConsumption {
  readonly counterSet: string;
  readonly counters: ReadonlyMap<string, Amount>;
}

export interface Device extends DevicePlace {
  readonly name: string;
  /** By name as written: with a domain, or without (then the driver is the domain). */
  readonly attributes: ReadonlyMap<string, DeviceAttribute>;
  readonly capacity: ReadonlyMap<string, DeviceCapacity>;
  readonly consumesCounters: readonly CounterConsumption[];
  readonly taints: readonly DeviceTaint[];
  readonly bindsToNode: boolean;
  readonly hasBindingConditions: boolean;
  readonly allowMultipleAllocations: boolean;
}

export interface CounterSet {
  readonly name: string;
  readonly counters: ReadonlyMap<string, Amount>;
}

/** resource.k8s.io/v1 ResourceSlice: some of the devices of one pool. */
export interface ResourceSliceObject extends DevicePlace {
  readonly uid: string;
  readonly name: string;
  readonly driver: string;
  readonly pool: string;
  readonly generation: number;
  /** How many slices of this generation make the pool complete. */
  readonly sliceCount: number;
  readonly perDeviceNodeSelection: boolean;
  readonly devices: readonly Device[];
  readonly sharedCounters: readonly CounterSet[];
  /** Some device names compatibility groups, an alpha feature: such slices are left out. */
  readonly compatibilityGroups: boolean;
}

/** resource.k8s.io/v1 DeviceClass. */
export interface DeviceClassObject {
  readonly uid: string;
  readonly name: string;
  readonly createdMs: number;
  readonly selectors: readonly DeviceSelector[];
  /** The extended resource that its devices serve, beside `deviceclass.resource.kubernetes.io/<name>`. */
  readonly extendedResourceName: string | undefined;
}

/** A CEL expression; undefined: a kind of selector that is not known. */
export type DeviceSelector = string | undefined;

/** One request of devices, or one of several that will do. */
export interface DeviceAsk {
  readonly name: string;
  readonly className: string;
  readonly selectors: readonly DeviceSelector[];
  /** ExactCount or All. */
  readonly mode: string;
  readonly count: number;
  readonly adminAccess: boolean;
  readonly tolerations: readonly DeviceToleration[];
  readonly capacity: ReadonlyMap<string, Amount>;
  /** An alpha feature: such a request is refused. */
  readonly derivedAttributes: boolean;
}

export interface DeviceRequest {
  readonly name: string;
  readonly exactly: DeviceAsk | undefined;
  /** In order of preference. Not empty: they count, not `exactly`. */
  readonly firstAvailable: readonly DeviceAsk[];
}

/** An attribute that must be the same on all devices of these requests, or another on each. No requests: all. */
export type DeviceConstraint =
  | { readonly kind: 'match' | 'distinct'; readonly attribute: string; readonly requests: readonly string[] }
  | { readonly kind: 'unknown' };

export interface AllocatedDevice {
  readonly driver: string;
  readonly pool: string;
  readonly device: string;
  readonly adminAccess: boolean;
  /** Set for a share of a device that allows several. */
  readonly shareId: string | undefined;
  readonly consumedCapacity: ReadonlyMap<string, Amount> | undefined;
  /** undefined: the list is absent, which for a timeout is not the same as empty. */
  readonly bindingConditions: readonly string[] | undefined;
  readonly bindingFailureConditions: readonly string[];
  readonly skipsNodeOperations: boolean;
}

export interface ClaimAllocation {
  readonly devices: readonly AllocatedDevice[];
  /** undefined: every node. */
  readonly nodeSelector: readonly NodeSelectorTerm[] | undefined;
  /** 0: unknown. */
  readonly allocatedMs: number;
}

/** What a driver reports of a device of a claim. */
export interface ClaimDeviceStatus {
  readonly driver: string;
  readonly pool: string;
  readonly device: string;
  /** Type → True, False or Unknown; the first of a type counts. */
  readonly conditions: ReadonlyMap<string, string>;
}

/** resource.k8s.io/v1 ResourceClaim. */
export interface ResourceClaimObject {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly deleting: boolean;
  /** Uid of the controlling owner; empty: none. */
  readonly controllerUid: string;
  /** Made by the scheduler for the extended resources of this pod. */
  readonly extendedFor: { readonly podUid: string; readonly podName: string } | undefined;
  /** undefined: the list is absent. */
  readonly requests: readonly DeviceRequest[] | undefined;
  readonly constraints: readonly DeviceConstraint[];
  /** undefined: not allocated. */
  readonly allocation: ClaimAllocation | undefined;
  readonly deviceStatuses: readonly ClaimDeviceStatus[];
}

/** An entry of a pod's spec.resourceClaims, looked up in its status. */
export type PodClaim =
  | { readonly kind: 'named'; readonly claim: string }
  /** Made from a template for this one pod. */
  | { readonly kind: 'generated'; readonly claim: string; readonly podUid: string; readonly podName: string }
  /** The template gave no claim, on purpose: nothing is needed. */
  | { readonly kind: 'skipped' }
  | { readonly kind: 'notGenerated'; readonly podName: string }
  | { readonly kind: 'unknown'; readonly name: string; readonly podName: string };

/** Extended resources that one container asks for, by name; whole numbers above zero only. */
export interface ContainerDevices {
  /** Position among init containers, then containers. */
  readonly index: number;
  /** It runs as long as the pod: containers and sidecars. */
  readonly lasting: boolean;
  /** `position`: among all requests of the container, by name. */
  readonly amounts: ReadonlyMap<string, { readonly count: number; readonly position: number }>;
}
