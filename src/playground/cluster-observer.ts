// The books of one workload cluster and the events that people follow, both from what is stored and from nothing else.
import type { ApiServer } from './kubernetes-api/api-server.ts';
import type { KubeObject } from './kubernetes-api/kube-object.ts';
import type { StorageEvent } from './kubernetes-api/object-storage.ts';
import type { Books, PlaygroundEvent } from './playground.ts';
import { fieldsOf, listOf, textOf } from './untyped.ts';

const nodeOf = (pod: KubeObject | undefined): string => textOf(fieldsOf(pod?.['spec'])['nodeName']);
const phaseOf = (pod: KubeObject | undefined): string => textOf(fieldsOf(pod?.['status'])['phase']);
const isDaemonPod = (pod: KubeObject): boolean =>
  (pod.metadata.ownerReferences ?? []).some((owner) => owner.kind === 'DaemonSet');

function conditionOf(object: KubeObject | undefined, type: string): { status: string; message: string } {
  const conditions = listOf(fieldsOf(object?.['status'])['conditions']).map(fieldsOf);
  const found = conditions.find((condition) => condition['type'] === type);
  return { status: textOf(found?.['status']), message: textOf(found?.['message']) };
}

export class ClusterObserver {
  readonly #cluster: string;
  readonly #emit: (event: PlaygroundEvent) => void;
  readonly #podsRun = new Set<string>();
  readonly #podsEvicted = new Set<string>();
  #nodesRegistered = 0;
  #decisions = 0;

  constructor(cluster: string, emit: (event: PlaygroundEvent) => void) {
    this.#cluster = cluster;
    this.#emit = emit;
  }

  /** Follows the API from now on. */
  follow(api: ApiServer): void {
    api.storage.watchAll((resource, event) => {
      if (resource === '/pods') this.#podChanged(event);
      else if (resource === '/nodes') this.#nodeChanged(event);
      else if (resource === 'sluice.dev/nodeclaims') this.#claimChanged(event);
      else if (resource === 'sluice.dev/nodepools') this.#poolChanged(event);
      else if (resource === 'events.k8s.io/events' && event.type === 'ADDED') this.#eventRecorded(event.object);
    });
  }

  books(): Pick<Books, 'nodesRegistered' | 'podsRun' | 'podsEvicted' | 'decisions'> {
    return {
      nodesRegistered: this.#nodesRegistered,
      podsRun: this.#podsRun.size,
      podsEvicted: this.#podsEvicted.size,
      decisions: this.#decisions,
    };
  }

  /** To be told of each granted eviction. */
  evicted(pod: KubeObject): void {
    this.#podsEvicted.add(pod.metadata.uid);
    this.#emitPod('podEvicted', pod);
  }

  #emitPod(
    kind: 'podPending' | 'podUnschedulable' | 'podBound' | 'podRunning' | 'podEvicted' | 'podGone',
    pod: KubeObject,
    detail = '',
  ): void {
    if (isDaemonPod(pod)) return;
    const name = `${pod.metadata.namespace ?? ''}/${pod.metadata.name}`;
    this.#emit({ kind, cluster: this.#cluster, pod: name, node: nodeOf(pod), detail });
  }

  #podChanged({ type, object, previous }: StorageEvent): void {
    if (type === 'DELETED') {
      this.#emitPod('podGone', object);
      return;
    }
    if (type === 'ADDED') this.#emitPod('podPending', object);
    const scheduled = conditionOf(object, 'PodScheduled');
    if (scheduled.status === 'False' && conditionOf(previous, 'PodScheduled').status !== 'False') {
      this.#emitPod('podUnschedulable', object, scheduled.message);
    }
    if (nodeOf(object) !== '' && nodeOf(previous) === '') this.#emitPod('podBound', object);
    if (phaseOf(object) === 'Running' && phaseOf(previous) !== 'Running') {
      if (!isDaemonPod(object)) this.#podsRun.add(object.metadata.uid);
      this.#emitPod('podRunning', object);
    }
  }

  #nodeChanged({ type, object, previous }: StorageEvent): void {
    const emit = (kind: 'nodeRegistered' | 'nodeReady' | 'nodeCordoned' | 'nodeUnreachable' | 'nodeGone'): void =>
      this.#emit({ kind, cluster: this.#cluster, node: object.metadata.name });
    if (type === 'DELETED') {
      emit('nodeGone');
      return;
    }
    if (type === 'ADDED') {
      this.#nodesRegistered += 1;
      emit('nodeRegistered');
    }
    const ready = conditionOf(object, 'Ready').status;
    const before = conditionOf(previous, 'Ready').status;
    if (ready === 'True' && before !== 'True') emit('nodeReady');
    if (ready === 'Unknown' && before === 'True') emit('nodeUnreachable');
    const cordoned = (node: KubeObject | undefined): boolean => fieldsOf(node?.['spec'])['unschedulable'] === true;
    if (cordoned(object) && previous !== undefined && !cordoned(previous)) emit('nodeCordoned');
  }

  /** A claim that appears is a decision for a node; its removal, once recorded, is one against it. */
  #claimChanged({ type, object, previous }: StorageEvent): void {
    if (type === 'DELETED') return;
    const removal = (claim: KubeObject | undefined): unknown => fieldsOf(claim?.['status'])['removal'];
    if (type === 'ADDED' || (removal(object) !== undefined && removal(previous) === undefined)) this.#decisions += 1;
  }

  #poolChanged({ type, object, previous }: StorageEvent): void {
    const desired = (pool: KubeObject | undefined): unknown => fieldsOf(pool?.['spec'])['desiredNodes'];
    if (type === 'MODIFIED' && desired(object) !== desired(previous)) this.#decisions += 1;
  }

  #eventRecorded(object: KubeObject): void {
    const regarding = fieldsOf(object['regarding']);
    this.#emit({
      kind: 'eventRecorded',
      cluster: this.#cluster,
      regarding: `${textOf(regarding['kind'])} ${textOf(regarding['name'])}`,
      reason: textOf(object['reason']),
      note: textOf(object['note']),
    });
  }
}
