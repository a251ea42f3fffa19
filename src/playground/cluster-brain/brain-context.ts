// What the parts of a cluster's brain share: the API that they read and write without HTTP, and the timings.
import type { ApiServer } from '../kubernetes-api/api-server.ts';
import { ApiError, type KubeObject } from '../kubernetes-api/kube-object.ts';
import { resourceKey } from '../kubernetes-api/resource-catalog.ts';
import type { PlaygroundTimings } from '../playground.ts';
import type { Fields } from '../untyped.ts';

export class BrainContext {
  readonly api: ApiServer;
  readonly timings: PlaygroundTimings;

  constructor(api: ApiServer, timings: PlaygroundTimings) {
    this.api = api;
    this.timings = timings;
  }

  /** None of a kind that this API does not serve. */
  list(plural: string): readonly KubeObject[] {
    if (!this.api.catalog.serves(plural)) return [];
    return this.api.storage.list(resourceKey(this.api.catalog.named(plural)));
  }

  get(plural: string, name: string, namespace?: string): KubeObject | undefined {
    return this.api.storage.get(resourceKey(this.api.catalog.named(plural)), name, namespace);
  }

  create(plural: string, object: Fields, namespace?: string): KubeObject {
    const options = { manager: 'kube-controller-manager', subresource: '', namespace };
    return this.api.writer.create(this.api.catalog.named(plural), object, options);
  }

  /** Replaces spec and metadata, or the status. */
  update(plural: string, object: KubeObject, subresource: '' | 'status' = ''): KubeObject {
    const { name, namespace } = object.metadata;
    const options = { manager: 'kube-controller-manager', subresource, name, namespace };
    return this.api.writer.update(this.api.catalog.named(plural), object, options);
  }

  /** `force`: at once, as when nobody is left to stop it. An object that is gone is no error. */
  remove(plural: string, object: KubeObject, force = false): void {
    const { name, namespace, uid } = object.metadata;
    try {
      const options = { uid, ...(force ? { gracePeriodSeconds: 0 } : {}) };
      this.api.writer.remove(this.api.catalog.named(plural), { name, namespace }, options);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 404) throw error;
    }
  }
}
