// From the wish that a node should go to nothing left of it.
import { expect } from 'vitest';
import type { NodeClaimStatus } from '../../../src/api/node-claim.ts';
import { SERVER_METADATA } from '../../../src/api/names.ts';
import { VOLUME_DETACH_MAX_MS } from '../../../src/lifecycle/delete-steps.ts';
import { makePod } from '../../fakes/fake-objects.ts';
import {
  noServers,
  NAME,
  OTHER_ID,
  SERVER_ID,
  at,
  attempted,
  bound,
  describeRows,
  drainingNode,
  known,
  node,
  ports,
  ready,
  server,
  unknown,
  up,
  withMark,
} from './claim-rows.ts';

const gone = { deletionTimestamp: at(60_000) };
const removal: NodeClaimStatus = { removal: { reason: 'ScaleDown', message: 'unneeded', at: at(60_000) } };
const draining: NodeClaimStatus = { ...ready, ...removal, phase: 'Draining', drainStartedAt: at(60_000) };
const deleting: NodeClaimStatus = { ...draining, phase: 'Deleting', deleteStartedAt: at(70_000) };

describeRows('a claim that leaves before it has a server', [
  { name: 'is marked as deleted first', status: { ...ready, ...removal }, want: { kind: 'markDeleted' } },
  {
    name: 'waits while frozen',
    status: removal,
    metadata: gone,
    frozen: 'the API does not answer',
    want: { kind: 'wait', ms: 15_000 },
  },
  {
    name: 'does not wait while frozen when its cluster is deleted',
    status: { removal: { reason: 'ClusterDeleted', message: '', at: at(0) } },
    metadata: gone,
    frozen: 'the API does not answer',
    want: { kind: 'look', at: 'ports' },
  },
  {
    name: 'waits out a POST that may still be under way',
    status: attempted,
    metadata: gone,
    facts: { ports, servers: noServers },
    want: { kind: 'wait', ms: 5000 },
  },
  {
    name: 'takes up the server that came of it',
    status: attempted,
    metadata: gone,
    facts: { ports: known([bound]), servers: known([server()]) },
    want: { kind: 'record', set: { serverId: SERVER_ID, phase: 'Building', epoch: 7, createAttemptedAt: at(1000) } },
  },
  {
    name: 'drops its port after a clear refusal, at once',
    status: { ...attempted, failure: { code: 'quota', message: 'no', at: at(0) } },
    metadata: gone,
    facts: { ports, servers: noServers },
    want: { kind: 'deletePort', portId: 'port-1' },
  },
  {
    name: 'leaves a port alone that a stranger uses',
    metadata: gone,
    facts: {
      ports: known([{ id: 'port-1', deviceId: OTHER_ID }]),
      servers: known([server({ id: OTHER_ID, metadata: new Map() })]),
    },
    want: { kind: 'record', why: 'A port of this claim is used by a foreign server.' },
  },
  {
    name: 'takes its token along',
    status: { bootstrapTokenId: 'aaaaaa' },
    metadata: gone,
    facts: { ports: known([]), servers: noServers },
    want: { kind: 'deleteToken', tokenId: 'aaaaaa' },
  },
  {
    name: 'is let go when nothing is left',
    metadata: gone,
    facts: { ports: known([]), servers: noServers },
    want: { kind: 'removeFinalizer' },
  },
]);

