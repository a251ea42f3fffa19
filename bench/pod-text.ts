// Pods of a generated cluster as the text in which a watch sends them, put together without making the objects: what is measured
// with them is to collect its own garbage, not the benchmark's.
import { nextPodName, type PodWish, podOf, uid } from './still-cluster.ts';

/** Stand in the template where a pod's own values go; none is part of another. */
const MARKS = { app: '@app@', kind: '@kind@', node: '@node@', cpuMillis: 7_777_771, memoryMiB: 7_777_773 } as const;

const TEMPLATE = JSON.stringify(podOf({ ...MARKS, revision: 0, name: '@name@' }));
const APP_UID = uid(MARKS.app);
const HASH = hashOf(MARKS.app, 0);
const PARTS = TEMPLATE.split(
  new RegExp(
    `(@name@|${uid('@name@')}|${APP_UID}|${HASH}|@app@|@kind@|@node@|${MARKS.cpuMillis}m|${MARKS.memoryMiB}Mi|${MARKS.memoryMiB * 2}Mi)`,
  ),
);

/** The text of podOf(what) under a new name, and that name. */
export function podText(what: PodWish): { readonly name: string; readonly text: string } {
  const name = nextPodName(what.app);
  const values = new Map([
    ['@name@', name],
    [uid('@name@'), uid(name)],
    [APP_UID, uid(what.app)],
    [HASH, hashOf(what.app, what.revision)],
    [MARKS.app, what.app],
    [MARKS.kind, what.kind],
    [MARKS.node, what.node],
    [`${MARKS.cpuMillis}m`, `${what.cpuMillis}m`],
    [`${MARKS.memoryMiB}Mi`, `${what.memoryMiB}Mi`],
    [`${MARKS.memoryMiB * 2}Mi`, `${what.memoryMiB * 2}Mi`],
  ]);
  let text = '';
  for (const part of PARTS) text += values.get(part) ?? part;
  return { name, text };
}

function hashOf(app: string, revision: number | undefined): string {
  return uid(`${app}${revision ?? ''}`).slice(0, 8);
}
