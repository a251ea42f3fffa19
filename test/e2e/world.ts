// The stage of the end-to-end run: the chart installed on each plane, tokens with exactly its rights, two tenants with a
// project each, guests that boot. Everything that it makes it takes away again.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleProduct, ControllerProcess } from './controller-process.ts';
import { type CloudEntry, type E2eEnvironment, readEnvironment } from './environment.ts';
import { credentialsOf, KubeClient, type KubeCredentials, type KubeObject, type Loose } from './kube-client.ts';
import { OpenStackClient } from './openstack-admin.ts';
import { secondTenant, twoZones } from './second-project.ts';
import { TestKubelets } from './test-kubelets.ts';
import { waitUntil } from './wait-until.ts';

const CHART = fileURLToPath(new URL('../../deploy/helm/sluice', import.meta.url));
const RELEASE = 'sluice';
const SYSTEM_NAMESPACE = 'sluice-system';
/** As long as CI may take at most. */
const TOKEN_SECONDS = 7200;

/** EUR per hour; OVH's public catalogue, 2026-07. */
const PRICES = { 'b3-8': '0.0512', 'b3-16': '0.1023', 'b3-32': '0.2046', 'b3-64': '0.4092' };

export interface TenantWorld {
  readonly name: string;
  readonly namespace: string;
  readonly kube: KubeClient;
  readonly kubeconfig: string;
  readonly cloud: OpenStackClient;
  readonly cloudEntry: CloudEntry;
  readonly projectId: string;
}

export interface World {
  readonly environment: E2eEnvironment;
  readonly management: KubeClient;
  readonly admin: OpenStackClient;
  readonly tenants: readonly [TenantWorld, TenantWorld];
  readonly zones: readonly [string, string];
  readonly kubelets: TestKubelets;
  readonly folder: string;
  /** Kubeconfig of the management plane with the rights of the chart's ServiceAccount. */
  readonly managementKubeconfig: string;
}

/** A kubeconfig as an operator would put it into a secret. */
export function kubeconfigText(credentials: KubeCredentials, token: string): string {
  const { server, ca } = credentials;
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'sluice',
    clusters: [
      {
        name: 'sluice',
        cluster: {
          server,
          ...(ca === undefined ? {} : { 'certificate-authority-data': Buffer.from(ca).toString('base64') }),
        },
      },
    ],
    users: [{ name: 'sluice', user: { token } }],
    contexts: [{ name: 'sluice', context: { cluster: 'sluice', user: 'sluice' } }],
  });
}

