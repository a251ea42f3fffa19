// Neutron's floating IPs: one for each port, from the external network, for ports whose subnet the router knows.
import { randomUUID } from 'node:crypto';
import { fieldsOf, listOf, textOf, type Fields } from '../untyped.ts';
import { CloudError, type FloatingIp } from './cloud-objects.ts';
import { cloudTime, type CloudAnswer, type CloudRequest } from './cloud-request.ts';
import type { CloudState } from './cloud-state.ts';
import { struck } from './nova-create-server.ts';

const neutronError = (code: number, kind: string, message: string): CloudError =>
  new CloudError(code, message, { kind });

export function showFloatingIp(state: CloudState, floatingIp: FloatingIp): Fields {
  const port = state.ports.get(floatingIp.portId);
  return {
    id: floatingIp.id,
    tenant_id: state.projectId,
    project_id: state.projectId,
    floating_ip_address: floatingIp.address,
    floating_network_id: state.externalNetwork.id,
    router_id: port === undefined ? null : state.routerId,
    port_id: port?.id ?? null,
    fixed_ip_address: port?.address ?? null,
    status: port === undefined ? 'DOWN' : 'ACTIVE',
    description: floatingIp.description,
    dns_domain: '',
    dns_name: '',
    port_details: null,
    tags: [],
    created_at: cloudTime(floatingIp.createdMs),
    updated_at: cloudTime(floatingIp.createdMs),
    revision_number: 1,
  };
}

/** Everything below /floatingips but the list. Throws CloudError. */
export function answerFloatingIps(state: CloudState, request: CloudRequest): CloudAnswer {
  const [, id, more] = request.segments;
  if (more !== undefined) throw neutronError(404, 'HTTPNotFound', 'The resource could not be found.');
  if (id === undefined && request.method === 'POST')
    return create(state, fieldsOf(fieldsOf(request.body)['floatingip']));
  const floatingIp = state.floatingIps.get(id ?? '');
  if (floatingIp === undefined) {
    throw neutronError(404, 'FloatingIPNotFound', `Floating IP ${id ?? ''} could not be found`);
  }
  if (request.method === 'GET') return { code: 200, body: { floatingip: showFloatingIp(state, floatingIp) } };
  if (request.method !== 'DELETE') throw neutronError(404, 'HTTPNotFound', 'The resource could not be found.');
  const effect = state.strike('deleteFloatingIp');
  if (effect !== undefined && effect !== 'dropAnswer') throw struck(effect);
  state.floatingIps.delete(floatingIp.id);
  return { code: 204, body: undefined, drop: effect === 'dropAnswer' };
}

function create(state: CloudState, wanted: Fields): CloudAnswer {
  checkNetwork(state, textOf(wanted['floating_network_id']));
  const portId = checkPort(state, textOf(wanted['port_id']));
  const overQuota = neutronError(409, 'OverQuota', "Quota exceeded for resources: ['floatingip'].");
  if (state.floatingIps.size >= state.quota.floatingIps) throw overQuota;
  const effect = state.strike('createFloatingIp');
  if (effect === 'quota') throw overQuota;
  if (effect !== undefined && effect !== 'dropAnswer') throw struck(effect);
  const floatingIp: FloatingIp = {
    id: randomUUID(),
    address: state.nextFloatingAddress(),
    description: textOf(wanted['description']),
    portId,
    createdMs: Date.now(),
  };
  state.floatingIps.set(floatingIp.id, floatingIp);
  return { code: 201, body: { floatingip: showFloatingIp(state, floatingIp) }, drop: effect === 'dropAnswer' };
}

function checkNetwork(state: CloudState, id: string): void {
  if (id === state.externalNetwork.id) return;
  if (state.networks.some((network) => network.id === id)) {
    const message = `Bad floatingip request: Network ${id} is not a valid external network.`;
    throw neutronError(400, 'BadRequest', message);
  }
  throw neutronError(404, 'NetworkNotFound', `Network ${id} could not be found.`);
}

function checkPort(state: CloudState, id: string): string {
  if (id === '') return '';
  const port = state.ports.get(id);
  if (port === undefined) throw neutronError(404, 'PortNotFound', `Port ${id} could not be found.`);
  if (port.networkId !== state.network.id) {
    const message = `External network ${state.externalNetwork.id} is not reachable from subnet ${port.subnetId}.  Therefore, cannot associate Port ${id} with a Floating IP.`;
    throw neutronError(404, 'ExternalGatewayForFloatingIPNotFound', message);
  }
  const other = [...state.floatingIps.values()].find((each) => each.portId === id);
  if (other === undefined) return id;
  const message = `Cannot associate floating IP ${other.address} (${other.id}) with port ${id} using fixed IP ${port.address}, as that fixed IP already has a floating IP on external network ${state.externalNetwork.id}.`;
  throw neutronError(409, 'FloatingIPPortAlreadyAssociated', message);
}

/** Aliases of what this Neutron can do beyond the core. */
export function showExtensions(): readonly Fields[] {
  return listOf(['router', 'tag-ports-during-bulk-creation', 'security-group', 'standard-attr-description']).map(
    (alias) => ({ alias, name: alias, description: '', updated: '2013-01-01T00:00:00-00:00', links: [] }),
  );
}
