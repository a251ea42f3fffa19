// What is left on a node beside pods that are there or on their way, by requests alone.
import type { Resources } from '../cluster/cluster-objects.ts';

export interface Room {
  cpuMillis: number;
  memoryBytes: number;
  ephemeralBytes: number;
  pods: number;
  readonly extended: Map<string, number>;
}

/** Room for so many less. */
export function take(room: Room, requests: Resources, count: number): void {
  room.cpuMillis -= count * requests.cpuMillis;
  room.memoryBytes -= count * requests.memoryBytes;
  room.ephemeralBytes -= count * requests.ephemeralBytes;
  room.pods -= count;
  for (const [name, amount] of requests.extended) {
    room.extended.set(name, (room.extended.get(name) ?? 0) - count * amount);
  }
}

/** Room for one more. A node that is full beyond its measure still takes pods that ask for nothing of it. */
export function fits(requests: Resources, room: Room): boolean {
  if (room.pods < 1) return false;
  if (requests.cpuMillis > 0 && requests.cpuMillis > room.cpuMillis) return false;
  if (requests.memoryBytes > 0 && requests.memoryBytes > room.memoryBytes) return false;
  if (requests.ephemeralBytes > 0 && requests.ephemeralBytes > room.ephemeralBytes) return false;
  for (const [name, amount] of requests.extended)
    if (amount > 0 && amount > (room.extended.get(name) ?? 0)) return false;
  return true;
}
