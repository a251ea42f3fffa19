// What counts as too much at once, and who may say that it is true.
import { describe, expect, test } from 'vitest';
import type { NodeClaim } from '../../../src/api/node-claim.ts';
import { type GuardEvidence, judgeMassChange, MassChangeGuard } from '../../../src/controllers/mass-change-guard.ts';
import { FAKE_EPOCH_MS } from '../../fakes/fake-clock.ts';
import { makeClaim, makeCluster, makeNode, makePool } from '../../fakes/fake-objects.ts';

const NOW_MS = FAKE_EPOCH_MS + 3_600_000;
const LONG_AGO = new Date(FAKE_EPOCH_MS).toISOString();

const nameOf = (index: number) => `web-node-${index.toString().padStart(6, '0')}`;

function joined(index: number, parts: Parameters<typeof makeClaim>[1] = {}): NodeClaim {
  return makeClaim(nameOf(index), {
    ...parts,
    status: {
      phase: 'Ready',
      serverId: `server-${index}`,
      createAttemptedAt: LONG_AGO,
      registeredAt: LONG_AGO,
      readyAt: LONG_AGO,
      ...parts.status,
    },
    metadata: { uid: `claim-${index}`, ...parts.metadata },
  });
}

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

/** Ten nodes, all well. */
function evidence(parts: Partial<GuardEvidence> = {}): GuardEvidence {
  return {
    cluster: makeCluster(),
    nowMs: NOW_MS,
    claims: range(10).map((index) => joined(index)),
    nodes: range(10).map((index) => makeNode(nameOf(index))),
    nodePools: [makePool()],
    servers: { ids: new Set(range(10).map((index) => `server-${index}`)), listedAtMs: NOW_MS },
    pathSick: undefined,
    definition: 'ready',
    ...parts,
  };
}

const nodesBut = (gone: number) => range(10 - gone).map((index) => makeNode(nameOf(index)));
const serversBut = (gone: number, listedAtMs = NOW_MS) => ({
  ids: new Set(range(10 - gone).map((index) => `server-${index}`)),
  listedAtMs,
});
const notReady = (count: number) =>
  range(10).map((index) => makeNode(nameOf(index), index < count ? { ready: 'Unknown' } : {}));
const pools = (count: number) => range(count).map((index) => joined(index, { spec: { poolName: `pool-${index}` } }));

