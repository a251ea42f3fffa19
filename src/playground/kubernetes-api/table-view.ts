// What `kubectl get` prints: a Table with the columns that a custom resource's definition names, or a few of our own for
// built-in kinds. Paths are dotted, or select one condition by its type; a column without a value is empty.
import { fieldsOf, listOf, textOf, type Fields } from '../untyped.ts';
import type { KubeObject } from './kube-object.ts';
import type { Resource } from './resource-catalog.ts';

interface Column {
  readonly name: string;
  readonly type: string;
  /** Above 0: shown with -o wide only. */
  readonly priority?: number;
  readonly cell: (object: KubeObject) => unknown;
}

const CONDITION_PATH = /^\.?status\.conditions\[\?\(@\.type\s*==\s*["']([^"']+)["']\)\]\.(\w+)$/;

/** The value at a path such as `.spec.flavor` or `.status.conditions[?(@.type=="Ready")].status`. */
function valueAt(object: unknown, path: string): unknown {
  const condition = CONDITION_PATH.exec(path);
  if (condition !== null) {
    const [, type, field = ''] = condition;
    const conditions = listOf(fieldsOf(fieldsOf(object)['status'])['conditions']).map(fieldsOf);
    return conditions.find((each) => each['type'] === type)?.[field];
  }
  let at: unknown = object;
  for (const key of path.split('.').filter((part) => part !== '')) at = fieldsOf(at)[key];
  return at;
}

const byPath = (name: string, path: string, type = 'string'): Column => ({
  name,
  type,
  cell: (object) => valueAt(object, path) ?? '',
});

/** `45s`, `12m`, `3h`, `2d`. */
function age(since: string): string {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(since)) / 1000));
  if (Number.isNaN(seconds)) return '<unknown>';
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

function nodeStatus(node: KubeObject): string {
  const conditions = listOf(valueAt(node, 'status.conditions')).map(fieldsOf);
  const ready = textOf(conditions.find((condition) => condition['type'] === 'Ready')?.['status']);
  const words = [ready === 'True' ? 'Ready' : 'NotReady'];
  if (valueAt(node, 'spec.unschedulable') === true) words.push('SchedulingDisabled');
  return words.join(',');
}

const podStatus = (pod: KubeObject): string =>
  pod.metadata.deletionTimestamp === undefined ? textOf(valueAt(pod, 'status.phase')) : 'Terminating';

const BUILT_IN: Readonly<Record<string, readonly Column[]>> = {
  Pod: [{ name: 'Status', type: 'string', cell: podStatus }, byPath('Node', 'spec.nodeName')],
  Node: [
    { name: 'Status', type: 'string', cell: nodeStatus },
    {
      name: 'Flavor',
      type: 'string',
      cell: (node) => node.metadata.labels?.['node.kubernetes.io/instance-type'] ?? '',
    },
    { name: 'Zone', type: 'string', cell: (node) => node.metadata.labels?.['topology.kubernetes.io/zone'] ?? '' },
  ],
  Event: [
    byPath('Type', 'type'),
    byPath('Reason', 'reason'),
    {
      name: 'Object',
      type: 'string',
      cell: (event) =>
        `${textOf(valueAt(event, 'regarding.kind')).toLowerCase()}/${textOf(valueAt(event, 'regarding.name'))}`,
    },
    byPath('Message', 'note'),
  ],
  Deployment: [byPath('Wanted', 'spec.replicas', 'integer'), byPath('Ready', 'status.readyReplicas', 'integer')],
};

function columnsOf(resource: Resource): readonly Column[] {
  const own = resource.columns.map(fieldsOf).map((column) => ({
    ...byPath(textOf(column['name']), textOf(column['jsonPath']), textOf(column['type'])),
    priority: Number(column['priority'] ?? 0),
  }));
  const columns = own.length > 0 ? own.filter((column) => column.name !== 'Age') : (BUILT_IN[resource.kind] ?? []);
  return [
    byPath('Name', 'metadata.name'),
    ...columns,
    { name: 'Age', type: 'string', cell: (object) => age(object.metadata.creationTimestamp) },
  ];
}

/** True when the client would rather have a Table. */
export function wantsTable(accept: string | undefined): boolean {
  return (accept ?? '').split(',').some((type) => /;\s*as=Table\b/.test(type) && /\bv=v1\b/.test(type));
}

/** The objects as a Table. */
export function toTable(resource: Resource, objects: readonly KubeObject[], metadata: Fields): Fields {
  const columns = columnsOf(resource);
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: columns.map(({ name, type, priority = 0 }) => ({
      name,
      type,
      format: name === 'Name' ? 'name' : '',
      description: '',
      priority,
    })),
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.cell(object)),
      object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata },
    })),
  };
}
