// Sizes and prices from a file: the columns of ovh-types.csv, which says what pods can have, or one of the catalogues,
// which say what the server has: there the product's default reserve rule is applied.
import { basename } from 'node:path';
import { allocatableOf } from '../../src/scheduling/template-node.ts';
import { InputError } from './input-error.ts';
import { type CsvRecord, readCsv } from './read-csv.ts';
import type { NodeType } from './read-workload.ts';

interface Columns {
  readonly name: string;
  readonly price: string;
  readonly typeOf: (record: CsvRecord) => Omit<NodeType, 'name' | 'pricePerHour'>;
}

const MIB = 2 ** 20;
/** OpenStack reports `ram_gb` × 1000 MiB for OVH's flavors. */
const MIB_PER_OVH_GB = 1000;
const MIB_PER_GIB = 1024;

const ALLOCATABLE: Columns = {
  name: 'flavor',
  price: 'eur_hour',
  typeOf: (record) => ({
    cpuMillis: record.integer('alloc_cpu_m', 1),
    memoryMiB: record.integer('alloc_mem_mib', 1),
    pods: record.integer('max_pods', 1),
    gpus: record.has('gpus') ? record.integer('gpus') : 0,
  }),
};

const OVH: Columns = {
  name: 'flavor',
  price: 'eur_hour',
  typeOf: (record) =>
    reserved(record, { vcpus: record.integer('vcpu', 1), memoryMiB: record.number('ram_gb') * MIB_PER_OVH_GB }),
};

/** AWS, Azure, GCP. */
function cloud(price: string): Columns {
  return {
    name: 'type',
    price,
    typeOf: (record) => reserved(record, { vcpus: record.number('vcpu'), memoryMiB: record.number('mem_mib') }),
  };
}

const KARPENTER: Columns = {
  name: 'type',
  price: 'od_price',
  typeOf: (record) => {
    const [, gib] = /^(\d+(?:\.\d+)?)Gi$/.exec(record.text('memory')) ?? [];
    if (gib === undefined) record.fail('memory', `must be in Gi: '${record.text('memory')}'`);
    return reserved(record, { vcpus: record.integer('cpu', 1), memoryMiB: Number(gib) * MIB_PER_GIB });
  },
};

/** The node types of `file`, in its order; those without a price or for another system than Linux are not sold to us.
 *  Throws an InputError. */
export function readNodeTypes(file: string): readonly NodeType[] {
  const records = readCsv(file, []);
  const [first] = records;
  const columns = first === undefined ? undefined : columnsOf(first);
  if (columns === undefined) {
    const known = 'flavor,alloc_cpu_m,alloc_mem_mib,max_pods,eur_hour, or those of a catalogue';
    throw new InputError({ file, line: 1 }, `has columns of no kind that is known; expected ${known}`);
  }
  const types: NodeType[] = [];
  const seen = new Set<string>();
  for (const record of records) {
    if (record.has('os') && record.text('os') !== 'linux') continue;
    if (record.text(columns.price) === '') continue;
    const name = record.text(columns.name);
    if (name === '' || name.length > 63) record.fail(columns.name, `must have 1 to 63 characters: '${name}'`);
    if (seen.has(name)) record.fail(columns.name, `is there twice: '${name}'`);
    seen.add(name);
    types.push({ name, ...columns.typeOf(record), pricePerHour: record.number(columns.price) });
  }
  if (types.length === 0) throw new InputError({ file }, 'has no type with a price');
  const [{ pods } = { pods: 0 }] = types;
  const other = types.find((type) => type.pods !== pods);
  if (other !== undefined) {
    const said = `${basename(file)} says ${pods} and ${other.pods}`;
    throw new InputError(
      { file, field: 'max_pods' },
      `must be one for all types, as spec.reserved.podsMax is: ${said}`,
    );
  }
  return types;
}

function columnsOf(record: CsvRecord): Columns | undefined {
  if (record.has('alloc_cpu_m') && record.has('flavor')) return ALLOCATABLE;
  if (record.has('ram_gb') && record.has('flavor')) return OVH;
  if (record.has('od_price') && record.has('type')) return KARPENTER;
  if (record.has('usd_hour') && record.has('type')) return cloud('usd_hour');
  return undefined;
}

/** What the product's default rule leaves of a server. */
function reserved(
  record: CsvRecord,
  server: { readonly vcpus: number; readonly memoryMiB: number },
): Omit<NodeType, 'name' | 'pricePerHour'> {
  const left = allocatableOf({ id: '', name: '', diskGiB: 0, extraSpecs: new Map(), ...server }, NO_RULE);
  return {
    cpuMillis: left.cpuMillis,
    memoryMiB: Math.floor(left.memoryBytes / MIB),
    pods: left.pods,
    gpus: record.has('gpus') && record.text('gpus') !== '' ? record.number('gpus') : 0,
  };
}

/** A cluster whose operator says nothing of what is reserved. */
const NO_RULE = {
  metadata: { name: 'bench', uid: '', resourceVersion: '' },
  spec: {
    kubeconfig: { inCluster: true },
    openstack: { credentialsSecretRef: { name: '' }, projectId: '', network: '', images: [] },
  },
};
