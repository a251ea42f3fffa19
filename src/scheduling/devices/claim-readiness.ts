// Whether a claim that was allocated before can be used on a node: where its devices are, and whether drivers that have to
// make them ready said that they did. Source: Filter of dynamicresources.go, v0.37.1.
import type { ClaimAllocation, ResourceClaimObject } from '../../cluster/device-objects.ts';
import { matchesAnyTerm } from '../node-affinity.ts';
import type { PoolNode } from './device-pools.ts';

/** How long drivers may take (DynamicResourcesArgs.bindingTimeout, its default). */
const BINDING_TIMEOUT_MS = 600_000;
const OPTIONAL_NODE_OPERATIONS = 'DRAOptionalNodeOperations';

export function isAvailable(
  claim: ResourceClaimObject,
  of: {
    readonly allocation: ClaimAllocation;
    readonly node: PoolNode & { readonly features?: ReadonlySet<string> };
    readonly nowMs: number;
  },
): boolean {
  const { allocation, node, nowMs } = of;
  if (allocation.nodeSelector !== undefined && !matchesAnyTerm(allocation.nodeSelector, node)) return false;
  if (
    allocation.devices.some((device) => device.skipsNodeOperations) &&
    node.features?.has(OPTIONAL_NODE_OPERATIONS) !== true
  ) {
    return false;
  }
  const readiness = readinessOf(claim, allocation);
  return readiness === 'ready' || (readiness === 'waiting' && !isTimedOut(allocation, nowMs));
}

function readinessOf(claim: ResourceClaimObject, allocation: ClaimAllocation): 'ready' | 'waiting' | 'failed' {
  for (const one of allocation.devices) {
    const conditions = one.bindingConditions ?? [];
    if (conditions.length === 0) continue;
    const status = claim.deviceStatuses.find(
      ({ driver, pool, device }) => driver === one.driver && pool === one.pool && device === one.device,
    );
    if (status === undefined) return 'waiting';
    if (one.bindingFailureConditions.some((type) => status.conditions.get(type) === 'True')) return 'failed';
    if (conditions.some((type) => status.conditions.get(type) !== 'True')) return 'waiting';
  }
  return 'ready';
}

function isTimedOut({ allocatedMs, devices }: ClaimAllocation, nowMs: number): boolean {
  if (allocatedMs === 0) return false;
  return devices.some((one) => one.bindingConditions !== undefined) && allocatedMs + BINDING_TIMEOUT_MS < nowMs;
}
