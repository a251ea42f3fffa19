// What the cloud holds and how it refuses: shared by the state and by the services in front of it.
import type { PlaygroundEvent, PlaygroundFlavor, PlaygroundQuota, PlaygroundTimings } from '../playground.ts';

/** A refusal; `kind` is Nova's or Neutron's word for it. */
export class CloudError extends Error {
  readonly code: number;
  readonly kind: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: number, message: string, options: { kind: string; headers?: Readonly<Record<string, string>> }) {
    super(message);
    this.name = 'CloudError';
    this.code = code;
    this.kind = options.kind;
    this.headers = options.headers ?? {};
  }
}

export interface Server {
  readonly id: string;
  readonly name: string;
  readonly flavor: PlaygroundFlavor;
  readonly imageId: string;
  readonly requestedZone: string;
  readonly keyName: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly userData: string;
  readonly portIds: readonly string[];
  readonly groupId: string | undefined;
  readonly createdMs: number;
  /** Changes with its state. */
  status: 'BUILD' | 'ACTIVE' | 'ERROR' | 'DELETED';
  taskState: string | null;
  zone: string;
  fault: { readonly code: number; readonly message: string } | undefined;
  updatedMs: number;
}

export interface Port {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly networkId: string;
  readonly subnetId: string;
  readonly address: string;
  readonly securityGroups: readonly string[];
  readonly createdMs: number;
  tags: readonly string[];
  deviceId: string;
  zone: string;
}

export interface FloatingIp {
  readonly id: string;
  readonly address: string;
  readonly description: string;
  readonly createdMs: number;
  /** Empty once its port is gone. */
  portId: string;
}

/** A network of the project with its one subnet. */
export interface Network {
  readonly id: string;
  readonly name: string;
  readonly subnetId: string;
  readonly cidr: string;
}

export interface ServerGroup {
  readonly id: string;
  readonly name: string;
  readonly policy: string;
}

export interface CloudOptions {
  readonly flavors: readonly PlaygroundFlavor[];
  readonly zones: readonly string[];
  readonly quota: PlaygroundQuota;
  readonly timings: Pick<PlaygroundTimings, 'buildMs' | 'deleteMs'>;
  readonly emit: (event: PlaygroundEvent) => void;
}

export interface NewServerRequest {
  readonly name: string;
  readonly flavor: PlaygroundFlavor;
  readonly imageId: string;
  readonly zone: string;
  readonly keyName: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly userData: string;
  readonly portIds: readonly string[];
  readonly groupId: string | undefined;
}
