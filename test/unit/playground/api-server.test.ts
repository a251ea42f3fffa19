import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { customResourceDefinition } from '../../../src/api/custom-resource-definition.ts';
import { startApiServer, type ApiServer } from '../../../src/playground/kubernetes-api/api-server.ts';
import { fieldsOf, listOf, textOf, type Fields } from '../../../src/playground/untyped.ts';

let api: ApiServer;
let evicted: string[];

beforeEach(async () => {
  evicted = [];
  api = await startApiServer({ onEvicted: (pod) => evicted.push(pod.metadata.name) });
});

afterEach(() => api.close());

interface Sent {
  readonly body?: unknown;
  readonly type?: string;
  readonly token?: string;
}

async function send(
  method: string,
  path: string,
  { body, type, token }: Sent = {},
): Promise<{ code: number; body: Fields }> {
  const response = await fetch(`${api.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token ?? api.identities.adminToken}`,
      'content-type': type ?? 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { code: response.status, body: fieldsOf(await response.json()) };
}

const PODS = '/api/v1/namespaces/default/pods';
const pod = (name: string, metadata: Fields = {}): Fields => ({
  metadata: { name, labels: { app: 'web' }, ...metadata },
  spec: { containers: [{ name: 'c', image: 'x' }] },
});

async function watchLines(query: string): Promise<readonly Fields[]> {
  const response = await fetch(`${api.url}/api/v1/pods?watch=true&timeoutSeconds=1&${query}`, {
    headers: { authorization: `Bearer ${api.identities.adminToken}` },
  });
  const text = await response.text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => fieldsOf(JSON.parse(line)));
}

describe('who asks', () => {
  it('is refused with 401 without a good token', async () => {
    expect((await send('GET', PODS, { token: 'wrong' })).code).toBe(401);
    expect((await send('GET', PODS, { token: 'abcdef.0123456789abcdef' })).code).toBe(401);
  });

  it('may only ask for a signature with a bootstrap token, and nothing once that has expired', async () => {
    const token = async (id: string, expiration: string): Promise<string> => {
      const stringData = {
        'token-id': id,
        'token-secret': '0123456789abcdef',
        'usage-bootstrap-authentication': 'true',
        expiration,
      };
      const body = { metadata: { name: `bootstrap-token-${id}` }, stringData };
      expect((await send('POST', '/api/v1/namespaces/kube-system/secrets', { body })).code).toBe(201);
      return `${id}.0123456789abcdef`;
    };
    const good = await token('abcdef', '2999-01-01T00:00:00Z');
    const old = await token('fedcba', '2001-01-01T00:00:00Z');
    const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
    expect((await send('GET', csrs, { token: good })).code).toBe(200);
    expect((await send('GET', '/api/v1/nodes', { token: good })).code).toBe(403);
    expect((await send('GET', csrs, { token: old })).code).toBe(401);
  });

  it('may as a node write its own Node and no other', async () => {
    const token = api.identities.issueNodeToken('n1');
    for (const name of ['n1', 'n2']) await send('POST', '/api/v1/nodes', { body: { metadata: { name } } });
    const patch = { body: { status: {} }, type: 'application/merge-patch+json', token };
    expect((await send('PATCH', '/api/v1/nodes/n1/status', patch)).code).toBe(200);
    expect((await send('PATCH', '/api/v1/nodes/n2/status', patch)).code).toBe(403);
  });
});

