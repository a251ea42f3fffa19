// A scenario world whose cloud is reached through the fault proxy, in lapsed time; and the way past both to that cloud.
import { parse } from 'yaml';
import type { CloudEntry } from '../e2e/environment.ts';
import { OpenStackClient } from '../e2e/openstack-admin.ts';
import { scripted, type Exchange } from '../faults/fault-kinds.ts';
import { FaultProxy } from '../faults/fault-proxy.ts';
import { fieldsOf, textOf, type Fields } from '../../src/playground/untyped.ts';
import type { Playground } from '../../src/playground/playground.ts';
import { openWorld, type ScenarioWorld } from './scenario-world.ts';

export interface ProxiedWorld extends ScenarioWorld {
  readonly proxy: FaultProxy;
  /** What reached the proxy, in order. */
  readonly asked: readonly Exchange[];
  /** Past proxy and product. */
  readonly cloud: OpenStackClient;
  /** Everything from now on passes. */
  heal(): void;
}

/** Opens it; `closeProxied` ends it. */
export async function openProxiedWorld(options: { readonly openstack?: Fields } = {}): Promise<ProxiedWorld> {
  const asked: Exchange[] = [];
  const proxy = new FaultProxy({
    seed: 0,
    draw: () => undefined,
    onSide: (exchange, side) => {
      if (side === 'request') asked.push(exchange);
    },
  });
  await proxy.start();
  const world = await openWorld({ ...options, cloudsYaml: (good) => proxy.inFrontOf(good) });
  return {
    ...world,
    proxy,
    asked,
    cloud: clientOf(world.playground),
    heal: () => proxy.setDraw(scripted([])),
    close: async () => {
      await world.close();
      await proxy.stop();
    },
  };
}

/** A client of the tests' own for the playground's cloud. */
export function clientOf(playground: Playground): OpenStackClient {
  const file: { clouds: Record<string, CloudEntry> } = parse(playground.cloudsYaml);
  const entry = file.clouds['playground'];
  if (entry === undefined) throw new Error('the clouds.yaml has no playground');
  return new OpenStackClient(entry);
}

/** A server that somebody else made; its id. */
export async function plantServer(world: Pick<ProxiedWorld, 'cloud'>, name: string, metadata: Fields): Promise<string> {
  const images = await world.cloud.call('image', 'GET', '/v2/images');
  const imageRef = textOf(fieldsOf(images.images[0])['id']);
  const server = { name, imageRef, flavorRef: 'flavor-b2-7', networks: 'none', metadata };
  const made = await world.cloud.call('compute', 'POST', '/servers', { server });
  return textOf(fieldsOf(made['server'])['id']);
}

/** All servers of the project, past the product. */
export async function standingServers(world: Pick<ProxiedWorld, 'cloud'>): Promise<readonly Fields[]> {
  return (await world.cloud.list('compute', '/servers/detail', 'servers')).map(fieldsOf);
}
