// What the double's Nova leaves out of lists, as the real one does (recorded in test/unit/openstack/recorded).
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { readCloudConfig } from '../../../src/openstack/client/clouds.ts';
import { openStack, type OpenStack } from '../../../src/openstack/client/open-stack.ts';
import { systemClock } from '../../../src/openstack/client/system-clock.ts';
import type { Playground } from '../../../src/playground/playground.ts';
import { startPlayground } from '../../../src/playground/start-playground.ts';

let playground: Playground;
let cloud: OpenStack;

beforeAll(async () => {
  playground = await startPlayground({ timings: { buildMs: 0, deleteMs: 0 } });
  cloud = await openStack(readCloudConfig({ cloudsYaml: playground.cloudsYaml }), { clock: systemClock });
});

afterAll(async () => {
  await cloud.close();
  await playground.close();
});

async function create(name: string): Promise<string> {
  const [image] = await cloud.glance.findImages(playground.imageName);
  const flavorRef = 'flavor-b2-7';
  return cloud.nova.createServer({
    name,
    flavorRef,
    imageRef: image?.id ?? '',
    networks: [],
    metadata: { mark: name },
  });
}

test('the fault of a server that got no host is told by the server alone', async () => {
  playground.setCloudFaults([{ operation: 'createServer', effect: 'noValidHost', flavor: 'b2-7' }]);
  const id = await create('nowhere');
  playground.setCloudFaults([]);
  await vi.waitFor(async () => expect((await cloud.nova.getServer(id))?.status).toBe('ERROR'));
  expect((await cloud.nova.getServer(id))?.fault?.message).toBe('No valid host was found.');
  const [listed] = await cloud.nova.listServers({ nameLike: '^nowhere$' });
  expect(listed).toMatchObject({ id, status: 'ERROR', fault: undefined });
});

test('what was deleted is among the changes, without its metadata, and in no other list', async () => {
  const startedMs = Date.now();
  const id = await create('gone');
  await vi.waitFor(async () => expect((await cloud.nova.getServer(id))?.status).toBe('ACTIVE'));
  await cloud.nova.deleteServer(id);
  await vi.waitFor(async () => expect(await cloud.nova.getServer(id)).toBeUndefined());
  const changed = await cloud.nova.listServers({ changesSinceMs: startedMs });
  expect(changed.find((server) => server.id === id)).toMatchObject({ status: 'DELETED', metadata: new Map() });
  expect(await cloud.nova.listServers({ changesSinceMs: Date.now() + 5000 })).toEqual([]);
  expect((await cloud.nova.listServers()).map((server) => server.id)).not.toContain(id);
});
