// Claims of devices: slices, classes with CEL selectors, claims allocated or not, and extended resources that a class
// serves. A pod's claims must be allocated together on one node, so several claims and constraints meet few devices.
import {
  type Draft,
  type Json,
  type JsonObject,
  mapOf,
  type ObjectDraft,
  type PodDraft,
  ZONE,
  ZONES,
} from './draft.ts';
import type { Random } from './random.ts';

const DRIVER = 'gpu.example.com';
const OTHER_DRIVER = 'nic.example.com';
const NUMA = `${DRIVER}/numa`;
const SELECTORS = [
  `device.driver == "${DRIVER}"`,
  `device.attributes["${DRIVER}"].model == "big"`,
  `device.attributes["${DRIVER}"].cores >= 4`,
  `device.attributes["${DRIVER}"].numa == 1`,
  `"numa" in device.attributes["${DRIVER}"]`,
  `device.capacity["${DRIVER}"].memory.compareTo(quantity("20Gi")) >= 0`,
  `device.attributes["${DRIVER}"].model.matches("^b")`,
];
/** No CEL, not a boolean, and an attribute that no device has. */
const SELECTORS_ODD = ['device.driver ==', '"text"', `device.attributes["${DRIVER}"].missing == 1`];

function selectors(random: Random, probability: number): JsonObject[] | undefined {
  if (!random.chance(probability)) return undefined;
  return random
    .picks(random.chance(0.95) ? SELECTORS : SELECTORS_ODD, random.pick([1, 1, 2]))
    .map((expression) => ({ cel: { expression } }));
}

function device(random: Random, name: string, driver: string): JsonObject {
  const attributes: [string, Json][] = [];
  if (random.chance(0.9)) attributes.push(['model', { string: random.pick(['big', 'small']) }]);
  if (random.chance(0.9)) attributes.push(['cores', { int: random.pick([2, 4, 8]) }]);
  if (random.chance(0.9)) attributes.push([random.chance(0.8) ? 'numa' : NUMA, { int: random.pick([0, 1]) }]);
  return {
    name,
    attributes: driver === DRIVER ? mapOf(attributes) : { speed: { int: 100 } },
    capacity: random.maybe(0.8, () => ({ memory: { value: random.pick(['10Gi', '20Gi', '40Gi']) } })),
    taints: random.maybe(0.12, () => [
      { key: 'sick', value: 'yes', effect: random.pick(['NoSchedule', 'NoExecute', 'None']) },
    ]),
  };
}

function addSlices(draft: Draft, random: Random): void {
  for (const node of draft.nodes) {
    for (const driver of [DRIVER, OTHER_DRIVER]) {
      if (random.chance(driver === DRIVER ? 0.15 : 0.6)) continue;
      const name = `${node.metadata.name}-${driver}`;
      const devices = Array.from({ length: random.between(1, 3) }, (_, index) =>
        device(random, `dev-${index}`, driver),
      );
      const incomplete = random.chance(0.06);
      const pool = { name, generation: 1, resourceSliceCount: incomplete ? 2 : 1 };
      draft.resourceSlices.push({ metadata: { name }, spec: { driver, pool, nodeName: node.metadata.name, devices } });
    }
  }
  if (random.chance(0.15)) {
    const place: JsonObject = random.chance(0.4)
      ? { allNodes: true }
      : {
          nodeSelector: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: ZONE, operator: 'In', values: [random.pick(ZONES)] }] }],
          },
        };
    const pool = { name: 'network', generation: 1, resourceSliceCount: 1 };
    const devices = [device(random, 'far-0', DRIVER)];
    draft.resourceSlices.push({ metadata: { name: 'network' }, spec: { driver: DRIVER, pool, ...place, devices } });
  }
}

function addDeviceClasses(draft: Draft, random: Random): void {
  draft.deviceClasses.push(
    {
      metadata: { name: 'gpu' },
      spec: {
        selectors: [{ cel: { expression: `device.driver == "${DRIVER}"` } }],
        extendedResourceName: random.maybe(0.6, () => 'example.com/gpu'),
      },
    },
    { metadata: { name: 'any' }, spec: { selectors: selectors(random, 0.3) } },
  );
  if (random.chance(0.9)) {
    draft.deviceClasses.push({
      metadata: { name: 'nic' },
      spec: { selectors: [{ cel: { expression: `device.driver == "${OTHER_DRIVER}"` } }] },
    });
  }
}

