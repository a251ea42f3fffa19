// DynamicResources.
// For the whole pod: every claim that it names is there and not being deleted. One made from a template has its name in the
// pod's status (a status without a name: no claim is needed) and the pod as its controller. The node selector of an
// allocation can be read; requests of a claim without an allocation name classes that exist.
// On a node: claims without an allocation find devices there, all together (device-search.ts); then those with one: the node
// is among the nodes of the allocation, and has the feature that an allocation with skipNodeOperations needs. Who else has
// reserved an allocated claim does not matter.
// An allocation is good on this node alone when a device of it is of one node or binds to it; else where the node selectors of
// all its slices match.
import { type Choice, chooseDevices } from './device-search.ts';
import { AllocationError, error, no, type TwinRefusal } from './refusal.ts';
import { areReadable, matchesAnyTerm } from './selectors.ts';
import type { V1Allocation, V1DeviceRequest, V1ResourceClaim } from './v1-devices.ts';
import type { V1Node, V1NodeSelector, V1NodeSelectorTerm, V1Pod, V1PodResourceClaim } from './v1.ts';
import { labelsOf, namespaceOf, type World } from './world.ts';

const PLUGIN = 'DynamicResources';
const BEFORE = `running PreFilter plugin "${PLUGIN}": `;
const ON_NODE = `running "${PLUGIN}" filter plugin: `;

export interface NewAllocation {
  readonly claim: V1ResourceClaim;
  readonly allocation: V1Allocation;
}

export function claimRefusal(pod: V1Pod, world: World): TwinRefusal | undefined {
  for (const entry of pod.spec.resourceClaims ?? []) {
    const claim = claimOf(pod, entry, world);
    if (typeof claim === 'string') return no(PLUGIN, claim);
  }
  for (const claim of claimsOf(pod, world)) {
    const { allocation } = claim.status ?? {};
    if (allocation) {
      const terms = allocation.nodeSelector?.nodeSelectorTerms ?? [];
      if (!areReadable(terms)) return error(PLUGIN, `${BEFORE}…`);
      continue;
    }
    for (const request of claim.spec?.devices?.requests ?? []) {
      const refusal = requestRefusal(request, claim, world);
      if (refusal !== undefined) return refusal;
    }
  }
  return undefined;
}

export function dynamicResources(pod: V1Pod, node: V1Node, world: World): TwinRefusal | undefined {
  const found = newAllocations(pod, node, world);
  if ('plugin' in found) return found;
  const features = node.status?.declaredFeatures ?? [];
  const unavailable = claimsOf(pod, world).some(({ status }) => {
    if (!status?.allocation) return false;
    const { nodeSelector, devices } = status.allocation;
    const here = { name: node.metadata.name, labels: labelsOf(node) };
    if (nodeSelector && !matchesAnyTerm(nodeSelector.nodeSelectorTerms ?? [], here)) return true;
    const skips = (devices?.results ?? []).some((result) => (result.skipNodeOperations ?? []).length > 0);
    return skips && !features.includes('DRAOptionalNodeOperations');
  });
  return unavailable ? no(PLUGIN, 'resourceclaim not available on the node') : undefined;
}

/** What the pod's claims get on the node that have nothing yet. The pod as a whole is not refused. */
export function newAllocations(pod: V1Pod, node: V1Node, world: World): readonly NewAllocation[] | TwinRefusal {
  // Copies: a claim that the pod names twice gets devices for each of its entries.
  const open = claimsOf(pod, world).flatMap((claim) => (claim.status?.allocation ? [] : [{ ...claim }]));
  if (open.length === 0) return [];
  try {
    const chosen = chooseDevices(open, node, world);
    if (typeof chosen === 'string') return no(PLUGIN, chosen);
    return open.map((claim) => ({ claim, allocation: allocationOf(claim, chosen, node) }));
  } catch (fault) {
    if (fault instanceof AllocationError) return error(PLUGIN, `${ON_NODE}${fault.message}`);
    throw fault;
  }
}

/** In the order of the pod, as far as they are there. */
export function claimsOf(pod: V1Pod, world: World): readonly V1ResourceClaim[] {
  return (pod.spec.resourceClaims ?? []).flatMap((entry) => {
    const claim = claimOf(pod, entry, world);
    return typeof claim === 'object' ? [claim] : [];
  });
}

