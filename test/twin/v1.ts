// The fields of Kubernetes objects that kube-scheduler's filters read, as they are in JSON: any of them may be absent or null.
import type { V1DeviceClass, V1ResourceClaim, V1ResourceSlice } from './v1-devices.ts';

export type Maybe<T> = T | null | undefined;
export type Texts = Maybe<Readonly<Record<string, string>>>;
/** Quantities by resource name. */
export type ResourceList = Maybe<Readonly<Record<string, string | number>>>;

export interface Meta {
  readonly name: string;
  readonly namespace?: Maybe<string>;
  readonly uid?: Maybe<string>;
  readonly labels?: Texts;
  readonly annotations?: Texts;
  readonly deletionTimestamp?: Maybe<string>;
  readonly ownerReferences?: Maybe<readonly { readonly uid?: Maybe<string>; readonly controller?: Maybe<boolean> }[]>;
}

export interface V1Requirement {
  readonly key?: Maybe<string>;
  readonly operator?: Maybe<string>;
  readonly values?: Maybe<readonly string[]>;
}

export interface V1LabelSelector {
  readonly matchLabels?: Texts;
  readonly matchExpressions?: Maybe<readonly V1Requirement[]>;
}

export interface V1NodeSelectorTerm {
  readonly matchExpressions?: Maybe<readonly V1Requirement[]>;
  readonly matchFields?: Maybe<readonly V1Requirement[]>;
}

export interface V1NodeSelector {
  readonly nodeSelectorTerms?: Maybe<readonly V1NodeSelectorTerm[]>;
}

export interface V1PodAffinityTerm {
  readonly topologyKey: string;
  readonly labelSelector?: Maybe<V1LabelSelector>;
  readonly namespaces?: Maybe<readonly string[]>;
  readonly namespaceSelector?: Maybe<V1LabelSelector>;
}

export interface V1PodAffinity {
  readonly requiredDuringSchedulingIgnoredDuringExecution?: Maybe<readonly V1PodAffinityTerm[]>;
  readonly preferredDuringSchedulingIgnoredDuringExecution?: Maybe<
    readonly { readonly podAffinityTerm?: Maybe<V1PodAffinityTerm> }[]
  >;
}

export interface V1SpreadConstraint {
  readonly topologyKey: string;
  readonly maxSkew?: Maybe<number>;
  readonly whenUnsatisfiable?: Maybe<string>;
  readonly labelSelector?: Maybe<V1LabelSelector>;
  readonly minDomains?: Maybe<number>;
  readonly nodeAffinityPolicy?: Maybe<string>;
  readonly nodeTaintsPolicy?: Maybe<string>;
  readonly matchLabelKeys?: Maybe<readonly string[]>;
}

export interface V1Toleration {
  readonly key?: Maybe<string>;
  readonly operator?: Maybe<string>;
  readonly value?: Maybe<string>;
  readonly effect?: Maybe<string>;
}

export interface V1Resources {
  readonly requests?: ResourceList;
}

export interface V1Container {
  readonly name?: Maybe<string>;
  readonly resources?: Maybe<V1Resources>;
  readonly restartPolicy?: Maybe<string>;
  readonly ports?: Maybe<
    readonly { readonly hostPort?: Maybe<number>; readonly protocol?: Maybe<string>; readonly hostIP?: Maybe<string> }[]
  >;
  readonly restartPolicyRules?: Maybe<readonly { readonly action?: Maybe<string> }[]>;
  readonly volumeMounts?: Maybe<readonly { readonly bindMountOptions?: Maybe<readonly string[]> }[]>;
}

