// From nothing to a Ready node, and the watch over it.
import { expect } from 'vitest';
import type { NodeClaimStatus } from '../../../src/api/node-claim.ts';
import { SERVER_METADATA } from '../../../src/api/names.ts';
import { UNKNOWN_WINDOW_MS } from '../../../src/lifecycle/create-steps.ts';
import { NODE_GONE_MS, SERVER_GONE_CONFIRM_MS } from '../../../src/lifecycle/live-steps.ts';
import { FAKE_EPOCH_MS } from '../../fakes/fake-clock.ts';
import {
  NAME,
  OTHER_ID,
  SERVER_ID,
  at,
  attempted,
  bound,
  building,
  describeRows,
  free,
  known,
  noServers,
  booting,
  registered,
  node,
  portReady,
  ports,
  ready,
  server,
  unknown,
  up,
  withMark,
} from './claim-rows.ts';

describeRows('a claim before its POST', [
  { name: 'without finalizer gets it first', metadata: { finalizers: [] }, want: { kind: 'addFinalizer' } },
  { name: 'looks for its port', want: { kind: 'look', at: 'ports' } },
  {
    name: 'does nothing when the ports cannot be listed',
    facts: { ports: unknown },
    want: { kind: 'retry', fact: 'ports' },
  },
  { name: 'makes a port when there is none', facts: { ports: known([]) }, want: { kind: 'createPort' } },
  {
    name: 'writes the port down with the epoch',
    facts: { ports },
    want: { kind: 'record', set: { portId: 'port-1', phase: 'PortReady', epoch: 7 } },
  },
  {
    name: 'of several ports keeps the oldest',
    facts: { ports: known([free, { id: 'port-2', deviceId: '' }]) },
    want: { kind: 'record', set: { portId: 'port-1', phase: 'PortReady', epoch: 7 } },
  },
  {
    name: 'and deletes the rest',
    status: portReady,
    facts: { ports: known([free, { id: 'port-2', deviceId: '' }]) },
    want: { kind: 'deletePort', portId: 'port-2' },
  },
  {
    name: 'takes another port when the recorded one is gone',
    status: portReady,
    facts: { ports: known([{ id: 'port-2', deviceId: '' }]) },
    want: { kind: 'record', set: { portId: 'port-2', phase: 'PortReady', epoch: 7 } },
  },
  {
    name: 'looks for a server before it makes one',
    status: portReady,
    facts: { ports },
    want: { kind: 'look', at: 'servers' },
  },
  {
    name: 'does not POST when the servers cannot be listed',
    status: portReady,
    facts: { ports, servers: unknown },
    want: { kind: 'retry', fact: 'servers' },
  },
  {
    name: 'POSTs when there is none, and hands over the token of an earlier try',
    status: { ...portReady, bootstrapTokenId: 'aaaaaa' },
    facts: { ports, servers: noServers },
    want: { kind: 'createServer', portId: 'port-1', staleTokenId: 'aaaaaa' },
  },
  {
    name: 'adopts a server that is all its own',
    status: portReady,
    facts: { ports, servers: known([server({ status: 'ERROR' })]) },
    want: { kind: 'record', set: { serverId: SERVER_ID, phase: 'Building', epoch: 7, createAttemptedAt: at(1000) } },
  },
  ...Object.values(SERVER_METADATA).map((key) => ({
    name: `does not adopt a server with another ${key}`,
    status: portReady,
    facts: { ports, servers: known([withMark(key, 'someone-else')]) },
    want: { kind: 'createServer' as const },
  })),
  {
    name: 'does not adopt a server of another project',
    status: portReady,
    facts: { ports, servers: known([server({ projectId: 'project-2' })]) },
    want: { kind: 'createServer' },
  },
  {
    name: 'does not adopt an old pet with copied metadata',
    status: portReady,
    facts: { ports, servers: known([server({ createdMs: FAKE_EPOCH_MS - 3_600_000 })]) },
    want: { kind: 'createServer' },
  },
  {
    name: 'gives up when its port is taken by a stranger',
    status: portReady,
    facts: { ports: known([{ id: 'port-1', deviceId: OTHER_ID }]), servers: noServers },
    want: { kind: 'fail' },
  },
  {
    name: 'fails when the cloud let it do nothing for the whole provision timeout',
    facts: { ports: unknown },
    afterMs: 900_001,
    want: { kind: 'fail', failure: { code: 'unavailable', message: expect.any(String), backoff: 'unavailable' } },
  },
]);

