// What the conformance run uses of a cloud that it does not know: an image, the smallest flavor for it, a network, and what
// the suite of networks needs beside. What the person named stays as it is; nothing is guessed where nothing fits.
import type { OpenStackClient } from '../e2e/openstack-admin.ts';

/** Absent: not there, or not named. */
export interface CloudNames {
  readonly image?: string;
  readonly flavor?: string;
  readonly network?: string;
  /** Any second network on which the project may make ports. */
  readonly additionalNetwork?: string;
  /** Where floating IPs come from. */
  readonly externalNetwork?: string;
}

export interface ImageRow {
  readonly name: string | null;
  readonly status: string;
  readonly disk_format?: string | null;
  /** GiB; MiB. */
  readonly min_disk: number;
  readonly min_ram: number;
  /** Bytes. */
  readonly size?: number | null;
  readonly virtual_size?: number | null;
}

export interface FlavorRow {
  readonly name: string;
  readonly vcpus: number;
  /** MiB; GiB. */
  readonly ram: number;
  readonly disk: number;
}

export interface NetworkRow {
  readonly name: string;
  readonly project_id: string;
  readonly subnets: readonly string[];
  readonly 'router:external'?: boolean;
  readonly shared?: boolean;
}

export interface CloudOffer {
  readonly projectId: string;
  readonly images: readonly ImageRow[];
  readonly flavors: readonly FlavorRow[];
  readonly networks: readonly NetworkRow[];
}

/** Environment variable of each name. */
export const NAME_VARIABLES: Readonly<Record<keyof CloudNames, string>> = {
  image: 'SLUICE_TEST_IMAGE',
  flavor: 'SLUICE_TEST_FLAVOR',
  network: 'SLUICE_TEST_NETWORK',
  additionalNetwork: 'SLUICE_TEST_ADDITIONAL_NETWORK',
  externalNetwork: 'SLUICE_TEST_EXTERNAL_NETWORK',
};

const BYTES_PER_GIB = 2 ** 30;
/** Parts of an image, or what only an installer boots from. */
const NO_DISKS: ReadonlySet<string> = new Set(['aki', 'ari', 'iso']);

/** `named` wins. `missing`: a line for each thing without which nothing can be tested, with what it must be and how to name
 *  one. Of equals the smallest is taken, then the first by name. */
export function chooseNames(
  offer: CloudOffer,
  named: CloudNames,
): { readonly names: CloudNames; readonly missing: readonly string[] } {
  const missing: string[] = [];
  const required = (what: 'image' | 'flavor' | 'network', found: string | undefined, must: string) => {
    const name = named[what] ?? found;
    if (name === undefined) missing.push(`no ${must}; ${NAME_VARIABLES[what]} names one`);
    return name;
  };
  const images = offer.images.filter((image) => named.image === undefined || image.name === named.image);
  const [image] = singles(images.filter(isBootable)).toSorted(
    (a, b) => diskGiBOf(a) - diskGiBOf(b) || a.min_ram - b.min_ram || byName(a, b),
  );
  const room = { disk: Math.max(1, image === undefined ? 0 : diskGiBOf(image)), ram: image?.min_ram ?? 0 };
  const [flavor] = singles(offer.flavors)
    .filter(({ disk, ram }) => disk >= room.disk && ram >= room.ram)
    .toSorted((a, b) => a.vcpus - b.vcpus || a.ram - b.ram || a.disk - b.disk || byName(a, b));
  const networks = networksOf(offer);
  const imageName = required(
    'image',
    image?.name ?? undefined,
    'active image with a name of its own that a disk is made of',
  );
  const flavorName = required(
    'flavor',
    flavor?.name,
    `flavor with a disk of ${room.disk} GiB and ${room.ram} MiB of memory`,
  );
  const [inner] = networks.inner;
  const network = required('network', inner, 'network that is not external and has a subnet');
  const external = named.externalNetwork ?? networks.external[0];
  const second = named.additionalNetwork ?? [...networks.inner, ...networks.shared].find((name) => name !== network);
  return {
    missing,
    names: {
      ...(imageName === undefined ? {} : { image: imageName }),
      ...(flavorName === undefined ? {} : { flavor: flavorName }),
      ...(network === undefined ? {} : { network }),
      ...(second === undefined ? {} : { additionalNetwork: second }),
      ...(external === undefined ? {} : { externalNetwork: external }),
    },
  };
}

/** Networks with subnets by name, the project's own before shared ones; an external one takes ports of the project only
 *  where it is shared. */
function networksOf({ networks, projectId }: CloudOffer): {
  readonly inner: readonly string[];
  readonly external: readonly string[];
  /** Of the external ones. */
  readonly shared: readonly string[];
} {
  const owned = (network: NetworkRow) => (network.project_id === projectId ? 0 : 1);
  const usable = singles(networks)
    .filter(({ subnets }) => subnets.length > 0)
    .toSorted((a, b) => owned(a) - owned(b) || byName(a, b));
  const isExternal = (network: NetworkRow) => network['router:external'] === true;
  return {
    inner: usable.filter((network) => !isExternal(network)).map(({ name }) => name),
    external: usable.filter(isExternal).map(({ name }) => name),
    shared: usable.filter((network) => isExternal(network) && network.shared === true).map(({ name }) => name),
  };
}

function isBootable({ status, disk_format: format }: ImageRow): boolean {
  return status === 'active' && !NO_DISKS.has(format ?? '');
}

function diskGiBOf(image: ImageRow): number {
  return Math.max(image.min_disk, Math.ceil((image.virtual_size ?? image.size ?? 0) / BYTES_PER_GIB));
}

/** Those whose name leads to them alone. */
function singles<T extends { readonly name: string | null }>(items: readonly T[]): readonly T[] {
  const counts = new Map<string | null, number>();
  for (const { name } of items) counts.set(name, (counts.get(name) ?? 0) + 1);
  return items.filter(({ name }) => name !== null && name !== '' && counts.get(name) === 1);
}

function byName(a: { readonly name: string | null }, b: { readonly name: string | null }): number {
  return (a.name ?? '') < (b.name ?? '') ? -1 : 1;
}

/** One page of each: a cloud with more images than that has one that fits among them. */
export async function readOffer(cloud: OpenStackClient): Promise<CloudOffer> {
  return {
    projectId: await cloud.projectId(),
    images: (await cloud.call('image', 'GET', '/v2/images?status=active&limit=1000')).images,
    flavors: await cloud.list('compute', '/flavors/detail', 'flavors'),
    networks: await cloud.list('network', '/networks', 'networks'),
  };
}
