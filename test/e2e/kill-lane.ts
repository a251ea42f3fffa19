// One cluster with a controller of its own behind proxies: it is killed at one step of a create after the other and
// started again. Several lanes run beside each other, as replicas for different namespaces do.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ControllerProcess } from './controller-process.ts';
import type { KubeCredentials } from './kube-client.ts';
import { KillProxy, type KillPoint, KillSwitch } from './kill-proxy.ts';
import { claimsOf, nodePool, poolSettledAt } from './steps.ts';
import { waitUntil } from './wait-until.ts';
import { cloudBooks, cloudsYaml, kubeconfigText, secret, type TenantWorld, type World } from './world.ts';

const POOL = 'killed';
/** A step is reached, or the create is over, some seconds after the wish; CI shares two cores. */
const FIRES_MS = 180_000;
/** A create takes some 5 s after a restart. */
const RECOVERS_MS = 240_000;
/** Two minutes of doubt, then another create. */
const SETTLES_MS = 420_000;

export class KillLane {
  readonly tenant: TenantWorld;
  readonly #world: World;
  readonly #switch = new KillSwitch();
  readonly #proxies: KillProxy[] = [];
  #kubeconfig = '';
  #product: ControllerProcess | undefined;
  #nodes = 0;
  /** Points that a create did not come by. */
  readonly missed: KillPoint[] = [];

  constructor(world: World, tenant: TenantWorld) {
    this.#world = world;
    this.tenant = tenant;
  }

  async open(): Promise<void> {
    this.#kubeconfig = await this.#putProxies();
    await this.#start();
  }

  /** The writes that the controller makes for one create that nobody disturbs, in their order. */
  async watchOneCreate(): Promise<readonly string[]> {
    const spec = { flavor: 'b3-8', autoscale: false, desiredNodes: 0, maxNodes: 60 };
    await this.tenant.kube.apply(nodePool(POOL, spec));
    this.#switch.arm(undefined, () => undefined);
    await this.#oneMore();
    await poolSettledAt(this.tenant, POOL, 1);
    return this.#switch.seen.map((step) => step.label);
  }

  /** One more node, the controller killed on the way at this point and started again. Waits until all nodes are there,
   *  but not for a claim in doubt: killed around its POST /servers, that one may take two minutes until it is given up
   *  and replaced, by protocol. Its doubt goes on through later kills; `settled` waits for it. */
  async killAt(point: KillPoint): Promise<void> {
    const product = this.#product;
    if (product === undefined) throw new Error('the lane is not open');
    this.#switch.arm(point, () => product.kill());
    await this.#oneMore();
    const fired = await waitUntil(`the kill at ${point.side} ${point.ordinal} of ${point.label}`, FIRES_MS, async () =>
      this.#switch.fired ? true : (await this.#allThereOrInDoubt()) ? false : undefined,
    );
    this.#switch.arm(undefined, () => undefined);
    if (!fired) {
      this.missed.push(point);
      return;
    }
    await product.exited();
    await this.#start();
    await waitUntil(
      `all nodes of ${this.tenant.name} after the kill at ${point.side} ${point.ordinal} of ${point.label}`,
      RECOVERS_MS,
      async () => ((await this.#allThereOrInDoubt()) ? true : undefined),
    );
  }

  /** Waits until every doubt is over and every node is there. */
  async settled(): Promise<void> {
    await poolSettledAt(this.tenant, POOL, this.#nodes, SETTLES_MS);
  }

  async removePool(): Promise<void> {
    await this.tenant.kube.remove('sluice.dev/v1alpha1', 'NodePool', POOL);
  }

  async close(): Promise<void> {
    await this.#product?.stop();
    for (const proxy of this.#proxies.splice(0)) await proxy.stop();
    await this.#pointSecretsAt({ server: this.tenant.kube.credentials, overrides: {} });
  }

  async #start(): Promise<void> {
    this.#product = await ControllerProcess.start({
      kubeconfig: this.#kubeconfig,
      namespaces: [this.tenant.namespace],
      logFile: join(this.#world.folder, `controller-${this.tenant.name}.log`),
      podName: `sluice-e2e-${this.tenant.name}`,
    });
  }

  async #oneMore(): Promise<void> {
    this.#nodes += 1;
    const pool = { apiVersion: 'sluice.dev/v1alpha1', kind: 'NodePool', metadata: { name: POOL } };
    await this.tenant.kube.patch(pool, { spec: { replicas: this.#nodes } }, '/scale');
  }

  async #allThereOrInDoubt(): Promise<boolean> {
    const pool = await this.tenant.kube.get('sluice.dev/v1alpha1', 'NodePool', POOL);
    const available: number = pool?.['status']?.availableNodes ?? 0;
    if (available >= this.#nodes) return true;
    const unsure = (await claimsOf(this.#world, this.tenant)).filter((claim) => claim['status']?.phase === 'Unknown');
    if (available + unsure.length < this.#nodes) return false;
    // One whose server stands is adopted within seconds: no doubt about it.
    const standing = new Set((await cloudBooks(this.tenant)).servers.map((server) => server.name));
    return unsure.every((claim) => !standing.has(claim.metadata.name));
  }

  /** Puts a proxy in front of each of the four services; returns the management kubeconfig that uses them. */
  async #putProxies(): Promise<string> {
    const { management, folder, managementKubeconfig } = this.#world;
    const { kube, cloud, name } = this.tenant;
    const overrides = {
      compute_endpoint_override: await this.#proxy('compute', await cloud.endpoint('compute')),
      network_endpoint_override: await this.#proxy('network', await cloud.endpoint('network')),
    };
    const server = await this.#proxy('workload', kube.credentials.server, kube.credentials.ca);
    await this.#pointSecretsAt({ server: { server }, overrides });
    const base = await this.#proxy('management', management.credentials.server, management.credentials.ca);
    const own: { users: [{ user: { token: string } }] } = JSON.parse(readFileSync(managementKubeconfig, 'utf8'));
    const path = join(folder, `management-proxied-${name}.kubeconfig`);
    writeFileSync(path, kubeconfigText({ server: base }, own.users[0].user.token), { mode: 0o600 });
    return path;
  }

  async #proxy(plane: string, base: string, ca?: string): Promise<string> {
    const proxy = new KillProxy(plane, { base, ...(ca === undefined ? {} : { ca }) }, this.#switch);
    this.#proxies.push(proxy);
    return await proxy.start();
  }

  /** Writes both secrets of the tenant anew, with the token that the kubeconfig holds. */
  async #pointSecretsAt(to: {
    readonly server: KubeCredentials;
    readonly overrides: Readonly<Record<string, string>>;
  }): Promise<void> {
    const { management } = this.#world;
    const { namespace, cloudEntry } = this.tenant;
    const known = await management.get('v1', 'Secret', 'kubeconfig', namespace);
    const text = Buffer.from(known?.['data'].value, 'base64').toString();
    const token: string = JSON.parse(text).users[0].user.token;
    const clouds = cloudsYaml(cloudEntry, to.overrides);
    await management.apply(secret(namespace, 'kubeconfig', { value: kubeconfigText(to.server, token) }));
    await management.apply(secret(namespace, 'cloud', { 'clouds.yaml': clouds }));
  }
}
