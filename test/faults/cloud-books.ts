// What stands in the project, asked of the cloud itself by a client of the tests' own, past proxy and product: servers and
// ports of the cluster under test by claim, foreign ones as they were planted.
import { randomUUID } from 'node:crypto';
import { SERVER_METADATA } from '../../src/api/names.ts';
import { fieldsOf, listOf, textOf, type Fields } from '../../src/playground/untyped.ts';
import type { OpenStackClient } from '../e2e/openstack-admin.ts';

export interface CloudIds {
  readonly imageId: string;
  readonly flavorId: string;
  readonly networkId: string;
}

export interface StandingServer {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly taskState: string;
  readonly claimUid: string;
  readonly metadata: Fields;
}

export interface Standing {
  readonly servers: readonly StandingServer[];
  readonly ports: readonly { readonly id: string; readonly name: string }[];
}

export class CloudBooks {
  readonly #cloud: OpenStackClient;
  readonly #what: CloudIds;
  readonly #planted = new Map<string, { readonly kind: 'server' | 'port'; readonly name: string }>();
  clusterUid = '';

  constructor(cloud: OpenStackClient, what: CloudIds) {
    this.#cloud = cloud;
    this.#what = what;
  }

  /** Everything that carries the cluster's marks and was not planted. */
  async standing(): Promise<Standing> {
    const servers = (await this.#servers()).filter(
      ({ id, metadata }) => !this.#planted.has(id) && metadata[SERVER_METADATA.cluster] === this.clusterUid,
    );
    const ports = (await this.#ports()).filter(
      ({ id, tags, name }) =>
        !this.#planted.has(id) && (name.startsWith('sluice-') || tags.some((tag) => tag.includes(this.clusterUid))),
    );
    return { servers, ports };
  }

  /** What was planted and is not there any more as it was. */
  async lostPlants(): Promise<readonly string[]> {
    const found = new Map<string, string>();
    for (const { id, name, taskState } of await this.#servers()) if (taskState !== 'deleting') found.set(id, name);
    for (const { id, name } of await this.#ports()) found.set(id, name);
    return [...this.#planted].flatMap(([id, { kind, name }]) => (found.get(id) === name ? [] : [`${kind} ${name}`]));
  }

  plantedNames(): readonly string[] {
    return [...this.#planted.values()].map(({ name }) => name);
  }

  async plantServer(name: string, metadata: Fields): Promise<void> {
    const { imageId, flavorId } = this.#what;
    const server = { name, imageRef: imageId, flavorRef: flavorId, networks: 'none', metadata };
    const made = await this.#cloud.call('compute', 'POST', '/servers', { server });
    this.#planted.set(textOf(fieldsOf(made['server'])['id']), { kind: 'server', name });
  }

  async plantPort(name: string, tags: readonly string[]): Promise<void> {
    const port = { name, network_id: this.#what.networkId };
    const made = await this.#cloud.call('network', 'POST', '/ports', { port });
    const id = textOf(fieldsOf(made['port'])['id']);
    this.#planted.set(id, { kind: 'port', name });
    await this.#cloud.call('network', 'PUT', `/ports/${id}/tags`, { tags });
  }

  /** Foreign things that a careless search would take for the cluster's: another cluster's server and port, a server of
   *  a person. */
  async plantStrangers(): Promise<void> {
    const uids = { cluster: randomUUID(), pool: randomUUID(), claim: randomUUID() };
    const marks = {
      [SERVER_METADATA.cluster]: uids.cluster,
      [SERVER_METADATA.pool]: uids.pool,
      [SERVER_METADATA.claim]: uids.claim,
    };
    await this.plantServer('general-node-abcdef', marks);
    await this.plantServer('somebodys-server', {});
    await this.plantPort(`sluice-${uids.claim}`, [`sluice.dev/cluster=${uids.cluster}`]);
  }

  /** Next to a server of ours: a person's server with its metadata copied, and another cluster's of the same name. */
  async plantLookalikes(server: StandingServer): Promise<void> {
    await this.plantServer(`copy-of-${server.name}`, server.metadata);
    await this.plantServer(server.name, { ...server.metadata, [SERVER_METADATA.cluster]: randomUUID() });
  }

  /** Takes away what was planted. */
  async removePlants(): Promise<void> {
    for (const [id, { kind }] of this.#planted) {
      if (kind === 'server') await this.#cloud.call('compute', 'DELETE', `/servers/${id}`);
      else await this.#cloud.call('network', 'DELETE', `/ports/${id}`);
    }
    this.#planted.clear();
  }

  async #servers(): Promise<readonly StandingServer[]> {
    const found = await this.#cloud.list('compute', '/servers/detail', 'servers');
    return found.map((server) => {
      const metadata = fieldsOf(server['metadata']);
      return {
        id: textOf(server['id']),
        name: textOf(server['name']),
        status: textOf(server['status']),
        taskState: textOf(server['OS-EXT-STS:task_state']),
        claimUid: textOf(metadata[SERVER_METADATA.claim]),
        metadata,
      };
    });
  }

  async #ports() {
    const projectId = await this.#cloud.projectId();
    const found = await this.#cloud.list('network', `/ports?project_id=${projectId}`, 'ports');
    return found.map((port) => ({
      id: textOf(port['id']),
      name: textOf(port['name']),
      tags: listOf(port['tags']).map(textOf),
    }));
  }
}
