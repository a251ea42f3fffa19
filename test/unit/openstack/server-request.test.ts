// Nova's and Neutron's limits, each at its edge: what fits is sent as it is, what does not is refused by its name before
// anything is sent.
import { describe, expect, test } from 'vitest';
import { PortError } from '../../../src/controllers/port-errors.ts';
import type { CreatePortRequest, CreateServerRequest } from '../../../src/controllers/ports.ts';
import { floatingIpMark } from '../../../src/openstack/floating-ips.ts';
import { clusterUidOf, networkIndexOf, newPort, newServer, portName } from '../../../src/openstack/server-request.ts';

const server: CreateServerRequest = {
  name: 'pool-node-abcdef',
  flavorId: 'f',
  imageId: 'i',
  portId: 'port-1',
  zone: 'nova',
  keyPair: undefined,
  serverGroupId: undefined,
  userData: '#cloud-config\n',
  metadata: new Map([['sluice.dev:claim', 'uid']]),
};
const port: CreatePortRequest = {
  claimUid: '00000000-0000-4000-8000-000000000001',
  clusterUid: '00000000-0000-4000-8000-000000000002',
  claimName: 'pool-node-abcdef',
  networkId: 'n',
  subnetId: undefined,
  securityGroups: [],
};
const items = (count: number) => new Map(Array.from({ length: count }, (_, index) => [`key-${index}`, 'v'] as const));

function refusal(make: () => unknown): PortError {
  try {
    make();
  } catch (error) {
    if (error instanceof PortError) return error;
    throw error;
  }
  throw new Error('it must be refused');
}

describe('a server request', () => {
  test.for<[what: string, change: Partial<CreateServerRequest>, metadataItemsMax: number]>([
    ['a name of 63 characters', { name: 'n'.repeat(63) }, 128],
    [
      'user data of 65,532 characters in base64, the most that whole groups of four make',
      { userData: 'x'.repeat(49_149) },
      128,
    ],
    ['128 items of metadata', { metadata: items(128) }, 128],
    ["as many as the project's own limit", { metadata: items(3) }, 3],
    ['a key and a value of 255 characters', { metadata: new Map([['k'.repeat(255), 'v'.repeat(255)]]) }, 128],
    ['every sign that a key may have', { metadata: new Map([['aZ09-_:. ', 'ü{{"\n']]) }, 128],
  ])('%s is sent', ([, change, metadataItemsMax]) => {
    const request = { ...server, ...change };
    const body = newServer(request, metadataItemsMax);
    expect(body.name).toBe(request.name);
    expect(body.metadata).toEqual(Object.fromEntries(request.metadata));
    expect(Buffer.from(body.user_data ?? '', 'base64').toString()).toBe(request.userData);
  });

  test.for<[what: string, change: Partial<CreateServerRequest>, words: readonly string[]]>([
    ['an empty name', { name: '' }, ['server name', '63']],
    ['a name of 64 characters', { name: 'n'.repeat(64) }, ['server name', '63']],
    ['a name with a dot', { name: 'pool.example' }, ['server name', 'no dots']],
    ['a name with a line end', { name: 'pool-node-abcdef\n' }, ['server name']],
    ['user data of 65,536 characters in base64', { userData: 'x'.repeat(49_150) }, ['user data', '65535', '65536']],
    ['user data that is longer in bytes than in characters', { userData: 'ü'.repeat(24_576) }, ['user data', '65535']],
    ['129 items of metadata', { metadata: items(129) }, ['metadata', '128', '129']],
    ['a key of 256 characters', { metadata: new Map([['k'.repeat(256), 'v']]) }, ['metadata key', '255']],
    ['an empty key', { metadata: new Map([['', 'v']]) }, ['metadata key']],
    ['a key with a slash', { metadata: new Map([['sluice.dev/claim', 'v']]) }, ['metadata key', 'sluice.dev/claim']],
    [
      'a value of 256 characters',
      { metadata: new Map([['key', 'v'.repeat(256)]]) },
      ["metadata value of 'key'", '255'],
    ],
  ])('%s is refused by its name', ([, change, words]) => {
    const error = refusal(() => newServer({ ...server, ...change }, 128));
    expect(error.code).toBe('invalidSpec');
    for (const word of words) expect(error.message).toContain(word);
    // the user data holds a secret
    expect(error.message.length).toBeLessThan(600);
    expect(error.message).not.toContain('xxxxxxxx');
  });

  test("more metadata than the project's own limit is refused with the name of that quota", () => {
    const error = refusal(() => newServer({ ...server, metadata: items(3) }, 2));
    expect(error).toMatchObject({ code: 'invalidSpec', message: expect.stringContaining('quota metadata_items') });
  });

  test('the first port is the first interface', () => {
    const { networks } = newServer({ ...server, additionalPortIds: ['port-2', 'port-3'] }, 128);
    expect(networks).toEqual([{ port: 'port-1' }, { port: 'port-2' }, { port: 'port-3' }]);
  });
});

