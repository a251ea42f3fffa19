// A directory of workloads: index.csv names them and the one node template of each; a file per workload has groups of
// identical pods. Format: the bench inputs of the traces (group,count,cpu_m,mem_mib,gpu,kind,label,selector).
import { join } from 'node:path';
import { InputError } from './input-error.ts';
import { type CsvRecord, readCsv } from './read-csv.ts';

/** `spread-*`: maxSkew 1, DoNotSchedule; `aff-zone`, `anti-host`: required terms. Zone and hostname are the topology. */
export const POD_KINDS = ['generic', 'spread-zone', 'spread-host', 'aff-zone', 'anti-host'] as const;
export type PodKind = (typeof POD_KINDS)[number];

/** `count` identical pods. */
export interface WorkloadGroup {
  readonly count: number;
  readonly cpuMillis: number;
  readonly memoryMiB: number;
  readonly gpus: number;
  readonly kind: PodKind;
  /** `key=value`, as the pods carry it. */
  readonly label: string;
  /** `key=value` that their constraint selects; empty for generic ones. */
  readonly selector: string;
}

/** A size of node, with what pods can have of it. */
export interface NodeType {
  readonly name: string;
  readonly cpuMillis: number;
  readonly memoryMiB: number;
  readonly pods: number;
  readonly gpus: number;
  readonly pricePerHour: number;
}

export interface Workload {
  readonly name: string;
  readonly groups: readonly WorkloadGroup[];
  readonly pods: number;
  /** The node of the one-type mode; it costs 1 an hour, so that its cost is its nodes. */
  readonly template: NodeType;
}

/** Type of the nodes in one-type mode, as the packing names it. */
export const TEMPLATE_NAME = 'template';

const INDEX_COLUMNS = ['workload', 'pods', 'tpl_cpu_m', 'tpl_mem_mib', 'tpl_pods', 'tpl_gpu'];
const GROUP_COLUMNS = ['group', 'count', 'cpu_m', 'mem_mib', 'gpu', 'kind', 'label', 'selector'];
const LABEL = /^[A-Za-z0-9][A-Za-z0-9_./-]*=[A-Za-z0-9_.-]*$/;

/** A line of index.csv; its groups are read when it is its turn. */
export interface IndexEntry {
  readonly name: string;
  readonly pods: number;
  readonly template: NodeType;
}

/** The workloads of `directory` in the order of its index; only those of `only`, which name a workload in full or its
 *  beginning up to a dash (`w5`, `w4-kmix`). Throws an InputError. */
export function readIndex(directory: string, only: readonly string[]): readonly IndexEntry[] {
  const file = join(directory, 'index.csv');
  const all = readCsv(file, INDEX_COLUMNS).map((record): IndexEntry => {
    const name = record.text('workload');
    if (name === '' || name.includes('/')) record.fail('workload', `must be the name of a file: '${name}'`);
    return {
      name,
      pods: record.integer('pods', 1),
      template: {
        name: TEMPLATE_NAME,
        cpuMillis: record.integer('tpl_cpu_m', 1),
        memoryMiB: record.integer('tpl_mem_mib', 1),
        pods: record.integer('tpl_pods', 1),
        gpus: record.integer('tpl_gpu'),
        pricePerHour: 1,
      },
    };
  });
  if (all.length === 0) throw new InputError({ file }, 'names no workload');
  const unknown = only.find((word) => !all.some(({ name }) => isMeant(name, word)));
  if (unknown !== undefined) {
    throw new InputError({ file }, `has no workload '${unknown}'; it has ${all.map(({ name }) => name).join(', ')}`);
  }
  return only.length === 0 ? all : all.filter(({ name }) => only.some((word) => isMeant(name, word)));
}

/** The groups of a workload. Throws an InputError when they are not as many pods as the index says. */
export function readWorkload(directory: string, entry: IndexEntry): Workload {
  const file = join(directory, `${entry.name}.csv`);
  const groups = readCsv(file, GROUP_COLUMNS).map(groupOf);
  const pods = groups.reduce((sum, group) => sum + group.count, 0);
  if (pods !== entry.pods) {
    throw new InputError({ file, field: 'count' }, `adds up to ${pods} pods and index.csv says ${entry.pods}`);
  }
  return { ...entry, groups };
}

function isMeant(name: string, word: string): boolean {
  return name === word || name.startsWith(`${word}-`);
}

function groupOf(record: CsvRecord): WorkloadGroup {
  const kind = POD_KINDS.find((one) => one === record.text('kind'));
  if (kind === undefined) record.fail('kind', `must be one of ${POD_KINDS.join(', ')}: '${record.text('kind')}'`);
  const label = record.text('label');
  const selector = record.text('selector');
  if (label !== '' && !LABEL.test(label)) record.fail('label', `must be key=value: '${label}'`);
  if (selector !== '' && !LABEL.test(selector)) record.fail('selector', `must be key=value: '${selector}'`);
  if (kind !== 'generic' && selector === '') record.fail('selector', `must be given for kind ${kind}`);
  return {
    count: record.integer('count', 1),
    cpuMillis: record.integer('cpu_m'),
    memoryMiB: record.integer('mem_mib'),
    gpus: record.integer('gpu'),
    kind,
    label,
    selector,
  };
}
