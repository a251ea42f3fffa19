// What stands in one project, listed once for all who ask: every pool, every claim and every cluster of this process that
// reaches the project at the same endpoints with the same credential and the same trust. A session with another of these
// never gets to see, nor to fill, this view. Absence in it says nothing: the one thing is then asked for by id.
import { createHash } from 'node:crypto';
import type { ClientClock } from './client/request-budget.ts';
import type { CloudConfig } from './client/clouds.ts';
import { ITEMS_PER_PAGE, type NeutronFloatingIp, type NeutronPort, type NeutronQuota } from './client/neutron.ts';
import {
  GROUPS_PER_PAGE,
  SERVERS_PER_PAGE,
  type NovaLimits,
  type NovaServer,
  type NovaServerGroup,
} from './client/nova.ts';
import { projectKey } from './project-budgets.ts';
import { SharedListing } from './shared-listing.ts';

export interface ProjectInventory {
  readonly servers: SharedListing<NovaServer>;
  readonly ports: SharedListing<NeutronPort>;
  readonly floatingIps: SharedListing<NeutronFloatingIp>;
  readonly serverGroups: SharedListing<NovaServerGroup>;
  /** The newest reading of the project's limits. */
  limits: { readonly value: ProjectLimits; readonly startedMs: number } | undefined;
  /** Sessions that share it. */
  readonly users: number;
}

interface HeldInventory extends ProjectInventory {
  users: number;
}

export interface ProjectLimits {
  readonly nova: NovaLimits;
  /** undefined: Neutron does not tell. */
  readonly ports: NeutronQuota | undefined;
}

export interface InventoryLease {
  readonly inventory: ProjectInventory;
  /** To be called when the session ends; the last one drops the view. */
  release(): void;
}

export class ProjectInventories {
  readonly #held = new Map<string, HeldInventory>();

  /** The view of this project through this credential. */
  take(
    project: { readonly config: CloudConfig; readonly region: string; readonly id: string },
    clock: ClientClock,
  ): InventoryLease {
    const key = createHash('sha256')
      .update(JSON.stringify([projectKey(project), project.config.auth]))
      .digest('hex');
    const held = this.#held.get(key) ?? emptyInventory(clock);
    held.users += 1;
    this.#held.set(key, held);
    let released = false;
    return {
      inventory: held,
      release: () => {
        if (released) return;
        released = true;
        held.users -= 1;
        if (held.users === 0) this.#held.delete(key);
      },
    };
  }
}

function emptyInventory(clock: ClientClock): HeldInventory {
  return {
    servers: new SharedListing({ clock, itemsPerPage: SERVERS_PER_PAGE }),
    ports: new SharedListing({ clock, itemsPerPage: ITEMS_PER_PAGE }),
    floatingIps: new SharedListing({ clock, itemsPerPage: ITEMS_PER_PAGE }),
    serverGroups: new SharedListing({ clock, itemsPerPage: GROUPS_PER_PAGE }),
    limits: undefined,
    users: 0,
  };
}

/** One view per project and credential, whoever of the process's clusters asks. */
export const processInventories = new ProjectInventories();
