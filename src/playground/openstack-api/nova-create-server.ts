// POST /servers as Nova takes it: every field checked as the real one does, then asked of the cloud.
import { randomUUID } from 'node:crypto';
import { fieldsOf, listOf, textOf, type Fields } from '../untyped.ts';
import { CloudError } from './cloud-objects.ts';
import type { CloudAnswer, CloudRequest } from './cloud-request.ts';
import type { CloudFault } from '../playground.ts';
import { NO_VALID_HOST, type CloudState } from './cloud-state.ts';

/** Of the base64 text. */
const USER_DATA_CHARS_MAX = 65_535;
const METADATA_KEY = /^[a-zA-Z0-9-_:. ]{1,255}$/;
const METADATA_VALUE_CHARS_MAX = 255;
/** Nova's default quota. */
const METADATA_ITEMS_MAX = 128;
/** The fault of a server that was accepted and ends in ERROR. */
const BUILD_FAULTS: Partial<Record<CloudFault['effect'], string>> = {
  noValidHost: NO_VALID_HOST,
  buildAborted: 'Build of instance aborted: Failed to allocate the network(s), not rescheduling.',
};

/** Nova's 400. */
export function badRequest(message: string): CloudError {
  return new CloudError(400, message, { kind: 'badRequest' });
}

/** What a fault turns a request into that is not carried out. */
export function struck(effect: string): CloudError {
  switch (effect) {
    case 'quota':
      return new CloudError(403, 'Quota exceeded for instances: Requested 1, but already used 1 of 1 instances', {
        kind: 'forbidden',
      });
    case 'throttled':
      return new CloudError(429, 'This request was rate-limited.', {
        kind: 'overLimit',
        headers: { 'retry-after': '1' },
      });
    default:
      return new CloudError(503, 'The service is currently unable to handle the request.', {
        kind: 'serviceUnavailable',
      });
  }
}

/** Throws CloudError. */
export function createServer(state: CloudState, request: CloudRequest): CloudAnswer {
  const wanted = fieldsOf(fieldsOf(request.body)['server']);
  const group = textOf(fieldsOf(fieldsOf(request.body)['os:scheduler_hints'])['group']);
  const flavor = state.options.flavors.find((each) => `flavor-${each.name}` === textOf(wanted['flavorRef']));
  if (flavor === undefined) throw badRequest(`Flavor ${textOf(wanted['flavorRef'])} could not be found.`);
  if (textOf(wanted['imageRef']) !== state.image.id) throw badRequest('Can not find requested image');
  const zone = textOf(wanted['availability_zone']);
  if (zone !== '' && !state.options.zones.includes(zone)) {
    throw badRequest('The requested availability zone is not available');
  }
  if (group !== '' && !state.groups.has(group)) throw badRequest(`Instance group ${group} could not be found.`);
  if (wanted['key_name'] !== undefined) throw badRequest('Invalid key_name provided.');
  if (flavor.diskGiB === 0) {
    const message = 'Only volume-backed servers are allowed for flavors with zero disk.';
    throw new CloudError(403, message, { kind: 'forbidden' });
  }
  const effect = state.strike('createServer', { flavor: flavor.name, zone });
  if (effect === 'quota' || effect === 'unavailable' || effect === 'throttled') throw struck(effect);
  const server = state.createServer(
    {
      name: nameOf(wanted),
      flavor,
      imageId: state.image.id,
      zone,
      keyName: null,
      metadata: metadataOf(wanted),
      userData: userDataOf(wanted),
      portIds: listOf(wanted['networks']).map((network) => textOf(fieldsOf(network)['port'])),
      groupId: group === '' ? undefined : group,
    },
    effect === undefined ? undefined : BUILD_FAULTS[effect],
  );
  const href = `${request.baseUrl}/servers/${server.id}`;
  return {
    code: 202,
    drop: effect === 'dropAnswer',
    headers: { location: href },
    body: {
      server: {
        id: server.id,
        links: [{ rel: 'self', href }],
        'OS-DCF:diskConfig': 'MANUAL',
        security_groups: [{ name: 'default' }],
        adminPass: randomUUID().slice(0, 12),
      },
    },
  };
}

function nameOf(wanted: Fields): string {
  const name = textOf(wanted['name']);
  if (name === '' || name.length > 255) throw badRequest('Invalid input for field/attribute name.');
  return name;
}

function metadataOf(wanted: Fields): Readonly<Record<string, string>> {
  const metadata: Record<string, string> = {};
  const items = Object.keys(fieldsOf(wanted['metadata'])).length;
  if (items > METADATA_ITEMS_MAX) {
    const message = `Maximum number of metadata items exceeds ${METADATA_ITEMS_MAX}`;
    throw new CloudError(403, message, { kind: 'forbidden' });
  }
  for (const [key, value] of Object.entries(fieldsOf(wanted['metadata']))) {
    if (!METADATA_KEY.test(key) || typeof value !== 'string' || value.length > METADATA_VALUE_CHARS_MAX) {
      throw badRequest(`Invalid input for field/attribute metadata. Value: ${JSON.stringify({ [key]: value })}.`);
    }
    metadata[key] = value;
  }
  return metadata;
}

function userDataOf(wanted: Fields): string {
  const text = textOf(wanted['user_data']);
  if (text.length > USER_DATA_CHARS_MAX) throw badRequest('Invalid input for field/attribute user_data.');
  return text;
}
