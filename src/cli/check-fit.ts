// `sluice check-fit`: cases on stdin, one JSON object a line; verdicts on stdout, one a line, in the same order. Each case
// goes through what the planner uses: the parsers, buildSnapshot, ForkedSnapshot.whyNot. Nothing is kept between lines.
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import type { WorkloadCluster } from '../api/workload-cluster.ts';
import { buildSnapshot } from '../cluster/build-snapshot.ts';
import type { ClusterObjects } from '../cluster/cluster-objects.ts';
import { parseDeviceClass, parseResourceClaim, parseResourceSlice } from '../cluster/parse-devices.ts';
import { parseNode } from '../cluster/parse-node.ts';
import * as parse from '../cluster/parse-objects.ts';
import { parsePod } from '../cluster/parse-pod.ts';
import { parseCsiStorageCapacity, parseVolumeAttachment } from '../cluster/parse-storage-state.ts';
import { PodShapeInterner } from '../cluster/pod-shape-interner.ts';
import { ForkedSnapshot } from '../scheduling/forked-snapshot.ts';
import type { CommandIo } from './command-io.ts';

const HELP = `sluice check-fit < CASES > VERDICTS

Says for each case whether a pod fits each node, as kube-scheduler's filters (v1.37, default profile) would. One JSON
object a line on stdin:

  {"id": "c1", "pod": v1.Pod, "nodes": [v1.Node…], "pods": [v1.Pod bound by spec.nodeName…], "namespaces": […],
   "persistentVolumeClaims": […], "persistentVolumes": […], "storageClasses": […], "csiNodes": […], "csiDrivers": […],
   "csiStorageCapacities": […], "volumeAttachments": […], "services": […], "replicaSets": […], "resourceClaims": […],
   "resourceSlices": […], "deviceClasses": […]}

Every list but "nodes" may be missing. Objects are taken as they stand: no defaulting, no validation. One line on stdout
for each, in the same order:

  {"id": "c1", "nodes": {"a": {"fits": true}, "b": {"fits": false, "plugin": "NodeResourcesFit", "reasons": ["Insufficient cpu"]}}}

"error": true beside "fits": false: the scheduler would call it an error. A pod whose claims of
devices cannot be judged (a part of CEL that is not simulated, a search that takes too long) is refused by Sluice. A line
that cannot be read gives {"id": …, "error": "…"}.

Exit code 1: some line could not be read.
`;

/** Longest line that is read. A case of 5,000 nodes with 100,000 pods as an API server stores them stays below it; what is
 *  longer would be held in memory twice while it is parsed. */
const LINE_BYTES_MAX = 256 * 2 ** 20;
const NEWLINE = 10;

/** The cases are of no cluster of ours; the fork asks nothing of it. */
const NO_CLUSTER: WorkloadCluster = {
  apiVersion: 'sluice.dev/v1alpha1',
  kind: 'WorkloadCluster',
  metadata: { name: 'check-fit', namespace: '', uid: '', resourceVersion: '', generation: 1 },
  spec: {
    kubeconfig: { secretRef: { name: '' } },
    openstack: { credentialsSecretRef: { name: '' }, projectId: '', network: '', images: [] },
  },
};

export async function runCheckFit(argv: readonly string[], io: CommandIo): Promise<number> {
  const { values } = parseArgs({ args: [...argv], options: { help: { type: 'boolean', short: 'h' } } });
  if (values.help === true) {
    io.stdout(HELP);
    return 0;
  }
  return await checkFitStream(process.stdin, writeToStdout);
}

/** Answers every line of `input`; waits for `write` before it reads on. Returns the exit code. */
export async function checkFitStream(
  input: AsyncIterable<Uint8Array>,
  write: (text: string) => Promise<void>,
  options: { readonly lineBytesMax?: number } = {},
): Promise<number> {
  const lineBytesMax = options.lineBytesMax ?? LINE_BYTES_MAX;
  const lines = new LineSplitter(lineBytesMax);
  let failed = false;
  const answer = (line: string | undefined): string => {
    const { text, readable } =
      line === undefined ? unreadable(null, `the line is longer than ${lineBytesMax} bytes`) : checkCase(line);
    if (!readable) failed = true;
    return `${text}\n`;
  };
  for await (const chunk of input) {
    for (const line of lines.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))) {
      await write(answer(line));
    }
  }
  for (const line of lines.end()) await write(answer(line));
  return failed ? 1 : 0;
}

/** The verdict on one case, without its line break. Never throws. */
export function checkFitLine(line: string): string {
  return checkCase(line).text;
}

interface Answer {
  readonly text: string;
  readonly readable: boolean;
}

function checkCase(line: string): Answer {
  let id: unknown = null;
  try {
    const given: unknown = JSON.parse(line);
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      return unreadable(null, 'the line is not a JSON object');
    }
    const parts = new Map<string, unknown>(Object.entries(given));
    id = parts.get('id') ?? null;
    return { text: verdictText(id, parts), readable: true };
  } catch (error) {
    const message = error instanceof SyntaxError ? `the line is not JSON: ${error.message}` : String(error);
    return unreadable(id, message.replace(/^\w*Error: /, ''));
  }
}