describeRows('a claim whose answer was lost', [
  {
    name: 'says so first',
    status: { ...attempted, phase: 'Creating' },
    want: { kind: 'record', set: { phase: 'Unknown' } },
  },
  { name: 'looks at its ports', status: attempted, want: { kind: 'look', at: 'ports' } },
  {
    name: 'waits while nothing shows',
    status: attempted,
    facts: { ports, servers: noServers },
    afterMs: UNKNOWN_WINDOW_MS,
    want: { kind: 'wait', ms: 1000 },
  },
  {
    name: 'adopts the server behind its port',
    status: attempted,
    facts: { ports: known([bound]), servers: known([server()]) },
    want: { kind: 'record', set: { serverId: SERVER_ID, phase: 'Building', epoch: 7, createAttemptedAt: at(1000) } },
  },
  {
    name: 'never POSTs again, however long it takes',
    status: attempted,
    facts: { ports, servers: noServers },
    afterMs: 86_400_000,
    want: { kind: 'deletePort', portId: 'port-1' },
  },
  {
    name: 'concludes nothing from a list that did not come, even after the window',
    status: attempted,
    facts: { ports, servers: unknown },
    afterMs: 86_400_000,
    want: { kind: 'retry', fact: 'servers' },
  },
  {
    name: 'fails when the window is over and the port is gone',
    status: attempted,
    facts: { ports: known([]), servers: noServers },
    afterMs: 1000 + UNKNOWN_WINDOW_MS,
    want: { kind: 'fail', failure: { code: 'outcomeUnknown', message: expect.any(String), backoff: 'unavailable' } },
  },
]);

describeRows('a server that comes up', [
  { name: 'is asked for by id', status: building, want: { kind: 'look', at: 'server' } },
  {
    name: 'is waited for while it builds',
    status: building,
    facts: { server: known(server({ status: 'BUILD' })) },
    want: { kind: 'wait', ms: 5000 },
  },
  {
    name: 'is asked for less often the longer it takes',
    status: building,
    facts: { server: known(server({ status: 'BUILD' })) },
    afterMs: 81_000,
    want: { kind: 'wait', ms: 20_000 },
  },
  {
    name: 'in ERROR without a host is a matter of capacity',
    status: building,
    facts: {
      server: known(
        server({ status: 'ERROR', fault: { code: 500, message: 'No valid host was found.', meaning: 'capacity' } }),
      ),
    },
    want: { kind: 'fail', failure: { code: 'capacity', message: expect.any(String), backoff: 'capacity' } },
  },
  {
    name: 'in ERROR over quota is a matter of quota',
    status: building,
    facts: {
      server: known(server({ status: 'ERROR', fault: { code: 413, message: 'Quota exceeded', meaning: 'quota' } })),
    },
    want: { kind: 'fail', failure: { code: 'quota', message: expect.any(String), backoff: 'quota' } },
  },
  {
    name: 'in ERROR for its own reasons makes its flavor and zone wait, or it would be made again at once',
    status: building,
    facts: { server: known(server({ status: 'ERROR', fault: { code: 500, message: 'disk on fire' } })) },
    want: {
      kind: 'fail',
      failure: { code: 'ServerError', message: 'The server is in ERROR (500): disk on fire', backoff: 'capacity' },
    },
  },
  {
    name: 'that is ACTIVE boots',
    status: building,
    facts: { server: up },
    want: { kind: 'record', set: { phase: 'Booting', serverAddresses: ['10.0.0.9'] } },
  },
  {
    name: 'in a state that nobody knows is not given up',
    status: booting,
    facts: { server: known(server({ status: 'SHELVED_OFFLOADED' })), node: known(undefined) },
    want: { kind: 'wait', ms: 30_000 },
  },
  { name: 'that boots is looked for among the nodes first', status: booting, want: { kind: 'look', at: 'node' } },
  {
    name: 'is not asked for once its node is there',
    status: registered,
    facts: { node: known(node({ ready: 'False' })) },
    want: { kind: 'wait', ms: 30_000 },
  },
  {
    name: 'has no node yet',
    status: booting,
    facts: { server: up, node: known(undefined) },
    want: { kind: 'wait', ms: 30_000 },
  },
  {
    name: 'is not the one that a forged Node points to',
    status: booting,
    facts: { server: up, node: known(node({ providerId: `openstack:///${OTHER_ID}` })) },
    want: { kind: 'wait', ms: 30_000 },
  },
  {
    name: 'has joined',
    status: booting,
    facts: { server: up, node: known(node({ ready: 'False' })) },
    want: {
      kind: 'record',
      set: { phase: 'Registered', nodeName: NAME, nodeUid: 'node-1', registeredAt: at(2000) },
    },
  },
  {
    name: 'loses its bootstrap token once it has joined',
    status: { ...registered, bootstrapTokenId: 'aaaaaa' },
    facts: { server: up, node: known(node()) },
    want: { kind: 'deleteToken', tokenId: 'aaaaaa' },
  },
  {
    name: 'is ready',
    status: registered,
    facts: { server: up, node: known(node()) },
    want: { kind: 'record', set: { phase: 'Ready', readyAt: at(2000) } },
  },
  {
    name: 'fails when no node came in time',
    status: booting,
    facts: { server: up, node: known(undefined) },
    afterMs: 1000 + 900_001,
    want: { kind: 'fail', failure: { code: 'ProvisionTimeout', message: expect.any(String) } },
  },
  {
    name: 'is not blamed for a control plane that is sick',
    status: booting,
    facts: { server: up, node: unknown },
    afterMs: 1000 + 900_001,
    frozen: 'the API does not answer',
    want: { kind: 'wait', ms: 30_000 },
  },
]);

