// What the shell can find out about one claim's life. A fact that could not be read says so: unknown is never "absent".
// Decides nothing.
import type { NodeObject, PodObject } from '../cluster/cluster-objects.ts';

/** `known: false`: the question was asked and no answer came. */
export type Fact<T> = { readonly known: true; readonly value: T } | { readonly known: false; readonly why: string };

/** Why Nova gave up on a server. `meaning` is the adapter's reading of it: quota, capacity, or nothing known. */
export interface ServerFault {
  readonly code: number;
  readonly message: string;
  readonly meaning?: string | undefined;
}

/** The part of a Nova server that decisions read. */
export interface ObservedServer {
  readonly id: string;
  readonly status: string;
  /** e.g. deleting; empty = none. */
  readonly taskState: string;
  readonly projectId: string;
  readonly createdMs: number;
  readonly metadata: ReadonlyMap<string, string>;
  readonly addresses: readonly string[];
  readonly fault: ServerFault | undefined;
}

/** The part of a Neutron port that decisions read. */
export interface ObservedPort {
  readonly id: string;
  /** Server id; empty = free. */
  readonly deviceId: string;
  /** Which network of the claim it is on: 0 or absent the first, from 1 the additional ones. */
  readonly networkIndex?: number;
}

/** The part of a Neutron floating IP that decisions read. */
export interface ObservedFloatingIp {
  readonly id: string;
  readonly address: string;
  /** Empty = it leads nowhere. */
  readonly portId: string;
}

/** Each is undefined until a `look` step asked for it; dropped again after anything was changed that it could show. */
export interface ClaimFacts {
  /** Ports of this claim by network, oldest first. */
  readonly ports?: Fact<readonly ObservedPort[]> | undefined;
  /** Floating IPs that carry the claim's mark, oldest first. */
  readonly floatingIps?: Fact<readonly ObservedFloatingIp[]> | undefined;
  /** Servers that carry the claim's uid or name, and those that its ports are bound to. */
  readonly servers?: Fact<readonly ObservedServer[]> | undefined;
  /** The server of status.serverId; value undefined: confirmed 404. */
  readonly server?: Fact<ObservedServer | undefined> | undefined;
  /** The Node of the claim's name; value undefined: confirmed 404. */
  readonly node?: Fact<NodeObject | undefined> | undefined;
  /** Pods bound to that Node. */
  readonly pods?: Fact<readonly PodObject[]> | undefined;
  /** Attachments of volumes to that Node. */
  readonly volumes?: Fact<readonly string[]> | undefined;
}

export type FactName = keyof ClaimFacts;
