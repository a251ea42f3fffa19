// The management cluster's API as the ManagementPlane port: claims, WorkloadClusters, their Secrets and ConfigMaps by
// name, Leases, events. Watches and rights are per namespace; the stores join the namespaces.
import { FIELD_MANAGERS, FINALIZERS, GROUP_VERSION } from '../api/names.ts';
import type { NodeClaim } from '../api/node-claim.ts';
import type { WorkloadCluster } from '../api/workload-cluster.ts';
import type { Clock, ManagementPlane, Random, Telemetry } from '../controllers/ports.ts';
import { deleteObject, getObject, hasUid, listObjects, parseAnswer, setFinalizer } from './api-requests.ts';
import { EventRecorder } from './event-recorder.ts';
import type { KubernetesEndpoint } from './kubeconfig.ts';
import { Lease } from './lease.ts';
import { PlaneStores } from './plane-stores.ts';
import { textMapAt } from './raw-fields.ts';
import { RESOURCES, resourcePath, type Resource } from './resource-path.ts';
import { Transport } from './transport.ts';
import { PortError } from '../controllers/port-errors.ts';

/** They throw for an object that does not fit. */
export interface ManagementParsers {
  workloadCluster(raw: unknown): WorkloadCluster;
  nodeClaim(raw: unknown): NodeClaim;
}

/** Metric label of the management cluster itself; no WorkloadCluster is called so, theirs have a slash. */
const CLUSTER_LABEL = 'management';

/** Opens the connection; nothing is sent before the first call. `namespaces`: where WorkloadClusters are; none: all. */
export function openManagementPlane(
  endpoint: KubernetesEndpoint,
  deps: {
    readonly parsers: ManagementParsers;
    readonly namespaces: readonly string[];
    readonly clock: Clock;
    readonly random: Random;
    readonly telemetry: Telemetry;
    /** Belongs to this process alone: it is what holds Leases. */
    readonly identity: string;
  },
): ManagementPlane {
  const { parsers, namespaces, clock, random, telemetry, identity } = deps;
  const transport = new Transport(endpoint, clock);
  const watches = new PlaneStores({ transport, cluster: CLUSTER_LABEL, clock, random, telemetry });
  const events = new EventRecorder({ transport, clock, random, telemetry, cluster: CLUSTER_LABEL, identity });
  const leases = new Set<Lease>();
  return {
    stores: {
      workloadClusters: watches.add(RESOURCES.workloadClusters, (raw) => parsers.workloadCluster(raw), { namespaces }),
      nodeClaims: watches.add(RESOURCES.nodeClaims, (raw) => parsers.nodeClaim(raw), { namespaces }),
    },
    start: () => {
      watches.start();
    },
    close: async () => {
      await Promise.all([...leases].map(async (lease) => await lease.release()));
      await Promise.all([events.close(), watches.close(), transport.close()]);
    },
    openLease: ({ namespace, name }, epochFloor) => {
      const lease = new Lease({ transport, namespace, name, identity, epochFloor, clock, random, telemetry });
      leases.add(lease);
      return {
        state: () => lease.state(),
        subscribe: (listener) => lease.subscribe(listener),
        release: async () => {
          leases.delete(lease);
          await lease.release();
        },
      };
    },
    recordEvent: (event) => {
      events.record(event);
    },
    ...claimRequests(transport, parsers),
    ...workloadClusterRequests(transport, parsers),
    ...dataRequests(transport),
  };
}

function claimRequests(
  transport: Transport,
  parsers: ManagementParsers,
): Pick<
  ManagementPlane,
  'createClaim' | 'getClaim' | 'updateClaimStatus' | 'setClaimFinalizer' | 'deleteClaim' | 'listClaims'