export interface V1Volume {
  readonly name?: Maybe<string>;
  readonly persistentVolumeClaim?: Maybe<{ readonly claimName?: Maybe<string> }>;
  readonly ephemeral?: Maybe<object>;
  readonly gcePersistentDisk?: Maybe<{ readonly pdName?: Maybe<string>; readonly readOnly?: Maybe<boolean> }>;
  readonly awsElasticBlockStore?: Maybe<{ readonly volumeID?: Maybe<string> }>;
  readonly iscsi?: Maybe<{ readonly iqn?: Maybe<string>; readonly readOnly?: Maybe<boolean> }>;
  readonly rbd?: Maybe<{
    readonly pool?: Maybe<string>;
    readonly image?: Maybe<string>;
    readonly monitors?: Maybe<readonly string[]>;
    readonly readOnly?: Maybe<boolean>;
  }>;
  readonly azureDisk?: Maybe<{ readonly diskURI?: Maybe<string> }>;
  readonly cinder?: Maybe<{ readonly volumeID?: Maybe<string> }>;
  readonly portworxVolume?: Maybe<{ readonly volumeID?: Maybe<string> }>;
}

export interface V1ContainerStatus {
  readonly name?: Maybe<string>;
  readonly allocatedResources?: ResourceList;
  readonly resources?: Maybe<V1Resources>;
}

export interface V1PodResourceClaim {
  readonly name?: Maybe<string>;
  readonly resourceClaimName?: Maybe<string>;
  readonly resourceClaimTemplateName?: Maybe<string>;
}

export interface V1Pod {
  readonly metadata: Meta;
  readonly spec: {
    readonly nodeName?: Maybe<string>;
    readonly schedulerName?: Maybe<string>;
    readonly priority?: Maybe<number>;
    readonly containers?: Maybe<readonly V1Container[]>;
    readonly initContainers?: Maybe<readonly V1Container[]>;
    readonly ephemeralContainers?: Maybe<readonly V1Container[]>;
    readonly resources?: Maybe<V1Resources>;
    readonly overhead?: ResourceList;
    readonly nodeSelector?: Texts;
    readonly affinity?: Maybe<{
      readonly nodeAffinity?: Maybe<{
        readonly requiredDuringSchedulingIgnoredDuringExecution?: Maybe<V1NodeSelector>;
      }>;
      readonly podAffinity?: Maybe<V1PodAffinity>;
      readonly podAntiAffinity?: Maybe<V1PodAffinity>;
    }>;
    readonly tolerations?: Maybe<readonly V1Toleration[]>;
    readonly topologySpreadConstraints?: Maybe<readonly V1SpreadConstraint[]>;
    readonly volumes?: Maybe<readonly V1Volume[]>;
    readonly hostNetwork?: Maybe<boolean>;
    readonly hostUsers?: Maybe<boolean>;
    readonly resourceClaims?: Maybe<readonly V1PodResourceClaim[]>;
  };
  readonly status?: Maybe<{
    readonly phase?: Maybe<string>;
    readonly resourceClaimStatuses?: Maybe<
      readonly { readonly name?: Maybe<string>; readonly resourceClaimName?: Maybe<string> }[]
    >;
    readonly allocatedResources?: ResourceList;
    readonly resources?: Maybe<V1Resources>;
    readonly containerStatuses?: Maybe<readonly V1ContainerStatus[]>;
    readonly initContainerStatuses?: Maybe<readonly V1ContainerStatus[]>;
    readonly conditions?: Maybe<readonly { readonly type?: Maybe<string>; readonly reason?: Maybe<string> }[]>;
  }>;
}

export interface V1Taint {
  readonly key: string;
  readonly value?: Maybe<string>;
  readonly effect: string;
}

export interface V1Node {
  readonly metadata: Meta;
  readonly spec?: Maybe<{
    readonly unschedulable?: Maybe<boolean>;
    readonly taints?: Maybe<readonly V1Taint[]>;
  }>;
  readonly status?: Maybe<{
    readonly allocatable?: ResourceList;
    readonly declaredFeatures?: Maybe<readonly string[]>;
  }>;
}

export interface V1Namespace {
  readonly metadata: Meta;
}

export interface V1VolumeClaim {
  readonly metadata: Meta;
  readonly spec?: Maybe<{
    readonly volumeName?: Maybe<string>;
    readonly storageClassName?: Maybe<string>;
    readonly accessModes?: Maybe<readonly string[]>;
    readonly resources?: Maybe<V1Resources>;
    readonly selector?: Maybe<V1LabelSelector>;
    readonly volumeMode?: Maybe<string>;
    readonly volumeAttributesClassName?: Maybe<string>;
  }>;
  readonly status?: Maybe<{ readonly phase?: Maybe<string> }>;
}