describe('writes', () => {
  it('keep the promises about versions, uids and names', async () => {
    const { body } = await send('POST', PODS, { body: pod('a') });
    expect((await send('POST', PODS, { body: pod('a') })).body).toMatchObject({ code: 409, reason: 'AlreadyExists' });
    const stale = { ...body, metadata: { ...fieldsOf(body['metadata']), resourceVersion: '1' } };
    expect((await send('PUT', `${PODS}/a`, { body: stale })).body).toMatchObject({ code: 409, reason: 'Conflict' });
    const other = { preconditions: { uid: 'somebody-else' } };
    expect((await send('DELETE', `${PODS}/a`, { body: other })).code).toBe(409);
    expect((await send('POST', PODS, { body: pod('Not_A_Name') })).code).toBe(422);
    expect((await send('POST', '/api/v1/namespaces/nowhere/pods', { body: pod('a') })).code).toBe(404);
  });

  it('write the status only through its own path', async () => {
    await send('POST', PODS, { body: pod('a') });
    const merge = { body: { status: { phase: 'Running' } }, type: 'application/merge-patch+json' };
    expect(fieldsOf((await send('PATCH', `${PODS}/a`, merge)).body['status'])['phase']).toBe('Pending');
    expect(fieldsOf((await send('PATCH', `${PODS}/a/status`, merge)).body['status'])['phase']).toBe('Running');
  });

  it('let finalizers hold an object that is being deleted', async () => {
    await send('POST', PODS, { body: pod('a', { finalizers: ['x/y'] }) });
    const { body } = await send('DELETE', `${PODS}/a`);
    expect(fieldsOf(body['metadata'])['deletionTimestamp']).toBeDefined();
    const patch = (finalizers: readonly string[]) =>
      send('PATCH', `${PODS}/a`, { body: { metadata: { finalizers } }, type: 'application/merge-patch+json' });
    const held = await patch(['x/y', 'z/new']);
    expect(fieldsOf(held.body['metadata'])['finalizers']).toEqual(['x/y']);
    await patch([]);
    expect((await send('GET', `${PODS}/a`)).code).toBe(404);
  });

  it('stop a bound pod gracefully: it stays until its kubelet says that it is gone', async () => {
    await send('POST', PODS, { body: pod('a') });
    const binding = { target: { kind: 'Node', name: 'n1' } };
    expect((await send('POST', `${PODS}/a/binding`, { body: binding })).code).toBe(201);
    expect((await send('POST', `${PODS}/a/binding`, { body: binding })).code).toBe(409);
    await send('DELETE', `${PODS}/a`);
    expect((await send('GET', `${PODS}/a`)).code).toBe(200);
    await send('DELETE', `${PODS}/a?gracePeriodSeconds=0`);
    expect((await send('GET', `${PODS}/a`)).code).toBe(404);
  });
});

