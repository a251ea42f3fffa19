// DynamicResources: claims of devices, and extended resources that device classes serve. What a fork asks of it, at no cost
// while no pod needs devices; the work is in devices/.
import type { ClusterObjects, PodObject, PodShape, Resources } from '../cluster/cluster-objects.ts';
import { DeviceBook, type DeviceNode } from './devices/device-book.ts';
import { classesByResource } from './devices/extended-resources.ts';
import type { Refusal } from './refusal.ts';

export class DynamicResources {
  readonly #objects: ClusterObjects;
  /** Extended resources that device classes serve; undefined: none. */
  readonly served: ReadonlySet<string> | undefined;
  #made: DeviceBook | undefined;

  constructor(objects: ClusterObjects) {
    this.#objects = objects;
    const classes = objects.deviceClasses ?? [];
    this.served = classes.length === 0 ? undefined : new Set(classesByResource(classes).keys());
  }

  /** Devices have a say on pods of this shape. */
  concerns({ resourceClaims, containerDevices, requests }: PodShape): boolean {
    if (resourceClaims !== undefined) return true;
    if (this.served === undefined || containerDevices === undefined) return false;
    for (const [name, amount] of requests.extended) if (amount !== 0 && this.served.has(name)) return true;
    return false;
  }

  /** Said of the pod before any node is looked at. */
  podRefusal(shape: PodShape): Refusal | undefined {
    return shape.resourceClaims === undefined ? undefined : this.#book.podRefusal(shape);
  }

  /** Why the node has no devices for the pod; podRefusal had nothing to say. */
  nodeRefusal(shape: PodShape, node: () => DeviceNode, pod?: PodObject): Refusal | undefined {
    return this.concerns(shape) ? this.#book.nodeRefusal(shape, node(), pod) : undefined;
  }

  /** The pods, all of one shape, have their devices on the node from now on. */
  take(pods: readonly PodObject[], node: () => DeviceNode): void {
    const [first] = pods;
    if (first === undefined || !this.concerns(first.shape)) return;
    for (const pod of pods) this.#book.take(pod, node());
  }

  /** Takes back `take`; everything later was taken back before. */
  untake(pods: readonly PodObject[]): void {
    const [first] = pods;
    if (first === undefined || !this.concerns(first.shape)) return;
    for (let left = pods.length; left > 0; left -= 1) this.#book.undo();
  }

  /** The pods' node is gone, and they with it. */
  release(pods: readonly PodObject[]): void {
    const concerned = pods.filter((pod) => this.concerns(pod.shape));
    if (concerned.length > 0) this.#book.release(concerned);
  }

  /** Takes back `release`. */
  unrelease(pods: readonly PodObject[]): void {
    if (pods.some((pod) => this.concerns(pod.shape))) this.#book.undo();
  }

  /** Devices that the pod has now, `driver/pool/device`, sorted. */
  devicesOf(pod: PodObject): readonly string[] {
    return this.concerns(pod.shape) ? this.#book.devicesOf(pod) : [];
  }

  get #book(): DeviceBook {
    this.#made ??= new DeviceBook(this.#objects);
    return this.#made;
  }
}

/** Devices, not the node's own capacity, answer for the resource here. */
export function isServed(
  name: string,
  node: { readonly allocatable: Resources; readonly served: ReadonlySet<string> },
): boolean {
  return node.served.has(name) && (node.allocatable.extended.get(name) ?? 0) === 0;
}
