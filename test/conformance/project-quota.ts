// The quota of the project under test, which an operator lowers and raises while the suites look on.
import type { PlaygroundQuota } from '../../src/playground/playground.ts';
import type { OpenStackClient } from '../e2e/openstack-admin.ts';

export interface ProjectQuota {
  /** Runs `work` while these are what the project has, and sets back what they were. */
  during<T>(limits: Partial<PlaygroundQuota>, work: () => Promise<T>): Promise<T>;
}

type Resource = keyof PlaygroundQuota;

/** Where a real cloud keeps each of them. */
const KEYS: Readonly<Record<Resource, readonly [service: 'compute' | 'network', key: string]>> = {
  servers: ['compute', 'instances'],
  cores: ['compute', 'cores'],
  memoryMiB: ['compute', 'ram'],
  serverGroupMembers: ['compute', 'server_group_members'],
  ports: ['network', 'port'],
  floatingIps: ['network', 'floatingip'],
};

/** Through an administrator's session. */
export function quotaOfProject(operator: OpenStackClient, projectId: string): ProjectQuota {
  const limitTo = async (limits: Partial<PlaygroundQuota>) => {
    const before: Partial<Record<Resource, number>> = {};
    for (const [resource, most] of Object.entries(limits)) {
      const [service, key] = KEYS[resource as Resource];
      const nova = service === 'compute';
      const [path, name] = nova ? [`/os-quota-sets/${projectId}`, 'quota_set'] : [`/quotas/${projectId}`, 'quota'];
      before[resource as Resource] = (await operator.call(service, 'GET', path))[name][key];
      await operator.call(service, 'PUT', path, { [name]: { [key]: most, ...(nova ? { force: true } : {}) } });
    }
    return before;
  };
  return {
    during: async (limits, work) => {
      const before = await limitTo(limits);
      try {
        return await work();
      } finally {
        await limitTo(before);
      }
    },
  };
}

/** Of the playground, whose quota begins as `initial`. */
export function quotaOfPlayground(
  playground: { setQuota(limits: Partial<PlaygroundQuota>): void },
  initial: PlaygroundQuota,
): ProjectQuota {
  return {
    during: async (limits, work) => {
      playground.setQuota(limits);
      return work().finally(() => playground.setQuota(initial));
    },
  };
}