describe('custom resources', () => {
  const POOLS = '/apis/sluice.dev/v1alpha1/nodepools';

  it('are served once defined, validated, scaled, and gone with their definition', async () => {
    expect((await send('GET', POOLS)).code).toBe(404);
    const definition = { body: customResourceDefinition('NodePool') };
    await send('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
    const wrong = await send('POST', POOLS, {
      body: { metadata: { name: 'p' }, spec: { flavor: 'f', minNodes: 'x' } },
    });
    expect(wrong.body).toMatchObject({ code: 422, reason: 'Invalid' });
    expect(textOf(wrong.body['message'])).toContain('spec.minNodes');
    await send('POST', POOLS, { body: { metadata: { name: 'p' }, spec: { flavor: 'f' } } });
    const scale = { body: { spec: { replicas: 3 } }, type: 'application/merge-patch+json' };
    expect((await send('PATCH', `${POOLS}/p/scale`, scale)).body).toMatchObject({
      kind: 'Scale',
      spec: { replicas: 3 },
    });
    const { body } = await send('GET', `${POOLS}/p`);
    expect(body['spec']).toMatchObject({ desiredNodes: 3 });
    expect(fieldsOf(body['metadata'])['generation']).toBe(2);
  });
});

describe('kubectl get', () => {
  it('is answered with the columns of the definition', async () => {
    const definition = { body: customResourceDefinition('NodePool') };
    await send('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
    const pools = '/apis/sluice.dev/v1alpha1/nodepools';
    await send('POST', pools, { body: { metadata: { name: 'p' }, spec: { flavor: 'b2-7', minNodes: 2 } } });
    const conditions = [
      { type: 'Ready', status: 'False', reason: 'r', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' },
    ];
    const patch = { body: { status: { conditions } }, type: 'application/merge-patch+json' };
    expect((await send('PATCH', `${pools}/p/status`, patch)).code).toBe(200);
    const response = await fetch(`${api.url}${pools}`, {
      headers: {
        authorization: `Bearer ${api.identities.adminToken}`,
        accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
      },
    });
    const table = fieldsOf(await response.json());
    const names = listOf(table['columnDefinitions']).map((column) => fieldsOf(column)['name']);
    const cells = listOf(fieldsOf(listOf(table['rows'])[0])['cells']);
    expect(cells[names.indexOf('Name')]).toBe('p');
    expect(cells[names.indexOf('Flavor')]).toBe('b2-7');
    expect(cells[names.indexOf('Min')]).toBe(2);
    expect(cells[names.indexOf('Ready')]).toBe('False');
    expect(names.at(-1)).toBe('Age');
    const wideOnly = listOf(table['columnDefinitions'])
      .map(fieldsOf)
      .filter((column) => column['priority'] === 1);
    expect(wideOnly.map((column) => column['name'])).toEqual(['Ready', 'Flavors']);
  });
});

describe('evictions', () => {
  async function budget(disruptionsAllowed: number): Promise<void> {
    const budgets = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
    const spec = { selector: { matchLabels: { app: 'web' } }, minAvailable: 1 };
    await send('POST', budgets, { body: { metadata: { name: 'web' }, spec } });
    const status = { disruptionsAllowed, desiredHealthy: 1, currentHealthy: 1 };
    const patch = { body: { status }, type: 'application/merge-patch+json' };
    await send('PATCH', `${budgets}/web/status`, patch);
  }

  async function running(name: string): Promise<void> {
    await send('POST', PODS, { body: pod(name) });
    const patch = { body: { status: { phase: 'Running' } }, type: 'application/merge-patch+json' };
    await send('PATCH', `${PODS}/${name}/status`, patch);
  }

  it('are refused with 429 when the budget is spent, and granted once per allowed disruption', async () => {
    await budget(1);
    await running('a');
    await running('b');
    const evict = (name: string) => send('POST', `${PODS}/${name}/eviction`, { body: { metadata: { name } } });
    expect((await evict('a')).code).toBe(201);
    const refused = await evict('b');
    expect(refused.body).toMatchObject({ code: 429, reason: 'TooManyRequests' });
    expect(listOf(fieldsOf(refused.body['details'])['causes'])[0]).toMatchObject({ reason: 'DisruptionBudget' });
    expect(evicted).toEqual(['a']);
    expect((await send('GET', `${PODS}/a`)).code).toBe(404);
  });

  it('ask no budget for a pod that does not run yet', async () => {
    await budget(0);
    await send('POST', PODS, { body: pod('a') });
    expect((await send('POST', `${PODS}/a/eviction`, { body: {} })).code).toBe(201);
  });
});

describe('watches', () => {
  it('stream the present objects and mark their end, when asked to', async () => {
    await send('POST', PODS, { body: pod('a') });
    const query = 'sendInitialEvents=true&allowWatchBookmarks=true';
    const lines = await watchLines(`${query}&resourceVersionMatch=NotOlderThan`);
    expect(lines.map((line) => line['type'])).toEqual(['ADDED', 'BOOKMARK']);
    const annotations = fieldsOf(fieldsOf(fieldsOf(lines[1]?.['object'])['metadata'])['annotations']);
    expect(annotations['k8s.io/initial-events-end']).toBe('true');
    expect((await send('GET', `/api/v1/pods?watch=true&${query}`)).code).toBe(422);
  });

  it('start after a revision, and an object that stops matching is deleted for them', async () => {
    const { body } = await send('POST', PODS, { body: pod('a') });
    const from = textOf(fieldsOf(body['metadata'])['resourceVersion']);
    const relabel = { body: { metadata: { labels: { app: 'other' } } }, type: 'application/merge-patch+json' };
    await send('PATCH', `${PODS}/a`, relabel);
    const lines = await watchLines(`resourceVersion=${from}&labelSelector=app%3Dweb`);
    expect(lines.map((line) => line['type'])).toEqual(['DELETED']);
  });

  it('answer a revision that is compacted with one ERROR event of code 410', async () => {
    await send('POST', PODS, { body: pod('a') });
    await send('POST', PODS, { body: pod('b') });
    api.storage.compact();
    const lines = await watchLines('resourceVersion=101');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
  });
});