/** A text: why not; undefined: none is needed. */
function claimOf(pod: V1Pod, entry: V1PodResourceClaim, world: World): V1ResourceClaim | string | undefined {
  const { resourceClaimName, resourceClaimTemplateName, name: entryName } = entry;
  const id = `"${namespaceOf(pod)}/${pod.metadata.name}"`;
  const fromTemplate = typeof resourceClaimName !== 'string';
  let name = resourceClaimName;
  if (fromTemplate) {
    if (typeof resourceClaimTemplateName !== 'string') {
      return `pod ${id}, spec.resourceClaim ${JSON.stringify(entryName ?? '')}: none of the supported fields are set`;
    }
    const status = (pod.status?.resourceClaimStatuses ?? []).find((one) => (one.name ?? '') === (entryName ?? ''));
    if (status === undefined) return `pod ${id}: ResourceClaim not created yet`;
    name = status.resourceClaimName;
  }
  if (typeof name !== 'string') return undefined;
  const claim = world.resourceClaims.get(`${namespaceOf(pod)}/${name}`);
  if (claim === undefined) return `could not find ResourceClaim "${namespaceOf(pod)}/${name}"`;
  if (claim.metadata.deletionTimestamp) return `resourceclaim "${name}" is being deleted`;
  const owner = (claim.metadata.ownerReferences ?? []).find(({ controller }) => controller === true);
  if (!fromTemplate || (owner !== undefined && (owner.uid ?? '') === (pod.metadata.uid ?? ''))) return claim;
  const [claimId, podId] = [`${namespaceOf(claim)}/${name}`, `${namespaceOf(pod)}/${pod.metadata.name}`];
  return `ResourceClaim ${claimId} was not created for Pod ${podId} (Pod is not owner)`;
}

function requestRefusal(request: V1DeviceRequest, claim: V1ResourceClaim, world: World): TwinRefusal | undefined {
  const { name, exactly, firstAvailable } = request;
  const asked = exactly
    ? [{ name: name ?? '', className: exactly.deviceClassName ?? '' }]
    : (firstAvailable ?? []).map((one) => ({
        name: `${name ?? ''}/${one.name ?? ''}`,
        className: one.deviceClassName ?? '',
      }));
  if (asked.length === 0) {
    const id = `${namespaceOf(claim)}/${claim.metadata.name}`;
    return no(PLUGIN, `resource claim ${id}, request ${name ?? ''}: unknown request type`);
  }
  for (const one of asked) {
    if (one.className === '') return error(PLUGIN, `${BEFORE}request ${one.name}: unsupported request type`);
    if (!world.deviceClasses.has(one.className)) {
      return no(PLUGIN, `request ${one.name}: device class ${one.className} does not exist`);
    }
  }
  return undefined;
}

function allocationOf(claim: V1ResourceClaim, chosen: readonly Choice[], node: V1Node): V1Allocation {
  const ours = chosen.filter((choice) => choice.claim === claim);
  const results = ours.map(({ driver, pool, device, wanted, charge }, index) => ({
    request: wanted.names.at(-1),
    driver,
    pool: pool.name,
    device: device.name,
    ...(wanted.request.adminAccess === true ? { adminAccess: true } : {}),
    ...(device.allowMultipleAllocations === true
      ? {
          shareID: `${claim.metadata.name}-${index}`,
          consumedCapacity: Object.fromEntries([...charge].map(([name, nanos]) => [name, `${nanos}n`])),
        }
      : {}),
  }));
  const nodeSelector = selectorOf(ours, { claim, node });
  return { devices: { results }, ...(nodeSelector === undefined ? {} : { nodeSelector }) };
}

function selectorOf(
  ours: readonly Choice[],
  { claim, node }: { readonly claim: V1ResourceClaim; readonly node: V1Node },
): V1NodeSelector | undefined {
  const terms: V1NodeSelectorTerm[] = [];
  for (const { slice, device } of ours) {
    const place = slice.spec?.perDeviceNodeSelection === true ? device : (slice.spec ?? {});
    if (typeof place.nodeName === 'string' || device.bindsToNode === true) {
      const here = { key: 'metadata.name', operator: 'In', values: [node.metadata.name] };
      return { nodeSelectorTerms: [{ matchFields: [here] }] };
    }
    const own = place.nodeSelector?.nodeSelectorTerms ?? [];
    if (own.length > 1) {
      throw new AllocationError(
        `create NodeSelector for claim ${claim.metadata.name}: unsupported ResourceSlice.NodeSelector with ${own.length} terms`,
      );
    }
    terms.push(...own);
  }
  const term = {
    matchExpressions: terms.flatMap(({ matchExpressions }) => matchExpressions ?? []),
    matchFields: terms.flatMap(({ matchFields }) => matchFields ?? []),
  };
  return term.matchExpressions.length + term.matchFields.length === 0 ? undefined : { nodeSelectorTerms: [term] };
}
