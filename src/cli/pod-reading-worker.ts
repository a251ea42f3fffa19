// The thread that reads pods of a long list (pod-reading-thread.ts starts it): a batch of lines in, columns out.
import { parentPort } from 'node:worker_threads';
import type { PodObject } from '../cluster/cluster-objects.ts';
import { parsePod } from '../cluster/parse-pod.ts';
import { KnownPodLines } from '../cluster/known-pod-lines.ts';
import { type PodColumns, PodPacker } from '../cluster/pod-columns.ts';
import { PodShapeInterner } from '../cluster/pod-shape-interner.ts';
import { type ListedLines, readListedLines } from '../kubernetes/listed-lines.ts';
import { Doubtful } from '../kubernetes/object-store.ts';

export interface ReadRequest {
  readonly id: number;
  readonly batch: Uint8Array;
}

/** A change that is no pod. */
export interface OtherChange {
  /** Its place among the changes. */
  readonly at: number;
  readonly key: string;
  /** What could not be read; undefined: it is gone. */
  readonly doubt: { readonly resourceVersion: string; readonly why: string } | undefined;
}

export interface ReadAnswer {
  readonly id: number;
  readonly pods: PodColumns;
  readonly others: readonly OtherChange[];
  readonly end: ListedLines<PodObject>['end'];
}

const interner = new PodShapeInterner();
const packer = new PodPacker();
/** The thread lives as long as the list. */
const known = new KnownPodLines(interner);

parentPort?.on('message', ({ id, batch }: ReadRequest) => {
  const { changes, end } = readListedLines(batch, { parse: (raw) => parsePod(raw, interner), known });
  const pods: PodObject[] = [];
  const others: OtherChange[] = [];
  for (const [at, [key, object]] of changes.entries()) {
    if (object instanceof Doubtful) {
      others.push({ at, key, doubt: { resourceVersion: object.resourceVersion, why: object.why } });
    } else if (object === undefined) others.push({ at, key, doubt: undefined });
    else pods.push(object);
  }
  const answer: ReadAnswer = { id, pods: packer.pack(pods), others, end };
  parentPort?.postMessage(answer, [answer.pods.partOf.buffer, answer.pods.createdMs.buffer]);
});