describe('a port request', () => {
  test('carries the claim in its name, and claim and cluster in its tags', () => {
    expect(newPort(port, [])).toMatchObject({
      name: `sluice-${port.claimUid}`,
      tags: [`sluice.dev/cluster=${port.clusterUid}`, `sluice.dev/claim=${port.claimUid}`],
    });
    expect(newPort({ ...port, networkIndex: 2 }, []).name).toBe(`sluice-${port.claimUid}+2`);
  });

  test.for([0, 1, 7])('its name says which network it is on: %i', (index) => {
    expect(networkIndexOf(portName(port.claimUid, index))).toBe(index);
  });

  test.for(['pet', 'pet+3', 'sluice-x+0', 'sluice-x+12', ''])('names of others say nothing: %s', (name) => {
    expect(networkIndexOf(name)).toBe(0);
  });

  test('what travels with the POST says whose it is, before any tag is set', () => {
    const { name, description } = newPort(port, []);
    expect(clusterUidOf({ name, description })).toBe(port.clusterUid);
    expect(clusterUidOf({ name: portName(port.claimUid, 3), description, tags: [] })).toBe(port.clusterUid);
  });

  test.for<[what: string, one: Parameters<typeof clusterUidOf>[0], want: string]>([
    ['a tag alone, as of ports with another description', { name: 'sluice-u', tags: ['sluice.dev/cluster=c'] }, 'c'],
    ['a name of ours alone', { name: 'sluice-u', description: 'Sluice node web-node-abcdef' }, ''],
    ['a mark alone', { name: 'pet', description: 'sluice.dev cluster=c' }, ''],
    ['a mark that a person wrote about', { name: 'sluice-u', description: 'was sluice.dev cluster=c' }, ''],
    ['a name that only begins like ours', { name: 'sluice-u of mine', description: 'sluice.dev cluster=c' }, ''],
    ['nothing', { name: '' }, ''],
  ])('whose it is by %s', ([, one, want]) => {
    expect(clusterUidOf(one)).toBe(want);
  });

  test.for<[what: string, change: Partial<CreatePortRequest>, word: string]>([
    ['a uid that does not fit in a tag of 60 characters', { clusterUid: 'u'.repeat(42) }, '60 characters'],
    ['a uid with a comma', { claimUid: 'a,b' }, 'no comma'],
  ])('%s is refused', ([, change, word]) => {
    expect(refusal(() => newPort({ ...port, ...change }, []))).toMatchObject({
      code: 'invalidSpec',
      message: expect.stringContaining(word),
    });
  });
});

describe('the mark of a floating IP', () => {
  test('carries cluster and claim', () => {
    expect(floatingIpMark(port)).toBe(`sluice.dev cluster=${port.clusterUid} claim=${port.claimUid}`);
  });

  test.for([
    ['a uid with a space', { clusterUid: 'a b' }],
    ['uids beyond 255 characters', { claimUid: 'u'.repeat(255) }],
  ] as const)('%s is refused', ([, change]) => {
    expect(refusal(() => floatingIpMark({ ...port, ...change }))).toMatchObject({
      code: 'invalidSpec',
      message: expect.stringContaining('255'),
    });
  });
});
