// The API of a workload cluster that is gone for good: nothing exists there and nothing can be done there. Lets the
// claims of a deleted WorkloadCluster be released undrained through the same reconciler as always.
import type { Clock, ObjectStore, WorkloadPlane } from '../controllers/ports.ts';
import { PortError } from '../controllers/port-errors.ts';

/** A plane on which every object is confirmed absent. Creating anything there is refused as `invalidSpec`. */
export function absentWorkloadPlane(clock: Clock): WorkloadPlane {
  const refuse = () => Promise.reject(new PortError('invalidSpec', 'The workload cluster is gone.'));
  const done = () => Promise.resolve();
  return {
    stores: {
      nodePools: emptyStore(clock),
      pods: emptyStore(clock),
      nodes: emptyStore(clock),
      podDisruptionBudgets: emptyStore(clock),
      daemonSets: emptyStore(clock),
      persistentVolumeClaims: emptyStore(clock),
      persistentVolumes: emptyStore(clock),
      storageClasses: emptyStore(clock),
      csiNodes: emptyStore(clock),
      csiDrivers: emptyStore(clock),
      csiStorageCapacities: emptyStore(clock),
      volumeAttachments: emptyStore(clock),
      deviceClasses: emptyStore(clock),
      resourceClaims: emptyStore(clock),
      resourceSlices: emptyStore(clock),
      namespaces: emptyStore(clock),
    },
    apiEndpoint: '',
    caCertificate: '',
    start: () => undefined,
    close: done,
    serverVersion: refuse,
    ensureNodePoolDefinition: () => Promise.resolve('deleting'),
    getNodePool: () => Promise.resolve(undefined),
    setDesiredNodes: refuse,
    applyNodePoolStatus: refuse,
    setNodePoolFinalizer: done,
    getNode: () => Promise.resolve(undefined),
    assertNode: done,
    cordonNode: done,
    uncordonNode: done,
    liftTaint: done,
    deleteNode: done,
    listPodsOnNode: () => Promise.resolve([]),
    evictPod: () => Promise.resolve({ kind: 'gone' }),
    deletePod: done,
    nominateNode: refuse,
    listVolumeAttachments: () => Promise.resolve([]),
    createBootstrapToken: refuse,
    deleteBootstrapToken: done,
    recordEvent: () => undefined,
  };
}

function emptyStore<T>(clock: Clock): ObjectStore<T> {
  return {
    synced: true,
    version: 0,
    missingRight: undefined,
    get heardMs() {
      return clock.monotonicMs();
    },
    list: () => [],
    view: () => [],
    doubtful: new Map(),
    get: () => undefined,
    subscribe: () => () => undefined,
  };
}