describe('judgeMassChange', () => {
  test.each<{ name: string; parts: Partial<GuardEvidence>; want: RegExp | undefined }>([
    { name: 'all is well', parts: {}, want: undefined },
    { name: 'an empty cluster', parts: { claims: [], nodes: [], servers: undefined }, want: undefined },
    { name: 'three of ten nodes vanished: 30 % is not above it', parts: { nodes: nodesBut(3) }, want: undefined },
    {
      name: 'four of ten nodes vanished, servers stand',
      parts: { nodes: nodesBut(4) },
      want: /4 of 10 nodes vanished/,
    },
    {
      name: 'four nodes vanished, OpenStack confirms',
      parts: { nodes: nodesBut(4), servers: serversBut(4) },
      want: undefined,
    },
    {
      name: 'four nodes vanished, OpenStack confirms three',
      parts: { nodes: nodesBut(4), servers: serversBut(3) },
      want: /1 of their servers may still stand/,
    },
    {
      name: 'nodes vanished and no server list',
      parts: { nodes: nodesBut(4), servers: undefined },
      want: /nodes vanished/,
    },
    {
      name: 'nodes vanished, list older than their servers',
      parts: { nodes: nodesBut(4), servers: serversBut(4, FAKE_EPOCH_MS - 1) },
      want: /nodes vanished/,
    },
    {
      name: 'two of two nodes vanished: small clusters are repaired without asking',
      parts: { claims: range(2).map((index) => joined(index)), nodes: [] },
      want: undefined,
    },
    {
      name: 'nodes that are meant to go may vanish',
      parts: {
        nodes: nodesBut(4),
        claims: range(10).map((index) =>
          joined(index, index < 6 ? {} : { status: { removal: { reason: 'ScaleDown', message: '', at: LONG_AGO } } }),
        ),
      },
      want: undefined,
    },
    { name: 'servers vanished, nodes are ready', parts: { servers: serversBut(10) }, want: /look at the project/ },
    {
      name: 'servers vanished and their nodes are not ready: they are gone',
      parts: {
        servers: serversBut(4),
        nodes: range(10).map((i) => makeNode(nameOf(i), i > 5 ? { ready: 'False' } : {})),
      },
      want: undefined,
    },
    {
      name: 'servers newer than the list are not missing',
      parts: { servers: serversBut(10, FAKE_EPOCH_MS - 1) },
      want: undefined,
    },
    { name: 'four of ten nodes not ready', parts: { nodes: notReady(4) }, want: undefined },
    { name: 'five of ten nodes not ready', parts: { nodes: notReady(5) }, want: /5 of 10 nodes are not ready/ },
    {
      name: 'three of three pools vanished',
      parts: { claims: pools(3), nodePools: [] },
      want: /3 of 3 node pools/,
    },
    { name: 'two of two pools vanished', parts: { claims: pools(2), nodePools: [] }, want: undefined },
    { name: 'path sick', parts: { pathSick: 'no answer' }, want: /no answer/ },
    { name: 'definition being deleted', parts: { definition: 'deleting' }, want: /being deleted/ },
    { name: 'definition unknown', parts: { definition: 'unknown' }, want: /could not be read/ },
  ])('$name', ({ parts, want }) => {
    const reason = judgeMassChange(evidence(parts));
    if (want === undefined) expect(reason).toBeUndefined();
    else expect(reason).toMatch(want);
  });

  test.each([
    { name: 'accepted by a person', until: new Date(NOW_MS + 60_000).toISOString(), frozen: false },
    { name: 'the acceptance is over', until: new Date(NOW_MS - 1).toISOString(), frozen: true },
    { name: 'not a time', until: 'yes', frozen: true },
  ])('annotation: $name', ({ until, frozen }) => {
    const cluster = makeCluster();
    const annotated = {
      ...cluster,
      metadata: { ...cluster.metadata, annotations: { 'sluice.dev/accept-vanished-until': until } },
    };
    expect(judgeMassChange(evidence({ nodes: [], cluster: annotated })) !== undefined).toBe(frozen);
  });

  test('a person cannot accept a sick path away', () => {
    const cluster = makeCluster();
    const annotations = { 'sluice.dev/accept-vanished-until': new Date(NOW_MS + 60_000).toISOString() };
    const annotated = { ...cluster, metadata: { ...cluster.metadata, annotations } };
    expect(judgeMassChange(evidence({ pathSick: 'no answer', cluster: annotated }))).toBe('no answer');
  });
});

test('until it has looked, the guard lets nothing be removed; what comes back unfreezes', () => {
  const guard = new MassChangeGuard();
  expect(guard.reason()).toBeDefined();
  guard.update(evidence({ nodes: [] }));
  expect(guard.reason()).toMatch(/10 of 10 nodes vanished/);
  guard.update(evidence());
  expect(guard.reason()).toBeUndefined();
});

test('what the guard remembers of one look does not show in the next', () => {
  const claims = [range(10).map((index) => joined(index)), range(9).map((index) => joined(index)), pools(10)];
  const nodes = [nodesBut(0), nodesBut(4), notReady(5), nodesBut(0).reverse(), nodesBut(10)];
  const servers = [serversBut(0), serversBut(4), serversBut(10), undefined];
  const guard = new MassChangeGuard();
  const said = new Set<string | undefined>();
  // Each pair of looks after each other, now one and now another thing having changed.
  for (let look = 0; look < 1000; look += 1) {
    const seen = evidence({
      claims: claims[Math.floor(look / 7) % claims.length] ?? [],
      nodes: nodes[Math.floor(look / 3) % nodes.length] ?? [],
      servers: servers[Math.floor((look * 3) / 5) % servers.length],
    });
    const reason = guard.update(seen);
    expect(reason).toBe(judgeMassChange(seen));
    said.add(reason);
  }
  expect(said.size).toBeGreaterThan(5);
});
