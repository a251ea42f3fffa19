// What Nova, Neutron and Keystone answer to what the port never sends, or sees only when something is wrong: run on a real
// OpenStack and on the playground's double by a client of the tests' own. A difference is a fault of the double.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { request } from 'undici';
import type { Loose } from '../e2e/kube-client.ts';

export interface RawCloud {
  readonly authUrl: string;
  /** Body of POST /v3/auth/tokens. */
  readonly login: unknown;
  readonly region: string | undefined;
  readonly image: string;
  readonly flavor: string;
  readonly network: string;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly headers: Loose;
  readonly body: Loose;
}

/** Registers the suite with vitest. `open` is called once. */
export function rawCloudSuite(name: string, open: () => Promise<RawCloud>): void {
  describe(`OpenStack as it answers: ${name}`, { timeout: 120_000 }, () => {
    let cloud: RawCloud;
    let token = '';
    const bases = new Map<string, string>();
    const ids = { image: '', flavor: '', network: '' };
    const made: [service: string, path: string][] = [];

    const ask = async (
      service: string,
      path: string,
      more: { method?: string; body?: unknown; token?: string; microversion?: string } = {},
    ): Promise<Answer> => {
      const answer = await request(`${bases.get(service)}${path}`, {
        method: (more.method ?? 'GET') as 'GET',
        headers: {
          'x-auth-token': more.token ?? token,
          'content-type': 'application/json',
          'openstack-api-version': `compute ${more.microversion ?? '2.79'}`,
        },
        ...(more.body === undefined ? {} : { body: JSON.stringify(more.body) }),
      });
      const text = await answer.body.text();
      return {
        status: answer.statusCode,
        headers: answer.headers,
        body: text.startsWith('{') ? JSON.parse(text) : text,
      };
    };
    const createServer = async (parts: Loose = {}): Promise<Answer> => {
      const server = {
        name: `conformance-raw-${randomUUID().slice(0, 6)}`,
        imageRef: ids.image,
        flavorRef: ids.flavor,
        networks: 'none',
        ...parts,
      };
      const answer = await ask('compute', '/servers', { method: 'POST', body: { server } });
      if (answer.status === 202) made.push(['compute', `/servers/${answer.body.server.id}`]);
      return answer;
    };

    beforeAll(async () => {
      cloud = await open();
      const answer = await request(`${cloud.authUrl}/auth/tokens`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(cloud.login),
      });
      token = String(answer.headers['x-subject-token']);
      const body: Loose = await answer.body.json();
      for (const service of body.token.catalog) {
        const found = service.endpoints.find(
          (each: Loose) => each.interface === 'public' && (cloud.region === undefined || each.region === cloud.region),
        );
        if (found !== undefined) bases.set(service.type, found.url.replace(/\/$/, ''));
      }
      bases.set('network', `${bases.get('network')}/v2.0`);
      bases.set('image', `${bases.get('image')}/v2`);
      const flavors = await ask('compute', '/flavors/detail');
      ids.flavor = flavors.body.flavors.find((each: Loose) => each.name === cloud.flavor).id;
      ids.image = (await ask('image', `/images?name=${encodeURIComponent(cloud.image)}`)).body.images[0].id;
      ids.network = (await ask('network', `/networks?name=${cloud.network}`)).body.networks[0].id;
    });

    afterAll(async () => {
      for (const [service, path] of made) await ask(service, path, { method: 'DELETE' });
      await cloud?.close();
    });

    test('a microversion that is not known is 406 and names the range', async () => {
      const { status, body } = await ask('compute', '/servers', { microversion: '2.999' });
      expect(status).toBe(406);
      expect(body.computeFault.message).toMatch(
        /^Version 2\.999 is not supported by the API\. Minimum is 2\.1 and maximum/,
      );
    });

    test('a token that is not good is 401 with the way to Keystone', async () => {
      for (const service of ['compute', 'network']) {
        const { status, headers } = await ask(service, service === 'compute' ? '/servers' : '/ports', { token: 'bad' });
        expect(status).toBe(401);
        expect(headers['www-authenticate']).toMatch(/^Keystone uri=/);
      }
    });

    test('a token that is revoked is good for nothing, and is not found again', async () => {
      const login = async () => {
        const answer = await request(`${cloud.authUrl}/auth/tokens`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(cloud.login),
        });
        await answer.body.dump();
        return String(answer.headers['x-subject-token']);
      };
      const revoke = async (subject: string, by: string) => {
        const headers = { 'x-auth-token': by, 'x-subject-token': subject };
        const { statusCode, body } = await request(`${cloud.authUrl}/auth/tokens`, { method: 'DELETE', headers });
        const text = await body.text();
        return [statusCode, text === '' ? undefined : JSON.parse(text).error.code];
      };
      const revoked = await login();
      expect(await revoke(revoked, revoked)).toEqual([204, undefined]);
      for (const [service, path] of [
        ['compute', '/servers'],
        ['network', '/ports'],
        ['image', '/images'],
      ] as const) {
        expect((await ask(service, path, { token: revoked })).status, service).toBe(401);
      }
      expect(await revoke(revoked, token)).toEqual([404, 404]);
      expect(await revoke(token, revoked)).toEqual([401, 401]);
    });

    test('absence has each service’s own words', async () => {
      const id = randomUUID();
      const nova = { itemNotFound: { code: 404, message: `Instance ${id} could not be found.` } };
      expect((await ask('compute', `/servers/${id}`)).body).toEqual(nova);
      expect((await ask('compute', `/servers/${id}`, { method: 'DELETE' })).body).toEqual(nova);
      const { status, body } = await ask('network', `/ports/${id}`, { method: 'DELETE' });
      expect([status, body.NeutronError.type]).toEqual([404, 'PortNotFound']);
    });

    test('servers come newest first, in pages that name the next one until the last', async () => {
      for (let index = 0; index < 3; index++) expect((await createServer()).status).toBe(202);
      // One that moves from Nova's API database to its cell between two pages is on both of them.
      const states = async () =>
        (await ask('compute', '/servers/detail?name=conformance-raw-')).body.servers.map((each: Loose) => each.status);
      await expect.poll(states, { timeout: 60_000, interval: 500 }).not.toContain('BUILD');
      const first = (await ask('compute', '/servers?limit=2&name=conformance-raw-')).body;
      expect(first.servers).toHaveLength(2);
      const next = first.servers_links.find((link: Loose) => link.rel === 'next').href;
      expect(new URL(next).searchParams.get('marker')).toBe(first.servers[1].id);
      const second = (await ask('compute', `/servers?${new URL(next).searchParams.toString()}`)).body;
      expect(second.servers.length).toBeGreaterThanOrEqual(1);
      expect(second.servers.map((each: Loose) => each.id)).not.toContain(first.servers[1].id);
      const all = (await ask('compute', '/servers?name=conformance-raw-')).body;
      expect(all.servers_links).toBeUndefined();
      expect((await ask('compute', `/servers?marker=${randomUUID()}`)).status).toBe(400);
    });

    test('?name= is a regular expression, whatever the case of its letters', async () => {
      const name = `conformance-raw-x${randomUUID().slice(0, 6)}`;
      expect((await createServer({ name })).status).toBe(202);
      for (const [pattern, want] of [
        [`^${name}$`, 1],
        [name.slice(3, 20), 1],
        [`^${name.slice(0, -1)}$`, 0],
        [`^${name.slice(0, -1)}.$`, 1],
      ] as const) {
        const { body } = await ask('compute', `/servers?name=${encodeURIComponent(pattern)}`);
        expect(body.servers, pattern).toHaveLength(want);
      }
    });

    test('?changes-since= holds what is new and what has gone', async () => {
      const since = new Date(Date.now() - 1000).toISOString().slice(0, 19);
      const { body } = await createServer();
      const id = body.server.id;
      const path = `/servers/detail?changes-since=${since}Z`;
      const changed = async () => (await ask('compute', path)).body.servers.find((each: Loose) => each.id === id);
      // Of a server that is deleted before it has a host Nova keeps no trace: there is nothing that changed.
      await expect.poll(changed, { timeout: 60_000, interval: 500 }).toMatchObject({ status: 'ACTIVE' });
      await ask('compute', `/servers/${id}`, { method: 'DELETE' });
      await expect.poll(changed, { timeout: 60_000, interval: 500 }).toMatchObject({ status: 'DELETED' });
    });

    test('ports are found by the whole of their description', async () => {
      const description = `conformance-raw ${randomUUID()}`;
      const body = { port: { network_id: ids.network, description } };
      const { id } = (await ask('network', '/ports', { method: 'POST', body })).body.port;
      made.push(['network', `/ports/${id}`]);
      const found = async (text: string) =>
        (await ask('network', `/ports?description=${encodeURIComponent(text)}`)).body.ports.map(
          (port: Loose) => port.id,
        );
      expect(await found(description)).toEqual([id]);
      expect(await found(description.slice(0, -1))).toEqual([]);
    });

    test('a port in use is 409 for a second server', async () => {
      const port = await ask('network', '/ports', { method: 'POST', body: { port: { network_id: ids.network } } });
      expect(port.status).toBe(201);
      const { id } = port.body.port;
      const first = await createServer({ networks: [{ port: id }] });
      expect(first.status).toBe(202);
      const taken = async () => (await ask('network', `/ports/${id}`)).body.port.device_id;
      await expect.poll(taken, { timeout: 60_000, interval: 300 }).toBe(first.body.server.id);
      const second = await createServer({ networks: [{ port: id }] });
      expect([second.status, second.body.conflictingRequest.message]).toEqual([409, `Port ${id} is still in use.`]);
      made.push(['network', `/ports/${id}`]);
    });

    test.for<[title: string, parts: Loose, message: RegExp]>([
      [
        'a metadata value of 256 characters',
        { metadata: { k: 'v'.repeat(256) } },
        /^Invalid input for field\/attribute/,
      ],
      [
        '129 metadata items',
        { metadata: Object.fromEntries(Array.from({ length: 129 }, (_, i) => [`k${i}`, 'v'])) },
        /metadata/i,
      ],
      ['an unknown flavor', { flavorRef: 'nope' }, /^Flavor nope could not be found\.$/],
      ['an unknown image', { imageRef: randomUUID() }, /^Can not find requested image$/],
      ['an unknown key pair', { key_name: 'nope' }, /^Invalid key_name provided\.$/],
    ])('%s is refused', async ([, parts, message]) => {
      const { status, body } = await createServer(parts);
      expect([400, 403]).toContain(status);
      expect((body.badRequest ?? body.forbidden).message).toMatch(message);
    });
  });
}
