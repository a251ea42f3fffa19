// A create request of the shell → the bodies that Nova and Neutron take, with their limits checked before anything is sent:
// Nova's own refusal would repeat the value, and user data holds a secret.
import { PortError } from '../controllers/port-errors.ts';
import type { CreatePortRequest, CreateServerRequest } from '../controllers/ports.ts';
import { TAG_CHARS_MAX, type NeutronPort, type NewPort } from './client/neutron.ts';
import { USER_DATA_CHARS_MAX, type NewServer } from './client/nova.ts';

const METADATA_CHARS_MAX = 255; // keys and values alike, Nova's schema
const METADATA_KEY = /^[a-zA-Z0-9\-_:. ]{1,255}$/; // Nova's schema; no slash
/** Nova's schema; its default quota of metadata items is the same, and a project's own may be lower. */
export const METADATA_ITEMS_MAX = 128;
const NAME_CHARS_MAX = 255; // Neutron's column
/** The host name and the node's name too. Nova itself takes 255 characters, makes a host name of them as it can, and fails
 *  later where Neutron's DNS is on; a dot would make a domain of it. */
const SERVER_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Names of ports start so; what follows is the claim's uid, which makes a lost port findable without tags. */
const PORT_NAME_PREFIX = 'sluice-';
const CLUSTER_TAG_PREFIX = 'sluice.dev/cluster=';
const CLAIM_TAG_PREFIX = 'sluice.dev/claim=';
const PORT_NAME = /^sluice-[^\s+]+(\+[1-9])?$/;
const PORT_MARK_PREFIX = 'sluice.dev cluster=';

/** The port on the claim's first network (0) or on its n-th additional one: a name of its own for each. */
export function portName(claimUid: string, networkIndex = 0): string {
  return `${PORT_NAME_PREFIX}${claimUid}${networkIndex === 0 ? '' : `+${networkIndex}`}`;
}

/** The reverse; 0 for a name that says nothing else. */
export function networkIndexOf(name: string): number {
  const index = name.startsWith(PORT_NAME_PREFIX) ? /\+(?<index>[1-9])$/.exec(name)?.groups?.['index'] : undefined;
  return Number(index ?? 0);
}

export function clusterTag(clusterUid: string): string {
  return CLUSTER_TAG_PREFIX + clusterUid;
}

/** The description of a cluster's ports. The same for all of them: Neutron filters by whole descriptions only. It travels with
 *  the POST, so a port whose tags were never set still says whose it is. */
export function portMark(clusterUid: string): string {
  return PORT_MARK_PREFIX + clusterUid;
}

/** Uid of the cluster that made the port; empty: none did. Without a tag both the name and the description must be ours. */
export function clusterUidOf(port: Pick<NeutronPort, 'name' | 'description' | 'tags'>): string {
  const tag = port.tags?.find((text) => text.startsWith(CLUSTER_TAG_PREFIX));
  if (tag !== undefined) return tag.slice(CLUSTER_TAG_PREFIX.length);
  const { name, description = '' } = port;
  const marked = PORT_NAME.test(name) && description.startsWith(PORT_MARK_PREFIX);
  return marked ? description.slice(PORT_MARK_PREFIX.length) : '';
}

/** Throws `invalidSpec` when a uid does not fit in a tag or a name (a uid of Kubernetes has 36 characters and does). */
export function newPort(request: CreatePortRequest, securityGroupIds: readonly string[]): NewPort {
  const tags = [clusterTag(request.clusterUid), CLAIM_TAG_PREFIX + request.claimUid];
  for (const tag of tags) {
    if (tag.length > TAG_CHARS_MAX || tag.includes(',')) {
      throw new PortError(
        'invalidSpec',
        `tag of the port must have at most ${TAG_CHARS_MAX} characters and no comma: ${tag}`,
      );
    }
  }
  const name = portName(request.claimUid, request.networkIndex);
  if (name.length > NAME_CHARS_MAX) {
    throw new PortError('invalidSpec', `name of the port must have at most ${NAME_CHARS_MAX} characters: ${name}`);
  }
  return {
    name,
    description: portMark(request.clusterUid),
    network_id: request.networkId,
    ...(request.subnetId === undefined ? {} : { fixed_ips: [{ subnet_id: request.subnetId }] }),
    ...(securityGroupIds.length === 0 ? {} : { security_groups: securityGroupIds }),
    tags,
  };
}

/** Throws `invalidSpec` for a name, metadata or user data that Nova would refuse. `metadataItemsMax`: the project's. */
export function newServer(request: CreateServerRequest, metadataItemsMax: number): NewServer {
  if (!SERVER_NAME.test(request.name)) {
    throw new PortError(
      'invalidSpec',
      `server name must be at most 63 lower-case letters, digits and dashes, no dots: ${request.name.slice(0, 255)}`,
    );
  }
  const userData = Buffer.from(request.userData, 'utf8').toString('base64');
  if (userData.length > USER_DATA_CHARS_MAX) {
    throw new PortError(
      'invalidSpec',
      `user data of server '${request.name}' must have at most ${USER_DATA_CHARS_MAX} characters in base64, it has ` +
        `${userData.length}: shorten spec.bootstrap.userDataTemplate`,
    );
  }
  return {
    name: request.name,
    flavorRef: request.flavorId,
    imageRef: request.imageId,
    networks: [request.portId, ...(request.additionalPortIds ?? [])].map((port) => ({ port })),
    ...(request.zone === '' ? {} : { availability_zone: request.zone }),
    ...(request.keyPair === undefined ? {} : { key_name: request.keyPair }),
    ...(userData === '' ? {} : { user_data: userData }),
    metadata: checkedMetadata(request.metadata, Math.min(METADATA_ITEMS_MAX, metadataItemsMax)),
    // user data by disk: it reaches the guest on networks without a metadata service too (private networks at OVH)
    config_drive: true,
  };
}

function checkedMetadata(metadata: ReadonlyMap<string, string>, itemsMax: number): Readonly<Record<string, string>> {
  if (metadata.size > itemsMax) {
    throw new PortError(
      'invalidSpec',
      `metadata must have at most ${itemsMax} items (quota metadata_items of the project), it has ${metadata.size}`,
    );
  }
  for (const [key, value] of metadata) {
    if (!METADATA_KEY.test(key)) {
      throw new PortError(
        'invalidSpec',
        `metadata key must have 1 to ${METADATA_CHARS_MAX} letters, digits, spaces and -_:. only: '${key.slice(0, 64)}'`,
      );
    }
    if (value.length > METADATA_CHARS_MAX) {
      throw new PortError(
        'invalidSpec',
        `metadata value of '${key}' must have at most ${METADATA_CHARS_MAX} characters`,
      );
    }
  }
  return Object.fromEntries(metadata);
}