/** In-tree sources are named as in a pod's volume. */
export type V1VolumeSources = Pick<
  V1Volume,
  'gcePersistentDisk' | 'awsElasticBlockStore' | 'azureDisk' | 'cinder' | 'portworxVolume'
>;

export interface V1PersistentVolume {
  readonly metadata: Meta;
  readonly spec?: Maybe<
    V1VolumeSources & {
      readonly csi?: Maybe<{ readonly driver?: Maybe<string>; readonly volumeHandle?: Maybe<string> }>;
      readonly storageClassName?: Maybe<string>;
      readonly capacity?: ResourceList;
      readonly accessModes?: Maybe<readonly string[]>;
      readonly claimRef?: Maybe<{
        readonly namespace?: Maybe<string>;
        readonly name?: Maybe<string>;
        readonly uid?: Maybe<string>;
      }>;
      readonly nodeAffinity?: Maybe<{ readonly required?: Maybe<V1NodeSelector> }>;
      readonly volumeMode?: Maybe<string>;
      readonly volumeAttributesClassName?: Maybe<string>;
    }
  >;
  readonly status?: Maybe<{ readonly phase?: Maybe<string> }>;
}

export interface V1StorageClass {
  readonly metadata: Meta;
  readonly provisioner?: Maybe<string>;
  readonly volumeBindingMode?: Maybe<string>;
  readonly allowedTopologies?: Maybe<
    readonly {
      readonly matchLabelExpressions?: Maybe<
        readonly { readonly key?: Maybe<string>; readonly values?: Maybe<readonly string[]> }[]
      >;
    }[]
  >;
}

export interface V1CsiNode {
  readonly metadata: Meta;
  readonly spec?: Maybe<{
    readonly drivers?: Maybe<
      readonly { readonly name?: Maybe<string>; readonly allocatable?: Maybe<{ readonly count?: Maybe<number> }> }[]
    >;
  }>;
}

export interface V1CsiDriver {
  readonly metadata: Meta;
  readonly spec?: Maybe<{
    readonly storageCapacity?: Maybe<boolean>;
    readonly preventPodSchedulingIfMissing?: Maybe<boolean>;
  }>;
}

export interface V1CsiStorageCapacity {
  readonly metadata: Meta;
  readonly storageClassName?: Maybe<string>;
  readonly nodeTopology?: Maybe<V1LabelSelector>;
  readonly capacity?: Maybe<string | number>;
  readonly maximumVolumeSize?: Maybe<string | number>;
}

export interface V1VolumeAttachment {
  readonly metadata: Meta;
  readonly spec?: Maybe<{
    readonly attacher?: Maybe<string>;
    readonly nodeName?: Maybe<string>;
    readonly source?: Maybe<{ readonly persistentVolumeName?: Maybe<string> }>;
  }>;
}

/** One line of `sluice check-fit`. */
export interface V1Objects {
  readonly nodes: readonly V1Node[];
  readonly pods?: Maybe<readonly V1Pod[]>;
  readonly namespaces?: Maybe<readonly V1Namespace[]>;
  readonly persistentVolumeClaims?: Maybe<readonly V1VolumeClaim[]>;
  readonly persistentVolumes?: Maybe<readonly V1PersistentVolume[]>;
  readonly storageClasses?: Maybe<readonly V1StorageClass[]>;
  readonly csiNodes?: Maybe<readonly V1CsiNode[]>;
  readonly csiDrivers?: Maybe<readonly V1CsiDriver[]>;
  readonly csiStorageCapacities?: Maybe<readonly V1CsiStorageCapacity[]>;
  readonly volumeAttachments?: Maybe<readonly V1VolumeAttachment[]>;
  readonly resourceClaims?: Maybe<readonly V1ResourceClaim[]>;
  readonly resourceSlices?: Maybe<readonly V1ResourceSlice[]>;
  readonly deviceClasses?: Maybe<readonly V1DeviceClass[]>;
}
