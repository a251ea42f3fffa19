// What the pods of one node take up of host ports, disks and attached volumes, counted when a pod that wants some first
// asks and kept up to date from there on, so that a question costs what the asking pod wants and not what runs there.
import type { HostPort, PodObject, PodShape } from '../cluster/cluster-objects.ts';
import { ANY_ADDRESS } from './node-ports.ts';

/** The volumes that a pod attaches, by driver; a fault: the scheduler cannot tell. */
export type VolumesOf = (pod: PodObject) => ReadonlyMap<string, ReadonlySet<string>> | 'fault';

/** Driver → handle → pods that use it. */
export type AttachedVolumes = ReadonlyMap<string, ReadonlyMap<string, number>>;

export class NodeUse {
  readonly #ports = new Map<string, number>();
  readonly #diskShapes = new Map<PodShape, number>();
  #volumesOf: VolumesOf | undefined;
  readonly #attached = new Map<string, Map<string, number>>();
  #faults = 0;

  constructor(pods: Iterable<PodObject>) {
    for (const pod of pods) this.count(pod, 1);
  }

  /** The pod came (1) or went (−1). */
  count(pod: PodObject, by: 1 | -1): void {
    const { hostPorts, disks } = pod.shape;
    for (const port of hostPorts) {
      add(this.#ports, portKey(port), by);
      add(this.#ports, addressKey(port, port.hostIp), by);
    }
    if (disks !== undefined) add(this.#diskShapes, pod.shape, by);
    if (this.#volumesOf !== undefined) this.#countVolumes(pod, { by, volumesOf: this.#volumesOf });
  }

  /** Somebody here has the port on an address that meets this one. */
  isTaken(port: HostPort): boolean {
    if (port.hostIp === ANY_ADDRESS) return this.#ports.has(portKey(port));
    return this.#ports.has(addressKey(port, port.hostIp)) || this.#ports.has(addressKey(port, ANY_ADDRESS));
  }

  /** Shapes of the pods here that name disks without a claim. */
  get diskShapes(): Iterable<PodShape> {
    return this.#diskShapes.keys();
  }

  /** `pods` are those that are here; `volumesOf` must answer alike each time. undefined: some pod is at fault. */
  attached(pods: Iterable<PodObject>, volumesOf: VolumesOf): AttachedVolumes | undefined {
    if (this.#volumesOf === undefined) {
      this.#volumesOf = volumesOf;
      for (const pod of pods) this.#countVolumes(pod, { by: 1, volumesOf });
    }
    return this.#faults > 0 ? undefined : this.#attached;
  }

  #countVolumes(pod: PodObject, how: { readonly by: 1 | -1; readonly volumesOf: VolumesOf }): void {
    if (pod.shape.volumes.length === 0 && pod.shape.disks === undefined) return;
    const volumes = how.volumesOf(pod);
    if (volumes === 'fault') {
      this.#faults += how.by;
      return;
    }
    for (const [driver, handles] of volumes) {
      let counts = this.#attached.get(driver);
      if (counts === undefined) this.#attached.set(driver, (counts = new Map()));
      for (const handle of handles) add(counts, handle, how.by);
    }
  }
}

function add<T>(counts: Map<T, number>, key: T, by: number): void {
  const sum = (counts.get(key) ?? 0) + by;
  if (sum === 0) counts.delete(key);
  else counts.set(key, sum);
}

function portKey({ protocol, port }: HostPort): string {
  return `${port}/${protocol}`;
}

function addressKey(port: HostPort, address: string): string {
  return `${portKey(port)} ${address}`;
}
