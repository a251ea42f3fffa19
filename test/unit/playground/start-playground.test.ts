// A server by hand, from POST to the end of its node: what the controller would do, done with curl's means.
import { parse } from 'yaml';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Playground, PlaygroundCluster, PlaygroundEvent } from '../../../src/playground/playground.ts';
import { startPlayground } from '../../../src/playground/start-playground.ts';
import { fieldsOf, listOf, textOf, type Fields } from '../../../src/playground/untyped.ts';

const QUICK = { buildMs: 10, bootMs: 10, readyMs: 10, deleteMs: 10, podStartMs: 10, podStopMs: 10, heartbeatMs: 50 };
const WAIT = { timeout: 10_000, interval: 20 };

let playground: Playground;
let shop: PlaygroundCluster;
let events: PlaygroundEvent[];

beforeEach(async () => {
  playground = await startPlayground({ timings: { ...QUICK, nodeGraceMs: 400 } });
  shop = await playground.addWorkloadCluster('shop');
  events = [];
  playground.on((event) => events.push(event));
});

afterEach(() => playground.close());

interface Session {
  call(method: string, service: 'compute' | 'network' | 'image', path: string, body?: unknown): Promise<Fields>;
}

async function logIn(): Promise<Session> {
  const { auth } = fieldsOf(fieldsOf(fieldsOf(parse(playground.cloudsYaml))['clouds'])['playground']);
  const { auth_url: url, application_credential_id: id, application_credential_secret: secret } = fieldsOf(auth);
  const identity = { methods: ['application_credential'], application_credential: { id, secret } };
  const answer = await fetch(`${textOf(url)}/auth/tokens`, {
    method: 'POST',
    body: JSON.stringify({ auth: { identity } }),
  });
  const token = answer.headers.get('x-subject-token') ?? '';
  const catalog = listOf(fieldsOf(fieldsOf(await answer.json())['token'])['catalog']).map(fieldsOf);
  const urlOf = (type: string): string =>
    textOf(fieldsOf(listOf(catalog.find((entry) => entry['type'] === type)?.['endpoints'])[0])['url']);
  return {
    call: async (method, service, path, body) => {
      const response = await fetch(`${urlOf(service)}${path}`, {
        method,
        headers: { 'x-auth-token': token, 'openstack-api-version': 'compute 2.79' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { code: response.status, ...fieldsOf(text === '' ? {} : JSON.parse(text)) };
    },
  };
}

function userData(node: string): string {
  const kubeconfig = {
    clusters: [{ cluster: { server: shop.url } }],
    users: [{ user: { token: 'abcdef.0123456789abcdef' } }],
  };
  const flags = `KUBELET_EXTRA_ARGS='--hostname-override=${node} --provider-id=openstack:///{{ v1.instance_id }}'\n`;
  const files = [
    { path: '/etc/kubernetes/bootstrap-kubelet.conf', content: JSON.stringify(kubeconfig) },
    { path: '/etc/default/kubelet', content: flags },
  ];
  return Buffer.from(`## template: jinja\n#cloud-config\n${JSON.stringify({ write_files: files })}`).toString('base64');
}

async function createServer(session: Session, name: string): Promise<string> {
  const networks = await session.call('GET', 'network', '/v2.0/networks');
  const images = await session.call('GET', 'image', '/v2/images');
  const networkId = fieldsOf(listOf(networks['networks'])[0])['id'];
  const imageRef = fieldsOf(listOf(images['images'])[0])['id'];
  const port = await session.call('POST', 'network', '/v2.0/ports', { port: { name, network_id: networkId } });
  const answer = await session.call('POST', 'compute', '/servers', {
    server: {
      name,
      flavorRef: 'flavor-b2-7',
      imageRef,
      availability_zone: 'zone-a',
      networks: [{ port: fieldsOf(port['port'])['id'] }],
      user_data: userData(name),
    },
  });
  return textOf(fieldsOf(answer['server'])['id']);
}

const TOKEN: Fields = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' },
  stringData: { 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true' },
};

const DEPLOYMENT: Fields = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'c', image: 'x', resources: { requests: { cpu: '500m' } } }] },
    },
  },
};

const kinds = (): readonly string[] => events.map((event) => event.kind);

describe('a server with good user data', () => {
  it('becomes a Ready node, runs the pods that waited, and is missed when it goes', async () => {
    await shop.apply([TOKEN, DEPLOYMENT]);
    await vi.waitFor(() => expect(kinds().filter((kind) => kind === 'podUnschedulable')).toHaveLength(2), WAIT);
    const session = await logIn();
    const id = await createServer(session, 'n1');
    await vi.waitFor(() => expect(playground.books().podsRun).toBe(2), WAIT);
    const node = fieldsOf(shop.get('nodes', 'n1'));
    expect(fieldsOf(node['spec'])).toMatchObject({ providerID: `openstack:///${id}`, taints: [] });
    expect(fieldsOf(fieldsOf(node['status'])['allocatable'])['cpu']).toBe('1850m');

    await shop.remove('deployments', 'web', 'default');
    await vi.waitFor(() => expect(shop.list('pods')).toEqual([]), WAIT);
    expect(shop.list('replicasets')).toEqual([]);
    await session.call('DELETE', 'compute', `/servers/${id}`);
    await vi.waitFor(() => expect(kinds()).toContain('nodeUnreachable'), WAIT);
    expect(playground.books()).toMatchObject({ serversCreated: 1, serversDeleted: 1, serversLeft: 0, portsLeft: 1 });
  });

  it('does not join once its bootstrap token is gone', async () => {
    const session = await logIn();
    await createServer(session, 'n1');
    await vi.waitFor(() => expect(kinds()).toContain('serverActive'), WAIT);
    expect(shop.list('nodes')).toEqual([]);
    await shop.apply([TOKEN]);
    await vi.waitFor(() => expect(kinds()).toContain('nodeReady'), WAIT);
  });
});

describe('faults of the cloud', () => {
  it('a dropped answer was carried out all the same', async () => {
    playground.setCloudFaults([{ operation: 'createServer', effect: 'dropAnswer', times: 1 }]);
    await expect(logIn().then((session) => createServer(session, 'n1'))).rejects.toThrow('fetch failed');
    expect(playground.books()).toMatchObject({ serversCreated: 1, serversLeft: 1 });
  });

  it('no valid host: accepted, then ERROR with a fault', async () => {
    playground.setCloudFaults([{ operation: 'createServer', effect: 'noValidHost', flavor: 'b2-7' }]);
    const session = await logIn();
    const id = await createServer(session, 'n1');
    await vi.waitFor(() => expect(kinds()).toContain('serverFailed'), WAIT);
    const { server } = await session.call('GET', 'compute', `/servers/${id}`);
    expect(server).toMatchObject({ status: 'ERROR', fault: { code: 500, message: 'No valid host was found. ' } });
  });

  it('quota: refused in words and nothing is made', async () => {
    playground.setCloudFaults([{ operation: 'createServer', effect: 'quota', times: 1 }]);
    const session = await logIn();
    expect(await createServer(session, 'n1')).toBe('');
    expect(playground.books().serversCreated).toBe(0);
    expect(await createServer(session, 'n2')).not.toBe('');
  });
});
