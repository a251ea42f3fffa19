// One project in one region: logs in, chooses the region, and hands out the services. The client's front door.
import { KeystoneSession, type Token } from './auth.ts';
import { chooseRegion, type ServiceName } from './catalog.ts';
import type { CloudConfig } from './clouds.ts';
import { Glance } from './glance.ts';
import { HttpChannel, type HttpOptions } from './http.ts';
import { Neutron } from './neutron.ts';
import { Nova } from './nova.ts';
import { RequestBudget, type ClientClock, type RequestGate } from './request-budget.ts';
import { ServiceClient } from './service-client.ts';

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
  readonly http?: HttpOptions;
  /** Where several sessions share a project's budget: this session's lane in it, which its owner closes. Absent: a budget
   *  of its own. */
  readonly budgetOf?: (project: { readonly id: string; readonly region: string }) => RequestGate;
}

/** Opens a session. Rejects with an OpenStackError: `config` for a wrong region, `refused` with 401 for a wrong credential. */
export async function openStack(config: CloudConfig, deps: OpenStackDependencies): Promise<OpenStack> {
  const channel = new HttpChannel({ verify: config.verify, ...deps.http });
  const session = new KeystoneSession(config, { channel, clock: deps.clock });
  try {
    const { catalog, projectId } = await session.token();
    const region =
      config.endpointOverrides.has('compute') && config.region !== undefined
        ? config.region
        : chooseRegion(catalog, config.region);
    const own = new RequestBudget(deps.clock);
    const budget = deps.budgetOf?.({ id: projectId, region }) ?? own;
    const service = (name: ServiceName) =>
      new ServiceClient({ service: name, config, region, session, channel, budget });
    return {
      region,
      nova: new Nova(service('compute')),
      neutron: new Neutron(service('network')),
      glance: new Glance(service('image')),
      token: () => session.token(),
      close: async () => {
        own.close();
        await channel.close();
      },
    };
  } catch (error) {
    await channel.close();
    throw error;
  }
}
