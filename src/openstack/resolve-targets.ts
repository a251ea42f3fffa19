// Names of a WorkloadCluster's `spec.openstack` → ids in its project. Every "no" names the field that the operator wrote.
import type { WorkloadCluster } from '../api/workload-cluster.ts';
import type { CloudTargets } from '../cluster/cluster-objects.ts';
import { PortError } from '../controllers/port-errors.ts';
import type { Neutron } from './client/neutron.ts';
import type { OpenStack } from './client/open-stack.ts';

interface Named {
  readonly id: string;
  readonly name: string;
}

type Lookup = (filters: Readonly<Record<string, string>>) => Promise<readonly Named[]>;

/** All targets, or a rejection with `invalidSpec` that names the field, or with what the client rejects. */
export async function resolveTargets(openStack: OpenStack, cluster: WorkloadCluster): Promise<CloudTargets> {
  const { nova, neutron } = openStack;
  const spec = cluster.spec.openstack;
  const network = await findOne((filters) => neutron.listNetworks(filters), {
    field: 'spec.openstack.network',
    what: 'network',
    nameOrId: spec.network,
  });
  const [subnetId, additionalNetworks, externalNetwork, images, zones] = await Promise.all([
    resolveSubnet(neutron, network, { field: 'spec.openstack.subnet', ofNetwork: spec.network, subnet: spec.subnet }),
    Promise.all(
      (spec.additionalNetworks ?? []).map((wanted, index) =>
        resolveNetwork(neutron, wanted, `spec.openstack.additionalNetworks[${index}]`),
      ),
    ),
    spec.externalNetwork === undefined
      ? undefined
      : findOne((filters) => neutron.listNetworks({ ...filters, 'router:external': 'true' }), {
          field: 'spec.openstack.externalNetwork',
          what: 'external network',
          nameOrId: spec.externalNetwork,
        }),
    Promise.all(spec.images.map((image, index) => resolveImage(openStack, image, `spec.openstack.images[${index}]`))),
    nova.listZones(),
  ]);
  await checkKeyPair(openStack, spec.keyPair);
  await checkSecurityGroups(openStack, spec.securityGroups ?? []);
  return {
    networkId: network.id,
    subnetId,
    ...(additionalNetworks.length === 0 ? {} : { additionalNetworks }),
    ...(externalNetwork === undefined ? {} : { externalNetworkId: externalNetwork.id }),
    images,
    zones: chooseZones(zones, spec.availabilityZones),
    region: openStack.region,
  };
}

async function resolveNetwork(
  neutron: Neutron,
  wanted: { readonly network: string; readonly subnet?: string },
  field: string,
): Promise<{ readonly networkId: string; readonly subnetId: string | undefined }> {
  const network = await findOne((filters) => neutron.listNetworks(filters), {
    field: `${field}.network`,
    what: 'network',
    nameOrId: wanted.network,
  });
  const subnet = { field: `${field}.subnet`, ofNetwork: wanted.network, subnet: wanted.subnet };
  return { networkId: network.id, subnetId: await resolveSubnet(neutron, network, subnet) };
}

async function resolveSubnet(
  neutron: Neutron,
  network: Named,
  wanted: { readonly field: string; readonly ofNetwork: string; readonly subnet: string | undefined },
): Promise<string | undefined> {
  if (wanted.subnet === undefined) return undefined;
  const found = await findOne((filters) => neutron.listSubnets({ ...filters, network_id: network.id }), {
    field: wanted.field,
    what: `subnet of network '${wanted.ofNetwork}'`,
    nameOrId: wanted.subnet,
  });
  return found.id;
}

/** The one thing of this id or, failing that, of this name. */
export async function findOne(
  list: Lookup,
  wanted: { readonly field: string; readonly what: string; readonly nameOrId: string },
): Promise<Named> {
  const { field, what, nameOrId } = wanted;
  const byId = LOOKS_LIKE_ID.test(nameOrId) ? await list({ id: nameOrId }) : [];
  if (byId[0] !== undefined) return byId[0];
  const byName = (await list({ name: nameOrId })).filter((found) => found.name === nameOrId);
  if (byName.length === 1 && byName[0] !== undefined) return byName[0];
  throw invalid(
    field,
    byName.length === 0
      ? `the project has no ${what} with the name or id '${nameOrId}'`
      : `the project has ${byName.length} ${what}s named '${nameOrId}'; write the id of one`,
  );
}

const LOOKS_LIKE_ID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

async function resolveImage(
  openStack: OpenStack,
  wanted: WorkloadCluster['spec']['openstack']['images'][number],
  field: string,
): Promise<CloudTargets['images'][number]> {
  if (wanted.id !== undefined) {
    const image = await openStack.glance.getImage(wanted.id);
    if (image === undefined) throw invalid(`${field}.id`, `the project sees no image '${wanted.id}'`);
    if (image.status !== 'active') throw invalid(`${field}.id`, `image '${wanted.id}' is ${image.status}, not active`);
    return { id: image.id, name: image.name ?? '', flavors: wanted.flavors };
  }
  if (wanted.name === undefined) throw invalid(field, 'name or id must be set');
  const images = await openStack.glance.findImages(wanted.name);
  const [image] = images;
  if (image === undefined) throw invalid(`${field}.name`, `the project sees no active image named '${wanted.name}'`);
  if (images.length > 1) {
    throw invalid(
      `${field}.name`,
      `the project sees ${images.length} images named '${wanted.name}'; write the id of one`,
    );
  }
  return { id: image.id, name: wanted.name, flavors: wanted.flavors };
}

async function checkKeyPair(openStack: OpenStack, name: string | undefined): Promise<void> {
  if (name === undefined || (await openStack.nova.keyPairExists(name))) return;
  throw invalid('spec.openstack.keyPair', `the user of the credential has no key pair '${name}'`);
}

async function checkSecurityGroups(openStack: OpenStack, wanted: readonly string[]): Promise<void> {
  for (const [index, nameOrId] of wanted.entries()) {
    await findOne((filters) => openStack.neutron.listSecurityGroups(filters), {
      field: `spec.openstack.securityGroups[${index}]`,
      what: 'security group',
      nameOrId,
    });
  }
}

function chooseZones(
  zones: readonly { readonly name: string; readonly available: boolean }[],
  wanted: readonly string[] | undefined,
): readonly string[] {
  const known = new Set(zones.map((zone) => zone.name));
  for (const [index, zone] of (wanted ?? []).entries()) {
    if (known.has(zone)) continue;
    const list = [...known].toSorted().join(', ');
    throw invalid(`spec.openstack.availabilityZones[${index}]`, `there is no zone '${zone}'; there are: ${list}`);
  }
  const limited = wanted !== undefined && wanted.length > 0;
  const chosen = zones.filter((zone) => zone.available && (!limited || wanted.includes(zone.name)));
  if (chosen.length > 0) return chosen.map((zone) => zone.name).toSorted();
  throw new PortError(
    'unavailable',
    'no availability zone that spec.openstack.availabilityZones allows takes servers now',
  );
}

function invalid(field: string, message: string): PortError {
  return new PortError('invalidSpec', `${field}: ${message}`);
}
