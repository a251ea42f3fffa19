// The server groups that keep a pool's servers apart, by name. Nova's names are not unique: what was lost in an answer may
// stand twice, and then everybody must choose the same one.
import { serverGroupPrefix } from '../api/names.ts';
import type { ServerGroupPolicy } from '../api/node-claim.ts';
import type { Nova, NovaServerGroup } from './client/nova.ts';

export class ServerGroups {
  readonly #nova: Nova;
  /** One creation of a name at a time, or two claims of a pool would make a group each. */
  readonly #underWay = new Map<string, Promise<string>>();

  constructor(nova: Nova) {
    this.#nova = nova;
  }

  /** Id of the group of this name and policy; created when there is none. */
  async ensure(name: string, policy: ServerGroupPolicy): Promise<string> {
    const key = `${policy} ${name}`;
    const running = this.#underWay.get(key);
    if (running !== undefined) return running;
    const started = this.#findOrCreate(name, policy).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, started);
    return started;
  }

  /** Deletes every group of this name, whatever its policy; their servers stay. */
  async delete(name: string): Promise<void> {
    for (const group of await this.#nova.listServerGroups()) {
      if (group.name === name) await this.#nova.deleteServerGroup(group.id);
    }
  }

  async #findOrCreate(name: string, policy: ServerGroupPolicy): Promise<string> {
    const [standing] = await this.#find(name, policy);
    return standing?.id ?? this.#nova.createServerGroup({ name, policy });
  }

  /** The group with most members first, then by id: the same for everybody who looks. */
  async #find(name: string, policy: ServerGroupPolicy): Promise<readonly NovaServerGroup[]> {
    const groups = await this.#nova.listServerGroups();
    return groups
      .filter((group) => group.name === name && group.policy === policy)
      .toSorted((a, b) => b.members.length - a.members.length || (a.id < b.id ? -1 : 1));
  }
}

/** Names of the groups that were made for this cluster's pools, each once. */
export function groupNamesOf(clusterUid: string, all: readonly NovaServerGroup[]): readonly string[] {
  const prefix = serverGroupPrefix(clusterUid);
  return [...new Set(all.map(({ name }) => name).filter((name) => name.startsWith(prefix)))];
}
