// Why no open node takes a pod, in one line: the commonest reasons with the number of nodes that gave them.
import type { PodObject } from '../cluster/cluster-objects.ts';
import type { ForkedSnapshot } from '../scheduling/forked-snapshot.ts';
import { countReasons } from '../scheduling/refusal.ts';

/** So many nodes are asked, spread evenly over all: asking thousands for each node that is to go would cost more than
 *  the removal saves, and the line is only for people. */
const NODES_ASKED_MAX = 64;

/** e.g. "12 Insufficient cpu, 3 node(s) had untolerated taint(s)"; says so when only some nodes were asked. */
export function refusalSummary(fork: ForkedSnapshot, pod: PodObject): string {
  const open: number[] = [];
  for (let node = 0; node < fork.nodeCount; node += 1) if (fork.isOpen(node)) open.push(node);
  if (open.length === 0) return 'there is no other node';
  const stride = Math.ceil(open.length / NODES_ASKED_MAX);
  const counts = new Map<string, number>();
  let asked = 0;
  for (let at = 0; at < open.length; at += stride) {
    asked += 1;
    for (const reason of fork.whyNot(pod, open[at] ?? 0)?.reasons ?? []) {
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
  }
  const reasons = countReasons(counts);
  return asked === open.length ? reasons : `${reasons} (of ${asked} nodes asked out of ${open.length})`;
}