function helm(kubeconfig: string, ...args: readonly string[]): string {
  return execFileSync('helm', ['--kubeconfig', kubeconfig, '--namespace', SYSTEM_NAMESPACE, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Installs the chart for one plane; returns a token of its ServiceAccount. */
export async function installChart(kube: KubeClient, kubeconfig: string, values: readonly string[]): Promise<string> {
  const sets = values.flatMap((value) => ['--set', value]);
  helm(kubeconfig, 'upgrade', '--install', RELEASE, CHART, '--create-namespace', ...sets);
  const path = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/serviceaccounts/${RELEASE}/token`;
  const made = await kube.send('POST', path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: TOKEN_SECONDS },
  });
  if (made === undefined) throw new Error('the chart made no ServiceAccount');
  return made.status.token;
}

/** clouds.yaml of one tenant; `overrides` put a proxy in front of a service. */
export function cloudsYaml(entry: CloudEntry, overrides: Readonly<Record<string, string>> = {}): string {
  return JSON.stringify({ clouds: { openstack: { ...entry, ...overrides } } });
}

export function secret(namespace: string, name: string, data: Readonly<Record<string, string>>): KubeObject {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData: data };
}

/** One cluster with names of planned nodes, one without; so are the rights that the chart gives there. */
function hasHints(tenant: TenantWorld, tenants: readonly TenantWorld[]): boolean {
  return tenant === tenants[0];
}

function workloadCluster(tenant: TenantWorld, network: string, placementHints: boolean): KubeObject {
  const { server, ca } = tenant.kube.credentials;
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'WorkloadCluster',
    metadata: { name: tenant.name, namespace: tenant.namespace },
    spec: {
      kubeconfig: { secretRef: { name: 'kubeconfig', key: 'value' } },
      openstack: {
        credentialsSecretRef: { name: 'cloud' },
        cloud: 'openstack',
        projectId: tenant.projectId,
        network,
        images: [{ name: 'Ubuntu 24.04' }],
      },
      // Nodes reach the API directly, whatever Sluice itself goes through.
      bootstrap: { apiEndpoint: server, caCertificate: ca ?? '' },
      pricesRef: { name: 'prices' },
      autoscaler: {
        scaleDownUnneededTimeSeconds: 5,
        scaleDownDelayAfterAddSeconds: 5,
        maxNodeProvisionSeconds: 300,
        skipNodesWithSystemPods: false,
        placementHints,
      },
    },
  };
}

export async function openWorld(): Promise<World> {
  const environment = readEnvironment();
  bundleProduct();
  const folder = mkdtempSync(join(tmpdir(), 'sluice-e2e-'));
  mkdirSync(folder, { recursive: true });
  process.stdout.write(`logs of this run: ${folder}\n`);
  const management = new KubeClient(credentialsOf(environment.managementKubeconfig));
  const admin = new OpenStackClient(environment.adminCloud);
  const zones = await twoZones(admin);
  const second = await secondTenant(admin, environment.adminCloud);
  const firstCloud = new OpenStackClient(environment.cloud);
  const firstProject = await firstCloud.projectId();
  const networks = await firstCloud.call('network', 'GET', `/networks?project_id=${firstProject}`);
  const projects = [
    { entry: environment.cloud, cloud: firstCloud, projectId: firstProject, network: networks.networks[0].name },
    { entry: second.entry, cloud: second.cloud, projectId: second.projectId, network: second.networkName },
  ];
  const made: TenantWorld[] = [];
  for (const [index, workload] of environment.workloads.entries()) {
    const project = projects[index];
    if (project === undefined) throw new Error('one project for each hosted cluster');
    const namespace = `tenant-${workload.name}`;
    await management.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    made.push({
      name: workload.name,
      namespace,
      kube: new KubeClient(credentialsOf(workload.kubeconfig)),
      kubeconfig: workload.kubeconfig,
      cloud: project.cloud,
      cloudEntry: project.entry,
      projectId: project.projectId,
    });
  }
  const [first, other] = made;
  if (first === undefined || other === undefined) throw new Error('two hosted clusters');
  for (const tenant of [first, other]) {
    const { servers, serverGroups } = await cloudBooks(tenant);
    const found = servers.length + serverGroups.length;
    // The books of the cloud are the judge of this run: what others have there would count as leaked.
    if (found > 0)
      throw new Error(`the project of ${tenant.name} must be empty, but holds ${found} servers and groups`);
  }
  const token = await installChart(management, environment.managementKubeconfig, [
    'plane=management',
    `watchNamespaces={${first.namespace},${other.namespace}}`,
  ]);
  const managementKubeconfig = join(folder, 'management.kubeconfig');
  writeFileSync(managementKubeconfig, kubeconfigText(management.credentials, token), { mode: 0o600 });
  for (const [index, tenant] of [first, other].entries()) {
    const hints = hasHints(tenant, [first, other]);
    const values = ['plane=workload', `placementHints=${hints}`];
    const tenantToken = await installChart(tenant.kube, tenant.kubeconfig, values);
    const text = kubeconfigText(tenant.kube.credentials, tenantToken);
    await management.apply(secret(tenant.namespace, 'kubeconfig', { value: text }));
    await management.apply(secret(tenant.namespace, 'cloud', { 'clouds.yaml': cloudsYaml(tenant.cloudEntry) }));
    await waitUntil('the WorkloadCluster kind to be served', 30_000, async () => {
      const answer = await management.call('GET', '/apis/sluice.dev/v1alpha1/workloadclusters');
      return answer.status === 200 ? true : undefined;
    });
    await management.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'prices', namespace: tenant.namespace },
      data: PRICES,
    });
    await management.apply(workloadCluster(tenant, projects[index]?.network, hints));
  }
  const kubelets = new TestKubelets(admin, [first.kube, other.kube]);
  kubelets.start();
  return { environment, management, admin, tenants: [first, other], zones, kubelets, folder, managementKubeconfig };
}

/** Starts the product with the chart's rights: one process for both clusters. */
export function startProduct(world: World): Promise<ControllerProcess> {
  return ControllerProcess.start({
    kubeconfig: world.managementKubeconfig,
    namespaces: world.tenants.map((tenant) => tenant.namespace),
    logFile: join(world.folder, 'controller.log'),
    podName: 'sluice-e2e-0',
  });
}

/** Uninstalls the chart; the servers themselves are not ours to stop. */
export async function closeWorld(world: World): Promise<void> {
  await world.kubelets.stop();
  for (const tenant of world.tenants) {
    helm(tenant.kubeconfig, 'uninstall', RELEASE);
    await tenant.kube.close();
  }
  helm(world.environment.managementKubeconfig, 'uninstall', RELEASE);
  await world.management.close();
}

/** What this tenant has in Nova and Neutron, by the cloud's own books. */
export async function cloudBooks(
  tenant: TenantWorld,
): Promise<{ servers: Loose[]; ports: Loose[]; serverGroups: Loose[] }> {
  const servers = await tenant.cloud.list('compute', '/servers/detail', 'servers');
  const ports = await tenant.cloud.list('network', `/ports?project_id=${tenant.projectId}`, 'ports');
  const groups = await tenant.cloud.call('compute', 'GET', '/os-server-groups');
  return {
    servers,
    serverGroups: groups.server_groups,
    ports: ports.filter((port) => !String(port.device_owner).startsWith('network:')),
  };
}