function unreadable(id: unknown, error: string): Answer {
  return { text: `{"id":${JSON.stringify(id)},"error":${JSON.stringify(error)}}`, readable: false };
}

/** Put together by hand, because a node may have any name and a plain object would not keep some of them. */
function verdictText(id: unknown, parts: ReadonlyMap<string, unknown>): string {
  const interner = new PodShapeInterner();
  if (!Array.isArray(parts.get('nodes'))) throw new Error('nodes must be a list');
  const pod = parsePod(withoutStatus(asGoTakes(parts.get('pod'))), interner);
  const fork = new ForkedSnapshot(buildSnapshot(objectsOf(parts, interner), 1));
  const verdicts: string[] = [];
  for (let index = 0; index < fork.nodeCount; index += 1) {
    const refusal = fork.whyNot(pod, index, { asBound: true });
    const verdict = refusal === undefined ? { fits: true } : { fits: false, ...refusal };
    verdicts.push(`${JSON.stringify(fork.nodeName(index))}:${JSON.stringify(verdict)}`);
  }
  return `{"id":${JSON.stringify(id)},"nodes":{${verdicts.join(',')}}}`;
}

/** Metadata and spec that are null or missing are empty, as Go takes them. An API never sends such, so that the parsers
 *  refuse it: there it is no object but some other answer. */
function asGoTakes(raw: unknown): unknown {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return raw;
  const { metadata, spec }: { readonly metadata?: unknown; readonly spec?: unknown } = raw;
  return { ...raw, metadata: metadata ?? {}, spec: spec ?? {} };
}

/** The scheduler reads the status of bound pods only, also when the one that it looks at names a node; but for the names of
 *  the claims that were made for it. */
function withoutStatus(pod: unknown): unknown {
  if (!isRecord(pod)) return pod;
  const status = pod['status'];
  const resourceClaimStatuses = isRecord(status) ? status['resourceClaimStatuses'] : undefined;
  return { ...pod, status: resourceClaimStatuses === undefined ? undefined : { resourceClaimStatuses } };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectsOf(parts: ReadonlyMap<string, unknown>, interner: PodShapeInterner): ClusterObjects {
  return {
    cluster: NO_CLUSTER,
    // For devices that drivers have to make ready in time.
    observedAtMs: Date.now(),
    nodePools: [],
    claims: [],
    pods: listOf(parts, 'pods', (raw) => parsePod(raw, interner)),
    // The scheduler goes on using a node that is being deleted for as long as it is there.
    nodes: listOf(parts, 'nodes', (raw) => ({ ...parseNode(raw), deleting: false })),
    podDisruptionBudgets: [],
    daemonSets: [],
    persistentVolumeClaims: listOf(parts, 'persistentVolumeClaims', parse.parsePersistentVolumeClaim),
    persistentVolumes: listOf(parts, 'persistentVolumes', parse.parsePersistentVolume),
    storageClasses: listOf(parts, 'storageClasses', parse.parseStorageClass),
    csiNodes: listOf(parts, 'csiNodes', parse.parseCsiNode),
    csiDrivers: listOf(parts, 'csiDrivers', parse.parseCsiDriver),
    csiStorageCapacities: listOf(parts, 'csiStorageCapacities', parseCsiStorageCapacity),
    volumeAttachments: listOf(parts, 'volumeAttachments', parseVolumeAttachment),
    resourceClaims: listOf(parts, 'resourceClaims', parseResourceClaim),
    resourceSlices: listOf(parts, 'resourceSlices', parseResourceSlice),
    deviceClasses: listOf(parts, 'deviceClasses', parseDeviceClass),
    namespaces: listOf(parts, 'namespaces', parse.parseNamespace),
    flavors: [],
    targets: { networkId: '', subnetId: undefined, images: [], zones: [], region: '' },
    quota: { serversLeft: undefined, coresLeft: undefined, memoryMiBLeft: undefined },
    prices: undefined,
    backoffs: [],
    frozen: undefined,
  };
}

function listOf<T>(parts: ReadonlyMap<string, unknown>, name: string, read: (raw: unknown) => T): readonly T[] {
  const list = parts.get(name) ?? [];
  if (!Array.isArray(list)) throw new Error(`${name} must be a list`);
  return list.map((raw: unknown) => read(asGoTakes(raw)));
}

/** Cuts bytes into lines; undefined stands for a line that was too long and is not kept. */
class LineSplitter {
  readonly #lineBytesMax: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  *push(chunk: Buffer): Generator<string | undefined> {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      this.#keep(chunk.subarray(from, at));
      yield this.#take();
      from = at + 1;
    }
    this.#keep(chunk.subarray(from));
  }

  /** The last line, when it has no line break. */
  *end(): Generator<string | undefined> {
    if (this.#bytes > 0) yield this.#take();
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes > this.#lineBytesMax) this.#parts = [];
    else if (part.length > 0) this.#parts.push(part);
  }

  #take(): string | undefined {
    const line = this.#bytes > this.#lineBytesMax ? undefined : Buffer.concat(this.#parts).toString('utf8');
    this.#parts = [];
    this.#bytes = 0;
    return line;
  }
}

/** Resolves when more may be written. A reader that went away ends the run through its error. */
async function writeToStdout(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}