const missing: NodeClaimStatus = { ...ready, serverGoneAt: at(10_000) };

describeRows('a Ready node', [
  { name: 'costs no call to the cloud', status: ready, want: { kind: 'look', at: 'node' } },
  { name: 'rests', status: ready, facts: { node: known(node()) }, want: { kind: 'wait', ms: 600_000 } },
  {
    name: 'that is not Ready for a while rests too: the planner judges that',
    status: ready,
    facts: { node: known(node({ ready: 'Unknown' })) },
    want: { kind: 'wait', ms: 600_000 },
  },
  {
    name: 'that registered again keeps its claim',
    status: ready,
    facts: { node: known(node({ uid: 'node-2' })) },
    want: { kind: 'record', set: { nodeUid: 'node-2' } },
  },
  { name: 'is asked for when the inventory missed it', status: missing, want: { kind: 'look', at: 'server' } },
  {
    name: 'is not lost to an error',
    status: missing,
    facts: { server: unknown },
    afterMs: 86_400_000,
    want: { kind: 'retry', fact: 'server' },
  },
  {
    name: 'is asked for twice',
    status: missing,
    facts: { server: known(undefined) },
    afterMs: 10_000 + SERVER_GONE_CONFIRM_MS - 1,
    want: { kind: 'wait', ms: 1 },
  },
  {
    name: 'was removed by somebody when it is gone the second time',
    status: missing,
    facts: { server: known(undefined) },
    afterMs: 10_000 + SERVER_GONE_CONFIRM_MS,
    want: { kind: 'fail', failure: { code: 'ServerRemovedByUser', message: expect.any(String) } },
  },
  {
    name: 'is not concluded to be gone while frozen',
    status: missing,
    facts: { server: known(undefined) },
    afterMs: 86_400_000,
    frozen: 'too much vanished at once',
    want: { kind: 'wait', ms: 30_000 },
  },
  {
    name: 'that is back is as before',
    status: missing,
    facts: { server: up },
    want: { kind: 'record', clear: ['serverGoneAt'] },
  },
  {
    name: 'whose Node object vanished is noted',
    status: ready,
    facts: { node: known(undefined), server: up },
    want: { kind: 'record', why: 'the Node object is gone' },
  },
  {
    name: 'whose Node object stays away is failed',
    status: {
      ...ready,
      conditions: [
        {
          type: 'NodePresent',
          status: 'False',
          reason: 'NodeGone',
          message: 'The Node object is gone.',
          lastTransitionTime: at(0),
        },
      ],
    },
    facts: { node: known(undefined), server: up },
    afterMs: NODE_GONE_MS,
    want: { kind: 'fail', failure: { code: 'NodeGone', message: expect.any(String) } },
  },
]);

describeRows('a failed claim', [
  {
    name: 'rests until the planner takes it',
    status: { ...building, phase: 'Failed', failure: { code: 'quota', message: 'no', at: at(0) } },
    want: { kind: 'settled' },
  },
]);
