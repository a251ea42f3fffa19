// What the conformance run takes of a cloud that nobody described to it, and what it says when something is missing.
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { startPlayground } from '../../src/playground/start-playground.ts';
import type { CloudEntry } from '../e2e/environment.ts';
import { OpenStackClient } from '../e2e/openstack-admin.ts';
import { chooseNames, readOffer, type CloudNames, type CloudOffer, type ImageRow } from './find-names.ts';

const image = (name: string, parts: Partial<ImageRow> = {}): ImageRow => ({
  name,
  status: 'active',
  disk_format: 'qcow2',
  min_disk: 0,
  min_ram: 0,
  size: 400_000_000,
  ...parts,
});
const OFFER: CloudOffer = {
  projectId: 'ours',
  images: [
    image('large', { size: 30 * 2 ** 30 }),
    image('debian', { min_disk: 3, min_ram: 1024 }),
    image('alpine'),
    image('alpine', { size: 1 }),
    image('queued', { status: 'queued', size: 1 }),
    image('initrd', { disk_format: 'ari', size: 1 }),
  ],
  flavors: [
    { name: 'volume-only', vcpus: 1, ram: 2000, disk: 0 },
    { name: 'tiny', vcpus: 1, ram: 512, disk: 10 },
    { name: 'small', vcpus: 1, ram: 2000, disk: 25 },
    { name: 'slim', vcpus: 1, ram: 2000, disk: 20 },
    { name: 'big', vcpus: 8, ram: 30_000, disk: 100 },
  ],
  networks: [
    { name: 'public', project_id: 'operator', subnets: ['s'], 'router:external': true },
    { name: 'a-shared', project_id: 'operator', subnets: ['s'], shared: true, 'router:external': false },
    { name: 'bare', project_id: 'ours', subnets: [], 'router:external': false },
    { name: 'private', project_id: 'ours', subnets: ['s'], 'router:external': false },
  ],
};

test.for<[name: string, offer: Partial<CloudOffer>, named: CloudNames, want: CloudNames]>([
  [
    'the least of what there is, and the project’s own network',
    {},
    {},
    {
      image: 'debian',
      flavor: 'slim',
      network: 'private',
      additionalNetwork: 'a-shared',
      externalNetwork: 'public',
    },
  ],
  [
    'what was named, and a flavor that the named image fits on',
    {},
    { image: 'large', network: 'a-shared', externalNetwork: 'other' },
    { image: 'large', flavor: 'big', network: 'a-shared', additionalNetwork: 'private', externalNetwork: 'other' },
  ],
  [
    'an image that says how large its disk becomes',
    { images: [image('raw', { size: 1, virtual_size: 21 * 2 ** 30 })] },
    {},
    { image: 'raw', flavor: 'small', network: 'private', additionalNetwork: 'a-shared', externalNetwork: 'public' },
  ],
  [
    'no second network and no floating IPs where there are none',
    { networks: OFFER.networks.slice(3) },
    { image: 'debian' },
    { image: 'debian', flavor: 'slim', network: 'private' },
  ],
])('takes %s', ([, offer, named, names]) => {
  expect(chooseNames({ ...OFFER, ...offer }, named)).toEqual({ names, missing: [] });
});

test('says for each thing that is missing what it must be, and how to name one', () => {
  const { missing } = chooseNames({ ...OFFER, images: [], flavors: [], networks: OFFER.networks.slice(0, 1) }, {});
  expect(missing).toEqual([
    'no active image with a name of its own that a disk is made of; SLUICE_TEST_IMAGE names one',
    'no flavor with a disk of 1 GiB and 0 MiB of memory; SLUICE_TEST_FLAVOR names one',
    'no network that is not external and has a subnet; SLUICE_TEST_NETWORK names one',
  ]);
});

test('finds its way in a cloud', async () => {
  const playground = await startPlayground();
  const { clouds }: { clouds: Record<string, CloudEntry> } = parse(playground.cloudsYaml);
  const entry = clouds['playground'];
  if (entry === undefined) throw new Error('the playground has a cloud of its name');
  const { names, missing } = chooseNames(await readOffer(new OpenStackClient(entry)), {});
  await playground.close();
  expect(missing).toEqual([]);
  expect(names).toEqual({
    image: playground.imageName,
    flavor: 'b2-7',
    network: playground.networkName,
    additionalNetwork: playground.storageNetworkName,
    externalNetwork: playground.externalNetworkName,
  });
});
