// Server groups with policy anti-affinity, by name. Nova's names are not unique: what was lost in an answer may stand twice,
// and then everybody must choose the same one.
import type { Nova, NovaServerGroup } from './client/nova.ts';

const POLICY = 'anti-affinity';

export class ServerGroups {
  readonly #nova: Nova;
  /** One creation of a name at a time, or two claims of a pool would make a group each. */
  readonly #underWay = new Map<string, Promise<string>>();

  constructor(nova: Nova) {
    this.#nova = nova;
  }

  /** Id of the group of this name; created when there is none. */
  async ensure(name: string): Promise<string> {
    const running = this.#underWay.get(name);
    if (running !== undefined) return running;
    const started = this.#findOrCreate(name).finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, started);
    return started;
  }

  /** Deletes every group of this name and policy; their servers stay. */
  async delete(name: string): Promise<void> {
    for (const group of await this.#find(name)) await this.#nova.deleteServerGroup(group.id);
  }

  async #findOrCreate(name: string): Promise<string> {
    const [standing] = await this.#find(name);
    return standing?.id ?? this.#nova.createServerGroup({ name, policy: POLICY });
  }

  /** The group with most members first, then by id: the same for everybody who looks. */
  async #find(name: string): Promise<readonly NovaServerGroup[]> {
    const groups = await this.#nova.listServerGroups();
    return groups
      .filter((group) => group.name === name && group.policy === POLICY)
      .toSorted((a, b) => b.members.length - a.members.length || (a.id < b.id ? -1 : 1));
  }
}
