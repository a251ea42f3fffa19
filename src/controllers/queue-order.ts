// In which order kube-scheduler tries the pods that wait, as far as it can be told from outside: the most important ones first,
// then those that wait longest since their last try in vain, which it writes to the pod. Where we wrote to the pod since, what its
// version was before has been kept; after a restart such pods count as tried when they were named, in which order they were tried
// too, nearly.
import type { PodObject } from '../cluster/cluster-objects.ts';

export class QueueOrder {
  /** By uid: the version when the pod had no name yet. */
  readonly #tried = new Map<string, number>();

  /** The pod gets a name now. */
  note({ uid, version }: PodObject): void {
    this.#tried.set(uid, version);
  }

  /** Keeps what it knows of pods that wait. */
  forget(waiting: readonly PodObject[]): void {
    if (this.#tried.size === 0) return;
    const uids = new Set(waiting.map(({ uid }) => uid));
    for (const uid of this.#tried.keys()) if (!uids.has(uid)) this.#tried.delete(uid);
  }

  compare(left: PodObject, right: PodObject): number {
    return right.priority - left.priority || this.#versionOf(left) - this.#versionOf(right);
  }

  first(pods: readonly PodObject[]): PodObject | undefined {
    return pods.reduce<PodObject | undefined>(
      (first, pod) => (first === undefined || this.compare(pod, first) < 0 ? pod : first),
      undefined,
    );
  }

  #versionOf({ uid, version, nominatedNodeName }: PodObject): number {
    return nominatedNodeName === '' ? version : (this.#tried.get(uid) ?? version);
  }
}
