// The fields of ResourceClaims, ResourceSlices and DeviceClasses that DynamicResources reads, as they are in JSON.
import type { Maybe, Meta, ResourceList, V1NodeSelector, V1Toleration } from './v1.ts';

export interface V1DeviceSelector {
  readonly cel?: Maybe<{ readonly expression?: Maybe<string> }>;
}

export interface V1DeviceClass {
  readonly metadata: Meta;
  readonly spec?: Maybe<{
    readonly selectors?: Maybe<readonly V1DeviceSelector[]>;
    readonly extendedResourceName?: Maybe<string>;
  }>;
}

/** One request, or one of several that would do. */
export interface V1ExactRequest {
  readonly deviceClassName?: Maybe<string>;
  readonly selectors?: Maybe<readonly V1DeviceSelector[]>;
  readonly allocationMode?: Maybe<string>;
  readonly count?: Maybe<number>;
  readonly adminAccess?: Maybe<boolean>;
  readonly tolerations?: Maybe<readonly V1Toleration[]>;
  readonly capacity?: Maybe<{ readonly requests?: ResourceList }>;
  readonly derivedAttributes?: Maybe<readonly object[]>;
}

export interface V1DeviceRequest {
  readonly name?: Maybe<string>;
  readonly exactly?: Maybe<V1ExactRequest>;
  readonly firstAvailable?: Maybe<readonly (V1ExactRequest & { readonly name?: Maybe<string> })[]>;
}

export interface V1DeviceConstraint {
  readonly requests?: Maybe<readonly string[]>;
  readonly matchAttribute?: Maybe<string>;
  readonly distinctAttribute?: Maybe<string>;
}

export interface V1DeviceResult {
  readonly request?: Maybe<string>;
  readonly driver?: Maybe<string>;
  readonly pool?: Maybe<string>;
  readonly device?: Maybe<string>;
  readonly adminAccess?: Maybe<boolean>;
  readonly shareID?: Maybe<string>;
  readonly consumedCapacity?: ResourceList;
  readonly skipNodeOperations?: Maybe<readonly unknown[]>;
  readonly bindingConditions?: Maybe<readonly string[]>;
}

export interface V1Allocation {
  readonly devices?: Maybe<{ readonly results?: Maybe<readonly V1DeviceResult[]> }>;
  readonly nodeSelector?: Maybe<V1NodeSelector>;
}

export interface V1ResourceClaim {
  readonly metadata: Meta;
  readonly spec?: Maybe<{
    readonly devices?: Maybe<{
      readonly requests?: Maybe<readonly V1DeviceRequest[]>;
      readonly constraints?: Maybe<readonly V1DeviceConstraint[]>;
    }>;
  }>;
  readonly status?: Maybe<{ readonly allocation?: Maybe<V1Allocation> }>;
}

export interface V1DeviceAttribute {
  readonly string?: Maybe<string>;
  readonly int?: Maybe<number>;
  readonly bool?: Maybe<boolean>;
  readonly version?: Maybe<string>;
}

export interface V1DeviceCapacity {
  readonly value?: Maybe<string | number>;
  readonly requestPolicy?: Maybe<{
    readonly default?: Maybe<string | number>;
    readonly validValues?: Maybe<readonly (string | number)[]>;
    readonly validRange?: Maybe<{
      readonly min?: Maybe<string | number>;
      readonly max?: Maybe<string | number>;
      readonly step?: Maybe<string | number>;
    }>;
  }>;
}

/** Where devices can be used: of a whole slice, or of one device. */
export interface V1DevicePlace {
  readonly nodeName?: Maybe<string>;
  readonly allNodes?: Maybe<boolean>;
  readonly nodeSelector?: Maybe<V1NodeSelector>;
}

export type V1Counters = Maybe<Readonly<Record<string, { readonly value?: Maybe<string | number> }>>>;

export interface V1CounterSet {
  readonly name?: Maybe<string>;
  readonly counters?: V1Counters;
}

export interface V1Device extends V1DevicePlace {
  readonly name?: Maybe<string>;
  readonly attributes?: Maybe<Readonly<Record<string, V1DeviceAttribute>>>;
  readonly capacity?: Maybe<Readonly<Record<string, V1DeviceCapacity>>>;
  readonly taints?: Maybe<readonly { readonly key: string; readonly value?: Maybe<string>; readonly effect: string }[]>;
  readonly allowMultipleAllocations?: Maybe<boolean>;
  readonly bindsToNode?: Maybe<boolean>;
  readonly bindingConditions?: Maybe<readonly string[]>;
  readonly consumesCounters?: Maybe<readonly { readonly counterSet?: Maybe<string>; readonly counters?: V1Counters }[]>;
}

export interface V1ResourceSlice {
  readonly metadata: Meta;
  readonly spec?: Maybe<
    V1DevicePlace & {
      readonly driver?: Maybe<string>;
      readonly pool?: Maybe<{
        readonly name?: Maybe<string>;
        readonly generation?: Maybe<number>;
        readonly resourceSliceCount?: Maybe<number>;
      }>;
      readonly perDeviceNodeSelection?: Maybe<boolean>;
      readonly devices?: Maybe<readonly V1Device[]>;
      readonly sharedCounters?: Maybe<readonly V1CounterSet[]>;
    }
  >;
}
