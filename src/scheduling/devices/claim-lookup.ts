// The claims of a pod, and what is said of them before any node is looked at.
// Source: PreFilter of dynamicresources.go and claims of dynamic-resource-allocation/resourceclaim, v0.37.1.
import type { PodShape } from '../../cluster/cluster-objects.ts';
import type { DeviceClassObject, PodClaim, ResourceClaimObject } from '../../cluster/device-objects.ts';
import { fail, type Refusal, refuse } from '../refusal.ts';
import { claimKey } from './allocation-plan.ts';

export const PLUGIN = 'DynamicResources';

export interface ClaimLookup {
  /** By `namespace/name`. */
  readonly claims: ReadonlyMap<string, ResourceClaimObject>;
  readonly classes: ReadonlyMap<string, DeviceClassObject>;
}

/** The claims that a pod names, in its order; one that is named twice comes twice. */
export function claimsOf(shape: PodShape, claims: ClaimLookup['claims']): readonly ResourceClaimObject[] | Refusal {
  const found: ResourceClaimObject[] = [];
  for (const entry of shape.resourceClaims ?? []) {
    const claim = claimOf(entry, { namespace: shape.namespace, claims });
    if (claim === undefined) continue;
    if ('plugin' in claim) return claim;
    found.push(claim);
  }
  return found;
}

/** What is wrong with the requests of a claim that is not allocated yet. */
export function requestsRefusal(claim: ResourceClaimObject, classes: ClaimLookup['classes']): Refusal | undefined {
  for (const request of claim.requests ?? []) {
    if (request.exactly !== undefined) {
      const refusal = classRefusal(request.exactly.className, { request: request.name, classes });
      if (refusal !== undefined) return refusal;
      continue;
    }
    if (request.firstAvailable.length === 0) {
      return refuse(PLUGIN, `resource claim ${claimKey(claim)}, request ${request.name}: unknown request type`);
    }
    for (const one of request.firstAvailable) {
      const refusal = classRefusal(one.className, { request: `${request.name}/${one.name}`, classes });
      if (refusal !== undefined) return refusal;
    }
  }
  return undefined;
}

/** An error before any node was looked at. */
export function failBefore(message: string): Refusal {
  return fail(PLUGIN, `running PreFilter plugin "${PLUGIN}": ${message}`);
}

function claimOf(
  entry: PodClaim,
  of: { readonly namespace: string; readonly claims: ClaimLookup['claims'] },
): ResourceClaimObject | Refusal | undefined {
  const { namespace } = of;
  if (entry.kind === 'skipped') return undefined;
  if (entry.kind === 'notGenerated') {
    return refuse(PLUGIN, `pod "${namespace}/${entry.podName}": ResourceClaim not created yet`);
  }
  if (entry.kind === 'unknown') {
    return refuse(
      PLUGIN,
      `pod "${namespace}/${entry.podName}", spec.resourceClaim "${entry.name}": none of the supported fields are set`,
    );
  }
  const key = `${namespace}/${entry.claim}`;
  const claim = of.claims.get(key);
  if (claim === undefined) return refuse(PLUGIN, `could not find ResourceClaim "${key}"`);
  if (claim.deleting) return refuse(PLUGIN, `resourceclaim "${claim.name}" is being deleted`);
  if (entry.kind === 'named' || claim.controllerUid === entry.podUid) return claim;
  return refuse(
    PLUGIN,
    `ResourceClaim ${key} was not created for Pod ${namespace}/${entry.podName} (Pod is not owner)`,
  );
}

function classRefusal(
  name: string,
  of: { readonly request: string; readonly classes: ClaimLookup['classes'] },
): Refusal | undefined {
  if (name === '') return failBefore(`request ${of.request}: unsupported request type`);
  if (of.classes.has(name)) return undefined;
  return refuse(PLUGIN, `request ${of.request}: device class ${name} does not exist`);
}
