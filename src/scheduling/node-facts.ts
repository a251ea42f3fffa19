// What the filters read of a node that does not depend on the pods it runs.
import type { Taint } from '../cluster/cluster-objects.ts';

export interface NodeFacts {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly taints: readonly Taint[];
  readonly unschedulable: boolean;
  /** CSI driver → most volumes; absent = no limit known. */
  readonly volumeLimits: ReadonlyMap<string, number>;
}