> {
  const resource = RESOURCES.nodeClaims;
  const parse = (raw: unknown) => parseAnswer(raw, (each) => parsers.nodeClaim(each));
  return {
    createClaim: async (claim) => {
      // The server gives these; an empty text in their place would be refused.
      const { uid: _uid, resourceVersion: _version, ...metadata } = claim.metadata;
      const raw = await transport.request({
        method: 'POST',
        path: resourcePath(resource, { namespace: metadata.namespace }),
        query: { fieldManager: FIELD_MANAGERS.autoscaler },
        body: { apiVersion: GROUP_VERSION, kind: 'NodeClaim', metadata, spec: claim.spec },
      });
      return parse(raw);
    },
    getClaim: async (namespace, name) => {
      const raw = await getObject(transport, { resource, namespace, name });
      return raw === undefined ? undefined : parse(raw);
    },
    updateClaimStatus: async (claim, status) => parse(await replaceStatus(transport, resource, { ...claim, status })),
    setClaimFinalizer: async ({ metadata }, present) => {
      const address = { resource, namespace: metadata.namespace, name: metadata.name };
      const wish = { metadata, finalizer: FINALIZERS.nodeClaim, present, manager: FIELD_MANAGERS.status };
      await setFinalizer(transport, address, wish);
    },
    deleteClaim: async ({ metadata: { namespace, name, uid } }) => {
      const address = { resource, namespace, name };
      if ((await deleteObject(transport, address, uid)) !== 'conflict') return;
      if (hasUid(await getObject(transport, address), uid)) {
        throw new PortError('conflict', `Cannot delete NodeClaim '${name}' as it changed at the same moment`);
      }
    },
    listClaims: async (namespace, clusterUid) => {
      // By spec, not by label: a claim that lost its label would make its server look like nobody's.
      const found = await listObjects(transport, { resource, namespace });
      return found.map(parse).filter((claim) => claim.spec.clusterUid === clusterUid);
    },
  };
}

function workloadClusterRequests(
  transport: Transport,
  parsers: ManagementParsers,
): Pick<ManagementPlane, 'getWorkloadCluster' | 'updateWorkloadClusterStatus' | 'setWorkloadClusterFinalizer'> {
  const resource = RESOURCES.workloadClusters;
  const parse = (raw: unknown) => parseAnswer(raw, (each) => parsers.workloadCluster(each));
  return {
    getWorkloadCluster: async (namespace, name) => {
      const raw = await getObject(transport, { resource, namespace, name });
      return raw === undefined ? undefined : parse(raw);
    },
    updateWorkloadClusterStatus: async (cluster, status) =>
      parse(await replaceStatus(transport, resource, { ...cluster, status })),
    setWorkloadClusterFinalizer: async ({ metadata }, present) => {
      const address = { resource, namespace: metadata.namespace, name: metadata.name };
      const wish = { metadata, finalizer: FINALIZERS.workloadCluster, present, manager: FIELD_MANAGERS.status };
      await setFinalizer(transport, address, wish);
    },
  };
}

function dataRequests(transport: Transport): Pick<ManagementPlane, 'getSecret' | 'getConfigMap'> {
  return {
    getSecret: async (namespace, name) => {
      const raw = await getObject(transport, { resource: RESOURCES.secrets, namespace, name });
      if (raw === undefined) return undefined;
      return new Map([...textMapAt(raw, 'data')].map(([key, base64]) => [key, Buffer.from(base64, 'base64')]));
    },
    getConfigMap: async (namespace, name) => {
      const raw = await getObject(transport, { resource: RESOURCES.configMaps, namespace, name });
      return raw === undefined ? undefined : textMapAt(raw, 'data');
    },
  };
}

/** The object's resourceVersion is the precondition: conflict when it changed since it was read. */
async function replaceStatus(
  transport: Transport,
  resource: Resource,
  object: (NodeClaim | WorkloadCluster) & { readonly status: unknown },
): Promise<unknown> {
  const kind = resource === RESOURCES.nodeClaims ? 'NodeClaim' : 'WorkloadCluster';
  const { namespace, name } = object.metadata;
  return await transport.request({
    method: 'PUT',
    path: resourcePath(resource, { namespace, name, subresource: 'status' }),
    query: { fieldManager: FIELD_MANAGERS.status },
    body: { ...object, apiVersion: GROUP_VERSION, kind },
  });
}
