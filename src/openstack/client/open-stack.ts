// One project in one region: logs in, chooses the region, and hands out the services. The client's front door.
import { isLoopback } from './address-policy.ts';
import { KeystoneSession, type Token } from './auth.ts';
import { chooseRegion } from './catalog.ts';
import type { CloudConfig } from './clouds.ts';
import type { VersionedService } from './endpoint-address.ts';
import { Glance } from './glance.ts';
import { HttpChannel, type HttpOptions } from './http.ts';
import { KeystoneLogins } from './keystone-logins.ts';
import { Neutron } from './neutron.ts';
import { Nova } from './nova.ts';
import { RequestBudget, type ClientClock, type RequestGate } from './request-budget.ts';
import { ServiceClient } from './service-client.ts';
import { inlineTls } from './tls-files.ts';

export interface OpenStack {
  readonly region: string;
  readonly nova: Nova;
  readonly neutron: Neutron;
  readonly glance: Glance;
  /** The token in use, renewed when it is time. */
  token(): Promise<Token>;
  /** Requests under way are cut off. */
  close(): Promise<void>;
}

export interface OpenStackDependencies {
  readonly clock: ClientClock;
  /** What it says of certificates and addresses wins over the configuration. */
  readonly http?: HttpOptions;
  /** Where several sessions share a project's budget: this session's lane in it, which its owner closes. Absent: a budget
   *  of its own. */
  readonly budgetOf?: (project: { readonly id: string; readonly region: string }) => RequestGate;
  /** Where several sessions may share one login. Absent: this session logs in by itself. */
  readonly logins?: KeystoneLogins;
}

/** Opens a session. Rejects with an OpenStackError: `config` for a wrong region or certificate, `refused` with 401 for a wrong
 *  credential. No file is opened: certificates in `config` are PEM, or were read by readTlsFiles. */
export async function openStack(config: CloudConfig, deps: OpenStackDependencies): Promise<OpenStack> {
  const http: HttpOptions = {
    verify: config.verify,
    // loopback is a way to this process' own neighbours, and only a cloud that stands there itself has business with it
    addresses: { loopback: isLoopback(config.authUrl) },
    ...inlineTls(config),
    ...deps.http,
  };
  const channel = new HttpChannel(http);
  const lease = (deps.logins ?? new KeystoneLogins()).take(config, { clock: deps.clock, http });
  const session = new KeystoneSession(lease.login, http.onExchange);
  const end = async () => {
    await Promise.all([channel.close(), lease.release()]);
  };
  try {
    const { catalog, projectId } = await session.token();
    const region =
      config.endpointOverrides.has('compute') && config.region !== undefined
        ? config.region
        : chooseRegion(catalog, config.region);
    const own = new RequestBudget(deps.clock);
    const budget = deps.budgetOf?.({ id: projectId, region }) ?? own;
    const service = (name: VersionedService) =>
      new ServiceClient({ service: name, config, region, session, channel, budget });
    return {
      region,
      nova: new Nova(service('compute')),
      neutron: new Neutron(service('network')),
      glance: new Glance(service('image')),
      token: () => session.token(),
      close: async () => {
        own.close();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}