function exactly(random: Random): JsonObject {
  const all = random.chance(0.12);
  return {
    deviceClassName: random.chance(0.96) ? random.pick(['gpu', 'gpu', 'gpu', 'any', 'nic']) : 'unknown',
    selectors: selectors(random, 0.45),
    allocationMode: all ? 'All' : 'ExactCount',
    count: all ? undefined : random.pick([1, 1, 1, 2, 3]),
    tolerations: random.maybe(0.1, () => [{ key: 'sick', operator: 'Exists' }]),
  };
}

function request(random: Random, index: number): JsonObject {
  const name = `r${index}`;
  if (random.chance(0.2)) {
    const firstAvailable = [0, 1].map((at) => ({ name: `s${at}`, ...exactly(random) }));
    return { name, firstAvailable };
  }
  return { name, exactly: { ...exactly(random), adminAccess: random.maybe(0.04, () => true) } };
}

function claimOf(draft: Draft, random: Random, name: string): ObjectDraft {
  const requests = Array.from({ length: random.pick([1, 1, 2]) }, (_, index) => request(random, index));
  const constraint = {
    requests: random.chance(0.4) ? requests.slice(0, 1).map((one) => one['name'] ?? '') : undefined,
    [random.chance(0.85) ? 'matchAttribute' : 'distinctAttribute']: random.pick([NUMA, `${DRIVER}/model`]),
  };
  return {
    metadata: {
      name,
      namespace: draft.pod.metadata.namespace,
      uid: `uid-claim-${name}`,
      deletionTimestamp: random.maybe(0.03, () => '2026-01-01T00:00:00Z'),
    },
    spec: { devices: { requests, constraints: random.chance(0.35) ? [constraint] : undefined } },
    status: random.chance(0.15) ? { allocation: allocation(draft, random) } : {},
  };
}

/** As the scheduler writes it: the devices taken and the nodes where they are. */
function allocation(draft: Draft, random: Random): JsonObject {
  const node = random.pick(draft.nodes).metadata.name;
  const term = { matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] };
  return {
    devices: {
      results: [{ request: 'r0', driver: DRIVER, pool: `${node}-${DRIVER}`, device: `dev-${random.between(0, 2)}` }],
    },
    nodeSelector: random.chance(0.85) ? { nodeSelectorTerms: [term] } : undefined,
  };
}

/** The pod asks for the claim by name, or by a template from which it was made. */
function use(pod: PodDraft, claim: ObjectDraft, random: Random): void {
  const name = claim.metadata.name;
  const [uses, statuses] = [pod.spec['resourceClaims'] ?? [], pod.status['resourceClaimStatuses'] ?? []];
  if (!Array.isArray(uses) || !Array.isArray(statuses)) return;
  pod.spec['resourceClaims'] = uses;
  if (!random.chance(0.15)) {
    uses.push({ name, resourceClaimName: random.chance(0.98) ? name : 'gone' });
    return;
  }
  uses.push({ name, resourceClaimTemplateName: 'template' });
  pod.status['resourceClaimStatuses'] = statuses;
  if (random.chance(0.85)) statuses.push({ name, resourceClaimName: random.chance(0.95) ? name : undefined });
  const uid = random.chance(0.9) ? pod.metadata.uid : 'uid-of-another';
  claim.metadata['ownerReferences'] = [
    { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid, controller: true },
  ];
}

export function deviceClaims(draft: Draft, random: Random): void {
  addSlices(draft, random);
  addDeviceClasses(draft, random);
  for (let index = random.between(0, 2); index > 0; index -= 1) {
    const taken = claimOf(draft, random, `taken-${index}`);
    taken['status'] = { allocation: allocation(draft, random) };
    draft.resourceClaims.push(taken);
  }
  for (let index = random.pick([1, 1, 2]); index > 0; index -= 1) {
    const claim = claimOf(draft, random, `claim-${index}`);
    draft.resourceClaims.push(claim);
    use(draft.pod, claim, random);
  }
}

/** No claim: the pod asks for a resource that a class serves where the node itself does not offer it. */
export function extendedResources(draft: Draft, random: Random): void {
  addSlices(draft, random);
  addDeviceClasses(draft, random);
  for (const node of draft.nodes) {
    if (random.chance(0.4)) node.status.allocatable['example.com/gpu'] = random.pick(['0', '1', '2']);
  }
  const name = random.pick([
    'example.com/gpu',
    'deviceclass.resource.kubernetes.io/gpu',
    'deviceclass.resource.kubernetes.io/unknown',
  ]);
  const container = {
    name: 'devices',
    resources: {
      requests: mapOf([
        ['cpu', '100m'],
        [name, random.pick(['1', '2', '3'])],
      ]),
    },
  };
  if (random.chance(0.8)) draft.pod.spec.containers.push(container);
  if (random.chance(0.3)) draft.pod.spec.initContainers.push({ ...container, name: 'init' });
}
