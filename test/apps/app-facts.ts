// The facts file: public applications reduced to what scheduling reads. One YAML document an application.
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import type { V1LabelSelector, V1Pod } from '../twin/v1.ts';

type Spec = V1Pod['spec'];

/** cpu_m, mem_mib, eph_mib; other resources as they are. */
export type AppAmounts = Readonly<Record<string, number | string>>;

export interface AppContainer {
  readonly requests?: AppAmounts;
  readonly limits?: AppAmounts;
  readonly hostPorts?: readonly number[];
  readonly sidecar?: boolean;
}

export interface AppPod extends Pick<Spec, 'nodeSelector' | 'affinity' | 'topologySpreadConstraints' | 'tolerations'> {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly containers?: readonly AppContainer[];
  readonly initContainers?: readonly AppContainer[];
  readonly emptyDirVolumes?: number;
  readonly hostPathVolumes?: number;
  readonly pvcs?: readonly string[];
  readonly hostNetwork?: boolean;
  readonly priorityClassName?: string;
}

export interface AppVolumeClaim {
  readonly name: string;
  readonly accessModes: readonly string[];
  readonly storageClassName?: string;
  readonly size: string;
}

export interface AppWorkload {
  readonly kind: string;
  readonly name?: string;
  readonly from?: string;
  readonly replicas?: number;
  /** Pods of one replica of a multi-host worker group. */
  readonly numOfHosts?: number;
  readonly parallelism?: number;
  readonly volumeClaimTemplates?: readonly AppVolumeClaim[];
  readonly pod: AppPod;
}

export interface AppFacts {
  readonly app: string;
  readonly workloads: readonly AppWorkload[];
  readonly pvcs?: readonly AppVolumeClaim[];
  readonly priorityClasses?: readonly { readonly name: string; readonly value: number }[];
  readonly pdbs?: readonly { readonly name?: string; readonly selector?: V1LabelSelector }[];
}

/** All applications of the file, in its order. */
export function readAppFacts(file: string): readonly AppFacts[] {
  return parseAllDocuments(readFileSync(file, 'utf8'))
    .map((document): AppFacts | null => document.toJSON())
    .filter((facts) => facts !== null);
}
