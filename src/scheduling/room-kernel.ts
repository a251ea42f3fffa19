// The inner loop of every search: the next open node with room on the axes that all nodes have.
// Arrays and numbers only; extended resources and all other filters come after it.
import type { Resources } from '../cluster/cluster-objects.ts';
import type { RoomColumns } from './fork-nodes.ts';

/** Index of the first open node in [range.from, range.until) with room for `requests`; −1: none. */
export function nextWithRoom(
  columns: RoomColumns,
  requests: Resources,
  range: { readonly from: number; readonly until: number },
): number {
  const { open, allocatable, requested } = columns;
  const { cpuMillis, memoryBytes, ephemeralBytes } = requests;
  const end = Math.min(range.until, open.length);
  for (let node = range.from; node < end; node += 1) {
    if (open[node] !== 1) continue;
    if ((requested.pods[node] ?? 0) + 1 > (allocatable.pods[node] ?? 0)) continue;
    if (cpuMillis > 0 && cpuMillis > (allocatable.cpuMillis[node] ?? 0) - (requested.cpuMillis[node] ?? 0)) continue;
    if (memoryBytes > 0 && memoryBytes > (allocatable.memoryBytes[node] ?? 0) - (requested.memoryBytes[node] ?? 0)) {
      continue;
    }
    if (
      ephemeralBytes > 0 &&
      ephemeralBytes > (allocatable.ephemeralBytes[node] ?? 0) - (requested.ephemeralBytes[node] ?? 0)
    ) {
      continue;
    }
    return node;
  }
  return -1;
}