describeRows('a node that leaves', [
  {
    name: 'is looked at in the API between two rounds of its drain, not in the cloud',
    status: draining,
    metadata: gone,
    facts: { node: known(drainingNode), pods: known([makePod('web')]) },
    afterMs: 61_000,
    want: { kind: 'drain' },
  },
  {
    name: 'that is not well is looked at in the cloud, too',
    status: draining,
    metadata: gone,
    facts: { node: known({ ...drainingNode, ready: 'Unknown' }) },
    want: { kind: 'look', at: 'server' },
  },
  {
    name: 'is not drained before its server is known to be ours',
    status: { ...ready, ...removal },
    metadata: gone,
    facts: { node: known(node()) },
    want: { kind: 'look', at: 'server' },
  },
  {
    name: 'is not touched when its server carries other marks',
    status: { ...ready, ...removal },
    metadata: gone,
    facts: { server: known(withMark(SERVER_METADATA.claim, 'someone-else')) },
    want: { kind: 'record', why: expect.stringContaining('delete it by hand') },
  },
  {
    name: 'is not touched when its server lies in another project',
    status: deleting,
    metadata: gone,
    facts: { server: known(server({ projectId: 'project-2' })) },
    want: { kind: 'record' },
  },
  {
    name: 'starts its drain clock',
    status: { ...ready, ...removal },
    metadata: gone,
    facts: { server: up, node: known(node()) },
    want: { kind: 'record', set: { phase: 'Draining', drainStartedAt: at(2000) } },
  },
  {
    name: 'is tainted and cordoned before any pod is moved',
    status: draining,
    metadata: gone,
    facts: { server: up, node: known(node({ unschedulable: true })) },
    want: { kind: 'cordon' },
  },
  {
    name: 'has its pods evicted',
    status: draining,
    metadata: gone,
    facts: { server: up, node: known(drainingNode), pods: known([makePod('web')]) },
    afterMs: 61_000,
    want: { kind: 'drain' },
  },
  {
    name: 'keeps its server when its pods cannot be listed',
    status: draining,
    metadata: gone,
    facts: { server: up, node: known(drainingNode), pods: unknown },
    want: { kind: 'retry', fact: 'pods' },
  },
  {
    name: 'keeps its server when the API does not say whether there is a node',
    status: draining,
    metadata: gone,
    facts: { server: up, node: unknown },
    want: { kind: 'retry', fact: 'node' },
  },
  {
    name: 'that is empty goes on, with the epoch written down',
    status: draining,
    metadata: gone,
    facts: { server: up, node: known(drainingNode), pods: known([]) },
    want: { kind: 'record', set: { phase: 'Deleting', deleteStartedAt: at(2000), epoch: 7 } },
  },
  {
    name: 'waits for its volumes',
    status: deleting,
    metadata: gone,
    facts: { server: up, volumes: known(['csi-1']) },
    afterMs: 70_000 + VOLUME_DETACH_MAX_MS - 1,
    want: { kind: 'wait', ms: 5000 },
  },
  {
    name: 'does not wait for its volumes for ever',
    status: deleting,
    metadata: gone,
    facts: { server: up, volumes: known(['csi-1']) },
    afterMs: 70_000 + VOLUME_DETACH_MAX_MS,
    want: { kind: 'deleteServer', serverId: SERVER_ID },
  },
  {
    name: 'loses its server when nothing is attached',
    status: deleting,
    metadata: gone,
    facts: { server: up, volumes: known([]) },
    afterMs: 71_000,
    want: { kind: 'deleteServer', serverId: SERVER_ID },
  },
  {
    name: 'is asked about once while Nova deletes it',
    status: deleting,
    metadata: gone,
    facts: { server: known(server({ taskState: 'deleting' })) },
    want: { kind: 'wait', ms: 3000 },
  },
  {
    name: 'whose server vanished before our DELETE is asked for again',
    status: draining,
    metadata: gone,
    facts: { node: known(undefined), server: known(undefined) },
    want: { kind: 'record', set: { serverGoneAt: at(2000) } },
  },
  {
    name: 'gives its port back after the 404',
    status: deleting,
    metadata: gone,
    facts: { server: known(undefined), ports: known([bound]), servers: noServers },
    want: { kind: 'deletePort', portId: 'port-1' },
  },
  {
    name: 'takes a second server of the same claim along',
    status: deleting,
    metadata: gone,
    facts: { server: known(undefined), ports: known([]), servers: known([server({ id: OTHER_ID })]) },
    want: { kind: 'record', set: { serverId: OTHER_ID, epoch: 7 } },
  },
  {
    name: 'loses its Node by uid',
    status: deleting,
    metadata: gone,
    facts: { server: known(undefined), ports: known([]), servers: noServers, node: known(node()) },
    want: { kind: 'deleteNode', name: NAME, uid: 'node-1' },
  },
  {
    name: 'leaves a Node alone that belongs to another server',
    status: deleting,
    metadata: gone,
    facts: {
      server: known(undefined),
      ports: known([]),
      servers: noServers,
      node: known(node({ providerId: `openstack:///${OTHER_ID}` })),
    },
    want: { kind: 'removeFinalizer' },
  },
  {
    name: "does not wait for a Node that its owner's finalizers hold",
    status: deleting,
    metadata: gone,
    facts: { server: known(undefined), ports: known([]), servers: noServers, node: known(node({ deleting: true })) },
    want: { kind: 'removeFinalizer' },
  },
  {
    name: 'without our finalizer is nobody’s business any more',
    status: deleting,
    metadata: { ...gone, finalizers: ['example.com/other'] },
    want: { kind: 'settled' },
  },
]);
