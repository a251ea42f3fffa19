// The inner loop of every search: the next open node with room on the axes that all nodes have. Arrays and numbers only;
// extended resources and all other filters come after it. Blocks of nodes that are full are passed over at once: each has a
// bound of what is free on any of its nodes, raised with every change and tightened when the block was searched in vain.
import type { Resources } from '../cluster/cluster-objects.ts';
import type { ResourceColumns } from '../cluster/resource-columns.ts';

/** Nodes of a block: 20,000 nodes are 313 blocks, each searched in some 0.1 µs. */
const BLOCK_BITS = 6;
const BLOCK = 1 << BLOCK_BITS;

/** What the search for room reads, by node index. */
export interface RoomColumns {
  /** 1: takes new pods. */
  readonly open: Uint8Array;
  readonly allocatable: ResourceColumns;
  readonly requested: ResourceColumns;
  /** Per block: no open node has more of an axis free. */
  readonly bounds: ResourceColumns;
}

/** Bounds for so many nodes of which nothing is known yet. */
export function openBounds(nodes: number): ResourceColumns {
  const unknown = (): Float64Array => new Float64Array((nodes >> BLOCK_BITS) + 1).fill(Infinity);
  return { cpuMillis: unknown(), memoryBytes: unknown(), ephemeralBytes: unknown(), pods: unknown() };
}

/** The node changed: what is free there is within its block's bounds again. */
export function raiseBounds(columns: RoomColumns, node: number): void {
  const block = node >> BLOCK_BITS;
  for (const axis of AXES) {
    const free = (columns.allocatable[axis][node] ?? 0) - (columns.requested[axis][node] ?? 0);
    if (free > (columns.bounds[axis][block] ?? Infinity)) columns.bounds[axis][block] = free;
  }
}

/** Index of the first open node in [range.from, range.until) with room for `requests`; −1: none. */
export function nextWithRoom(
  columns: RoomColumns,
  requests: Resources,
  range: { readonly from: number; readonly until: number },
): number {
  const end = Math.min(range.until, columns.open.length);
  let from = range.from;
  while (from < end) {
    const blockEnd = Math.min(((from >> BLOCK_BITS) + 1) << BLOCK_BITS, end);
    if (mayHaveRoom(columns.bounds, requests, from >> BLOCK_BITS)) {
      const found = firstWithRoom(columns, requests, { from, until: blockEnd });
      if (found !== -1) return found;
      if (blockEnd - from === BLOCK) tighten(columns, from >> BLOCK_BITS);
    }
    from = blockEnd;
  }
  return -1;
}

const AXES = ['cpuMillis', 'memoryBytes', 'ephemeralBytes', 'pods'] as const;

function mayHaveRoom(bounds: ResourceColumns, requests: Resources, block: number): boolean {
  const { cpuMillis, memoryBytes, ephemeralBytes } = requests;
  if ((bounds.pods[block] ?? Infinity) < 1) return false;
  if (cpuMillis > 0 && cpuMillis > (bounds.cpuMillis[block] ?? Infinity)) return false;
  if (memoryBytes > 0 && memoryBytes > (bounds.memoryBytes[block] ?? Infinity)) return false;
  return !(ephemeralBytes > 0 && ephemeralBytes > (bounds.ephemeralBytes[block] ?? Infinity));
}

function firstWithRoom(
  { open, allocatable, requested }: RoomColumns,
  { cpuMillis, memoryBytes, ephemeralBytes }: Resources,
  range: { readonly from: number; readonly until: number },
): number {
  for (let node = range.from; node < range.until; node += 1) {
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

function tighten({ open, allocatable, requested, bounds }: RoomColumns, block: number): void {
  for (const axis of AXES) {
    const [total, used] = [allocatable[axis], requested[axis]];
    let most = -Infinity;
    for (let node = block << BLOCK_BITS; node < (block + 1) << BLOCK_BITS; node += 1) {
      if (open[node] === 1) most = Math.max(most, (total[node] ?? 0) - (used[node] ?? 0));
    }
    bounds[axis][block] = most;
  }
}
