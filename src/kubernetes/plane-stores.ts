// The list-watches of one plane: which collections feed which store, started and ended together.
import type { Clock, ObjectStore, Random, Telemetry } from '../controllers/ports.ts';
import { ListWatch } from './list-watch.ts';
import type { KnownLines } from './listed-lines.ts';
import { WatchedStore } from './object-store.ts';
import type { OpenLineReader } from './streamed-list.ts';
import { resourcePath, type Resource } from './resource-path.ts';
import { isServed } from './served-kinds.ts';
import type { Transport } from './transport.ts';

export class PlaneStores {
  readonly #deps: {
    readonly transport: Transport;
    /** Metric label. */
    readonly cluster: string;
    readonly clock: Clock;
    readonly random: Random;
    readonly telemetry: Telemetry;
  };
  readonly #watches: { start(): void; close(): Promise<void> }[] = [];

  constructor(deps: {
    readonly transport: Transport;
    readonly cluster: string;
    readonly clock: Clock;
    readonly random: Random;
    readonly telemetry: Telemetry;
  }) {
    this.#deps = deps;
  }

  /** A store of one kind. `namespaces`: where it is fed from; none: cluster-scoped, or all namespaces. `optional`: older
   *  servers do not have the kind, which then counts as having no objects. `openReader`, `knownLines`: help with lists. */
  add<T>(
    resource: Resource,
    parse: (raw: unknown) => T,
    options: {
      readonly namespaces?: readonly string[];
      readonly optional?: boolean;
      readonly openReader?: OpenLineReader<T> | undefined;
      readonly knownLines?: (() => KnownLines<T>) | undefined;
    } = {},
  ): ObjectStore<T> {
    const { transport, cluster, clock, random, telemetry } = this.#deps;
    const { namespaces = [], optional = false, openReader, knownLines } = options;
    const served = optional ? { isServed: async () => await isServed(transport, resource) } : {};
    const store = new WatchedStore<T>(resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`);
    const labels = { cluster, resource: resource.plural };
    store.subscribe(() => {
      telemetry.gauge('sluice_watch_objects', labels, store.size);
      telemetry.gauge('sluice_watch_doubtful_objects', labels, store.doubtful.size);
    });
    for (const namespace of namespaces.length === 0 ? [undefined] : namespaces) {
      const path = resourcePath(resource, { namespace });
      const part = store.openPart(clock.monotonicMs());
      const common = { transport, labels, parse, openReader, knownLines, clock, random, telemetry, ...served };
      this.#watches.push(new ListWatch({ ...common, path, part }));
    }
    return store;
  }

  start(): void {
    for (const watch of this.#watches) watch.start();
  }

  async close(): Promise<void> {
    await Promise.all(this.#watches.map(async (watch) => await watch.close()));
  }
}
