// Further ports and floating IPs of a claim, moment by moment.
import type { NodeClaimStatus } from '../../../src/api/node-claim.ts';
import {
  describeRows,
  free,
  known,
  noServers,
  node,
  OTHER_ID,
  portReady,
  ports,
  server,
  SERVER_ID,
  unknown,
} from './claim-rows.ts';

const twoMore = { additionalNetworks: [{ networkId: 'n-2' }, { networkId: 'n-3', subnetId: 's-3' }] };
const second = { id: 'port-2', deviceId: '', networkIndex: 1 };
const third = { id: 'port-3', deviceId: '', networkIndex: 2 };
const allPorts = known([free, second, third]);
const withPorts: NodeClaimStatus = { ...portReady, additionalPortIds: ['port-2', 'port-3'] };

describeRows('ports on further networks', [
  {
    name: 'come after the first',
    spec: twoMore,
    facts: { ports: known([]) },
    want: { kind: 'createPort', networkIndex: 0 },
  },
  {
    name: 'and not before the first is written down',
    spec: twoMore,
    facts: { ports },
    want: { kind: 'record', set: { portId: 'port-1', phase: 'PortReady', epoch: 7 } },
  },
  {
    name: 'come one after the other',
    spec: twoMore,
    status: portReady,
    facts: { ports },
    want: { kind: 'createPort', networkIndex: 1 },
  },
  {
    name: 'are written down as they come',
    spec: twoMore,
    status: portReady,
    facts: { ports: known([free, second]) },
    want: { kind: 'record', set: { portId: 'port-1', additionalPortIds: ['port-2'], phase: 'PortReady', epoch: 7 } },
  },
  {
    name: 'a gap is filled: the second is gone, the third stands',
    spec: twoMore,
    status: withPorts,
    facts: { ports: known([free, third]) },
    want: { kind: 'record', set: { portId: 'port-1' }, clear: ['additionalPortIds'] },
  },
  {
    name: 'with the missing one, in its place',
    spec: twoMore,
    status: portReady,
    facts: { ports: known([free, third]) },
    want: { kind: 'createPort', networkIndex: 1 },
  },
  {
    name: 'a second one on a network goes',
    spec: twoMore,
    status: withPorts,
    facts: { ports: known([free, second, { ...second, id: 'port-2b' }, third]) },
    want: { kind: 'deletePort', portId: 'port-2b' },
  },
  {
    name: 'all go into the one POST, in their order',
    spec: twoMore,
    status: withPorts,
    facts: { ports: allPorts, servers: noServers },
    want: { kind: 'createServer', portId: 'port-1', additionalPortIds: ['port-2', 'port-3'] },
  },
  {
    name: 'no POST when a stranger sits on one of them',
    spec: twoMore,
    status: withPorts,
    facts: { ports: known([free, { ...second, deviceId: OTHER_ID }, third]), servers: noServers },
    want: { kind: 'fail' },
  },
]);

const floating = { floatingNetworkId: 'ext-1' };
const here = { id: 'fip-1', address: '198.18.0.1', portId: 'port-1' };
const written: NodeClaimStatus = { ...portReady, floatingIpId: 'fip-1', floatingIp: '198.18.0.1' };

describeRows('a floating IP', [
  {
    name: 'is not asked for where none is wanted',
    status: portReady,
    facts: { ports },
    want: { kind: 'look', at: 'servers' },
  },
  {
    name: 'is looked for',
    spec: floating,
    status: portReady,
    facts: { ports },
    want: { kind: 'look', at: 'floatingIps' },
  },
  {
    name: 'is not made when it cannot be looked for',
    spec: floating,
    status: portReady,
    facts: { ports, floatingIps: unknown },
    want: { kind: 'retry', fact: 'floatingIps' },
  },
  {
    name: 'is made for the first port, before the server',
    spec: floating,
    status: portReady,
    facts: { ports, floatingIps: known([]) },
    want: { kind: 'createFloatingIp', portId: 'port-1' },
  },
  {
    name: 'is written down with its address',
    spec: floating,
    status: portReady,
    facts: { ports, floatingIps: known([here]) },
    want: { kind: 'record', set: { floatingIpId: 'fip-1', floatingIp: '198.18.0.1', epoch: 7 } },
  },
  {
    name: 'that leads to a port that went is given back',
    spec: floating,
    status: portReady,
    facts: { ports, floatingIps: known([{ ...here, portId: '' }]) },
    want: { kind: 'deleteFloatingIp', floatingIpId: 'fip-1' },
  },
  {
    name: 'of several the oldest is kept',
    spec: floating,
    status: portReady,
    facts: { ports, floatingIps: known([here, { ...here, id: 'fip-2' }]) },
    want: { kind: 'deleteFloatingIp', floatingIpId: 'fip-2' },
  },
  {
    name: 'stands, and the server comes next',
    spec: floating,
    status: written,
    facts: { ports, floatingIps: known([here]), servers: noServers },
    want: { kind: 'createServer', portId: 'port-1', additionalPortIds: [] },
  },
]);

const deleting = { deletionTimestamp: '2026-01-01T00:00:00Z' };
const withoutAddress: NodeClaimStatus = {
  ...portReady,
  phase: 'Deleting',
  serverId: SERVER_ID,
  createAttemptedAt: '2026-01-01T00:00:00Z',
  deleteStartedAt: '2026-01-01T00:00:00Z',
};
const gone: NodeClaimStatus = { ...written, ...withoutAddress };

describeRows('a floating IP of a claim that leaves', [
  {
    name: 'is not touched while the server stands',
    metadata: deleting,
    spec: floating,
    status: gone,
    facts: { server: known(server()), node: known(node()), volumes: known([]) },
    want: { kind: 'deleteServer', serverId: SERVER_ID },
  },
  {
    name: 'is looked for when the server is gone',
    metadata: deleting,
    spec: floating,
    status: gone,
    facts: { server: known(undefined), ports, servers: noServers },
    want: { kind: 'look', at: 'floatingIps' },
  },
  {
    name: 'goes before its port',
    metadata: deleting,
    spec: floating,
    status: gone,
    facts: { server: known(undefined), ports, servers: noServers, floatingIps: known([{ ...here, portId: '' }]) },
    want: { kind: 'deleteFloatingIp', floatingIpId: 'fip-1' },
  },
  {
    name: 'the port waits for an answer about it',
    metadata: deleting,
    spec: floating,
    status: gone,
    facts: { server: known(undefined), ports, servers: noServers, floatingIps: unknown },
    want: { kind: 'retry', fact: 'floatingIps' },
  },
  {
    name: 'then the port goes',
    metadata: deleting,
    spec: floating,
    status: gone,
    facts: { server: known(undefined), ports, servers: noServers, floatingIps: known([]) },
    want: { kind: 'deletePort', portId: 'port-1' },
  },
  {
    name: 'goes also when no server was ever asked for',
    metadata: deleting,
    spec: floating,
    status: portReady,
    facts: { ports, servers: noServers, floatingIps: known([here]) },
    want: { kind: 'deleteFloatingIp', floatingIpId: 'fip-1' },
  },
  {
    name: 'all ports go, those on further networks too',
    metadata: deleting,
    spec: twoMore,
    status: withPorts,
    facts: { ports: known([third]), servers: noServers },
    want: { kind: 'deletePort', portId: 'port-3' },
  },
]);

describeRows('a claim without floating IP that leaves', [
  {
    name: 'costs no look for one',
    metadata: deleting,
    status: withoutAddress,
    facts: { server: known(undefined), ports: known([]), servers: noServers, node: known(undefined) },
    want: { kind: 'removeFinalizer' },
  },
]);
