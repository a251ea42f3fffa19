// Floating IPs by the mark in their description, which travels with the POST: there is no moment at which one stands
// without it. Clouds without routers have none at all, and that is asked once.
import { PortError } from '../controllers/port-errors.ts';
import type { CreateFloatingIpRequest, FloatingIpView } from '../controllers/ports.ts';
import { DESCRIPTION_CHARS_MAX, type Neutron, type NeutronFloatingIp } from './client/neutron.ts';

/** The extension that floating IPs come with. */
const ROUTER_EXTENSION = 'router';
const MARK = /^sluice\.dev cluster=(?<cluster>[^\s=]+) claim=(?<claim>[^\s=]+)$/;

export interface FloatingIpOwner {
  readonly clusterUid: string;
  readonly claimUid: string;
}

/** What the description of a claim's floating IP says. Throws `invalidSpec` for uids that it cannot carry. */
export function floatingIpMark({ clusterUid, claimUid }: FloatingIpOwner): string {
  const mark = `sluice.dev cluster=${clusterUid} claim=${claimUid}`;
  if (mark.length <= DESCRIPTION_CHARS_MAX && MARK.test(mark)) return mark;
  throw new PortError(
    'invalidSpec',
    `description of the floating IP must have at most ${DESCRIPTION_CHARS_MAX} characters and uids without spaces: ${mark.slice(0, DESCRIPTION_CHARS_MAX)}`,
  );
}

export class FloatingIps {
  readonly #neutron: Neutron;
  readonly #projectId: () => Promise<string>;
  #offered: boolean | undefined;

  /** `projectId`: an administrator's list holds other projects' addresses. */
  constructor(neutron: Neutron, projectId: () => Promise<string>) {
    this.#neutron = neutron;
    this.#projectId = projectId;
  }

  /** Those of one claim, oldest first. */
  async find(owner: FloatingIpOwner): Promise<readonly FloatingIpView[]> {
    const description = floatingIpMark(owner);
    const found = (await this.listAll({ description })).map(floatingIpView);
    const own = found.filter(({ claimUid }) => claimUid === owner.claimUid);
    return own.toSorted((a, b) => a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1));
  }

  /** All of the project that fit the filters, whoever's they are. */
  async listAll(filters: Readonly<Record<string, string>> = {}): Promise<readonly NeutronFloatingIp[]> {
    this.#offered ??= (await this.#neutron.listExtensions()).has(ROUTER_EXTENSION);
    if (!this.#offered) return [];
    return this.#neutron.listFloatingIps({ ...filters, project_id: await this.#projectId() });
  }

  async create(request: CreateFloatingIpRequest): Promise<FloatingIpView> {
    const created = await this.#neutron.createFloatingIp({
      floating_network_id: request.floatingNetworkId,
      port_id: request.portId,
      description: floatingIpMark(request),
    });
    return floatingIpView(created);
  }

  async get(id: string): Promise<FloatingIpView | undefined> {
    const found = await this.#neutron.getFloatingIp(id);
    return found === undefined ? undefined : floatingIpView(found);
  }

  async delete(id: string): Promise<void> {
    await this.#neutron.deleteFloatingIp(id);
  }
}

/** Those of one cluster. Neutron filters by whole descriptions only, so the sorting out is done here. */
export function floatingIpsOf(clusterUid: string, all: readonly NeutronFloatingIp[]): readonly FloatingIpView[] {
  return all.map(floatingIpView).filter((floatingIp) => floatingIp.clusterUid === clusterUid);
}

function floatingIpView(floatingIp: NeutronFloatingIp): FloatingIpView {
  const mark = MARK.exec(floatingIp.description ?? '')?.groups;
  const createdMs = Date.parse(floatingIp.created_at ?? '');
  return {
    id: floatingIp.id,
    projectId: floatingIp.project_id,
    createdMs: Number.isNaN(createdMs) ? 0 : createdMs,
    address: floatingIp.floating_ip_address,
    portId: floatingIp.port_id ?? '',
    clusterUid: mark?.['cluster'] ?? '',
    claimUid: mark?.['claim'] ?? '',
  };
}
