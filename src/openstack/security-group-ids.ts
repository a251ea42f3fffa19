// Names of security groups → ids, remembered for a while: a scale-up makes many ports with the same groups.
import type { Clock } from '../controllers/ports.ts';

/** A group that was made anew under its name is noticed within a minute. */
const REMEMBERED_MS = 60_000;
/** A pool names at most 16, a cluster has at most some hundred pools; beyond it the memory is emptied. */
const REMEMBERED_MAX = 1024;

export class SecurityGroupIds {
  readonly #clock: Clock;
  readonly #find: (nameOrId: string) => Promise<string>;
  readonly #known = new Map<string, { readonly id: string; readonly untilMs: number }>();

  constructor(options: { readonly clock: Clock; readonly find: (nameOrId: string) => Promise<string> }) {
    this.#clock = options.clock;
    this.#find = options.find;
  }

  /** In the order given, each once. Rejects with what `find` rejects. */
  async idsOf(namesOrIds: readonly string[]): Promise<readonly string[]> {
    const ids = new Set<string>();
    for (const nameOrId of namesOrIds) ids.add(await this.#idOf(nameOrId));
    return [...ids];
  }

  async #idOf(nameOrId: string): Promise<string> {
    const known = this.#known.get(nameOrId);
    const nowMs = this.#clock.monotonicMs();
    if (known !== undefined && nowMs < known.untilMs) return known.id;
    const id = await this.#find(nameOrId);
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear();
    this.#known.set(nameOrId, { id, untilMs: nowMs + REMEMBERED_MS });
    return id;
  }
}
