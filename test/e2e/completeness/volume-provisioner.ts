// What a CSI provisioner does for the scheduler: a claim whose node has been chosen gets a volume.
import type { KubeClient, KubeObject } from '../kube-client.ts';
import { sleep } from '../wait-until.ts';

/** Set by the scheduler on a claim that waits for its first consumer. */
const SELECTED_NODE = 'volume.kubernetes.io/selected-node';
const LOOK_MS = 500;

export class VolumeProvisioner {
  readonly #cluster: KubeClient;
  readonly #made = new Set<string>();
  #stopped = false;
  #loop: Promise<void> = Promise.resolve();
  /** The first failure; a volume that was not made keeps a pod from its node. */
  fault: unknown;

  constructor(cluster: KubeClient) {
    this.#cluster = cluster;
  }

  start(): void {
    this.#loop = this.#run().catch((error: unknown) => {
      this.fault ??= error;
    });
  }

  /** Ends, and takes the volumes away. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loop;
    for (const name of this.#made) await this.#cluster.remove('v1', 'PersistentVolume', name);
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      for (const claim of await this.#cluster.list('v1', 'PersistentVolumeClaim')) {
        const chosen = claim.metadata.annotations?.[SELECTED_NODE] !== undefined;
        if (chosen && claim['spec'].volumeName === undefined) await this.#provision(claim);
      }
      await sleep(LOOK_MS);
    }
  }

  async #provision({ metadata, ...claim }: KubeObject): Promise<void> {
    const name = `pvc-${metadata.uid ?? ''}`;
    if (this.#made.has(name)) return;
    this.#made.add(name);
    const { storageClassName, accessModes, resources } = claim['spec'];
    await this.#cluster.send('POST', '/api/v1/persistentvolumes', {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name },
      spec: {
        storageClassName,
        accessModes,
        capacity: resources.requests,
        persistentVolumeReclaimPolicy: 'Retain',
        csi: { driver: 'cinder.csi.openstack.org', volumeHandle: name },
        claimRef: {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          name: metadata.name,
          namespace: metadata.namespace,
          uid: metadata.uid,
        },
      },
    });
  }
}
