// What placing and removing pods does to claims: a pod that is placed gets devices for its claims that have none, if they can
// all be had; a claim that no pod on a node names any more loses its devices.
import { claimRefusal, dynamicResources, newAllocations } from './dynamic-resources.ts';
import type { V1ResourceClaim } from './v1-devices.ts';
import type { V1Node, V1Objects, V1Pod } from './v1.ts';
import { namespaceOf, worldOf } from './world.ts';

/** The claims after the pod was placed. */
export function claimsAfterPlacing(
  pod: V1Pod,
  node: V1Node,
  objects: V1Objects,
): { readonly claims: readonly V1ResourceClaim[]; readonly changed: boolean } {
  const before = objects.resourceClaims ?? [];
  const world = worldOf(objects);
  const refused = claimRefusal(pod, world) ?? dynamicResources(pod, node, world);
  const taken = refused === undefined ? newAllocations(pod, node, world) : [];
  if ('plugin' in taken || taken.length === 0) return { claims: before, changed: false };
  const claims = before.map((one) => {
    const mine = taken.findLast(({ claim }) => keyOf(claim) === keyOf(one));
    return mine === undefined ? one : { ...one, status: { ...one.status, allocation: mine.allocation } };
  });
  return { claims, changed: true };
}

/** The claims after the pods were taken off their node; `objects`: without them. */
export function claimsAfterRemoving(pods: readonly V1Pod[], objects: V1Objects): readonly V1ResourceClaim[] {
  const still = new Set((objects.pods ?? []).flatMap(keysNamedBy));
  const given = new Set(pods.flatMap(keysNamedBy).filter((key) => !still.has(key)));
  return (objects.resourceClaims ?? []).map((one) =>
    given.has(keyOf(one)) ? { ...one, status: { ...one.status, allocation: null } } : one,
  );
}

function keysNamedBy(pod: V1Pod): readonly string[] {
  return (pod.spec.resourceClaims ?? []).flatMap(({ name, resourceClaimName }) => {
    const status = (pod.status?.resourceClaimStatuses ?? []).find((one) => one.name === name);
    const claim = resourceClaimName ?? status?.resourceClaimName;
    return typeof claim === 'string' ? [`${namespaceOf(pod)}/${claim}`] : [];
  });
}

function keyOf(object: { readonly metadata: V1Pod['metadata'] }): string {
  return `${namespaceOf(object)}/${object.metadata.name}`;
}
