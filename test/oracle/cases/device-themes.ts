// Claims of devices, allocated or not, and extended resources that a class serves. A pod's claims must be allocated together
// on one node, so several claims and constraints meet few devices.
import { addDeviceClasses, addSlices, DRIVER, NUMA, selectors } from './device-parts.ts';
import { type Draft, type JsonObject, mapOf, type ObjectDraft, type PodDraft } from './draft.ts';
import type { Random } from './random.ts';

function ask(random: Random): JsonObject {
  const all = random.chance(0.12);
  return {
    deviceClassName: random.chance(0.975) ? random.pick(['gpu', 'gpu', 'gpu', 'any', 'nic']) : 'unknown',
    selectors: selectors(random, 0.45),
    allocationMode: all ? 'All' : 'ExactCount',
    count: all ? undefined : random.pick([1, 1, 1, 1, 2, 2, 3, random.chance(0.05) ? 33 : 1]),
    tolerations: random.maybe(0.1, () => [
      {
        key: random.pick(['sick', '']),
        operator: random.pick(['Exists', 'Equal']),
        value: random.maybe(0.5, () => 'yes'),
      },
    ]),
    capacity: random.maybe(0.12, () => ({
      requests: { memory: random.pick(['1Gi', '5Gi', '10Gi', '1500M', '50Gi']) },
    })),
    derivedAttributes: random.maybe(0.003, () => [{ name: 'a.example.com/b', expression: 'true' }]),
  };
}

function request(random: Random, index: number): JsonObject {
  const name = `r${index}`;
  if (random.chance(0.2)) {
    const firstAvailable = Array.from({ length: random.pick([2, 2, 3]) }, (_, at) => ({
      name: `s${at}`,
      ...ask(random),
    }));
    return { name, firstAvailable };
  }
  return { name, exactly: { ...ask(random), adminAccess: random.maybe(0.04, () => random.chance(0.9)) } };
}

function constraint(random: Random, requests: readonly JsonObject[]): JsonObject {
  const [first] = requests;
  const name = typeof first?.['name'] === 'string' ? first['name'] : '';
  const names = [name];
  if (first?.['firstAvailable'] !== undefined && random.chance(0.5)) names[0] = `${name}/s0`;
  return {
    requests: random.chance(0.4) ? names : undefined,
    [random.chance(0.8) ? 'matchAttribute' : 'distinctAttribute']: random.pick([
      NUMA,
      NUMA,
      `${DRIVER}/model`,
      `${DRIVER}/version`,
    ]),
  };
}

function claimOf(draft: Draft, random: Random, name: string): ObjectDraft {
  const requests = Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, (_, index) => request(random, index));
  const constraints = random.chance(0.3) ? [constraint(random, requests)] : undefined;
  if (constraints !== undefined && random.chance(0.3)) constraints.push(constraint(random, requests));
  return {
    metadata: {
      name,
      namespace: draft.pod.metadata.namespace,
      uid: `uid-claim-${name}`,
      deletionTimestamp: random.maybe(0.02, () => '2026-01-01T00:00:00Z'),
    },
    spec: { devices: { requests, constraints } },
    status: random.chance(0.15) ? allocated(draft, random) : {},
  };
}

/** As the scheduler and the driver write it: the devices taken, the nodes where they are, and whether they are ready. */
function allocated(draft: Draft, random: Random): JsonObject {
  const node = random.pick(draft.nodes).metadata.name;
  const term = { matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] };
  const pool = random.chance(0.9) ? `${node}-${DRIVER}` : 'network';
  const binds = random.chance(0.12);
  const results = Array.from(
    { length: random.pick([1, 1, 2]) },
    (): JsonObject => ({
      request: 'r0',
      driver: DRIVER,
      pool,
      device: `dev-${random.between(0, 3)}`,
      adminAccess: random.maybe(0.05, () => true),
      bindingConditions: binds ? ['Attached'] : undefined,
      bindingFailureConditions: binds ? ['Broken'] : undefined,
      skipNodeOperations: random.maybe(0.02, () => ['*']),
      ...(random.chance(0.15)
        ? {
            shareID: `share-${random.between(0, 99)}`,
            consumedCapacity: random.maybe(0.8, () => ({ memory: random.pick(['2Gi', '10Gi']) })),
          }
        : {}),
    }),
  );
  const conditions = [
    { type: 'Attached', status: random.pick(['True', 'False']) },
    { type: 'Broken', status: random.pick(['True', 'False', 'False']) },
  ];
  const of = results[0];
  return {
    allocation: {
      devices: { results },
      nodeSelector: random.chance(0.85) ? { nodeSelectorTerms: [term] } : undefined,
      allocationTimestamp: binds ? random.pick(['2020-01-01T00:00:00Z', '2099-01-01T00:00:00Z']) : undefined,
    },
    devices:
      binds && random.chance(0.8)
        ? [{ driver: DRIVER, pool, device: of?.['device'], conditions: conditions.slice(0, random.between(1, 2)) }]
        : undefined,
  };
}

/** The pod asks for the claim by name, or by a template from which it was made. */
function use(pod: PodDraft, claim: ObjectDraft, random: Random): void {
  const name = claim.metadata.name;
  const [uses, statuses] = [pod.spec['resourceClaims'] ?? [], pod.status['resourceClaimStatuses'] ?? []];
  if (!Array.isArray(uses) || !Array.isArray(statuses)) return;
  pod.spec['resourceClaims'] = uses;
  if (!random.chance(0.15)) {
    uses.push({ name, resourceClaimName: random.chance(0.985) ? name : 'gone' });
    return;
  }
  uses.push({ name, resourceClaimTemplateName: 'template' });
  pod.status['resourceClaimStatuses'] = statuses;
  if (random.chance(0.9)) statuses.push({ name, resourceClaimName: random.chance(0.95) ? name : undefined });
  const uid = random.chance(0.92) ? pod.metadata.uid : 'uid-of-another';
  claim.metadata['ownerReferences'] = [
    { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid, controller: true },
  ];
}

function addTaken(draft: Draft, random: Random): void {
  if (draft.resourceClaims.length > 0) return;
  for (let index = random.between(0, 2); index > 0; index -= 1) {
    const taken = claimOf(draft, random, `taken-${index}`);
    taken['status'] = allocated(draft, random);
    draft.resourceClaims.push(taken);
  }
}

export function deviceClaims(draft: Draft, random: Random): void {
  addSlices(draft, random);
  addDeviceClasses(draft, random);
  addTaken(draft, random);
  for (const node of draft.nodes) {
    if (random.chance(0.1)) node.status['declaredFeatures'] = ['DRAOptionalNodeOperations'];
  }
  for (let index = random.pick([1, 1, 1, 2, 2, 3]); index > 0; index -= 1) {
    const claim = claimOf(draft, random, `claim-${index}`);
    draft.resourceClaims.push(claim);
    use(draft.pod, claim, random);
    if (random.chance(0.02)) use(draft.pod, claim, random);
  }
}

/** No claim: the pod asks for a resource that a class serves where the node itself does not offer it. */
export function extendedResources(draft: Draft, random: Random): void {
  addSlices(draft, random);
  addDeviceClasses(draft, random);
  addTaken(draft, random);
  for (const node of draft.nodes) {
    if (random.chance(0.4)) node.status.allocatable['example.com/gpu'] = random.pick(['0', '1', '2']);
  }
  const container = (name: string): { name: string; resources: JsonObject } => {
    const resource = random.pick([
      'example.com/gpu',
      'example.com/gpu',
      'deviceclass.resource.kubernetes.io/gpu',
      'deviceclass.resource.kubernetes.io/nic',
      random.chance(0.1) ? 'deviceclass.resource.kubernetes.io/unknown' : 'example.com/gpu',
    ]);
    const amount = random.pick(['1', '1', '2', '3', random.chance(0.1) ? '1500m' : '1']);
    return {
      name,
      resources: {
        requests: mapOf([
          ['cpu', '100m'],
          [resource, amount],
        ]),
      },
    };
  };
  if (random.chance(0.85)) draft.pod.spec.containers.push(container('devices'));
  if (random.chance(0.2)) draft.pod.spec.containers.push(container('more'));
  if (random.chance(0.3)) draft.pod.spec.initContainers.push(container('init'));
  if (random.chance(0.15)) {
    draft.pod.spec.initContainers.push({ ...container('sidecar'), restartPolicy: 'Always' });
  }
  if (random.chance(0.15)) draft.pod.spec.initContainers.push(container('init-2'));
  if (random.chance(0.04)) addStaleClaim(draft, random);
}

/** Made by the scheduler in an attempt that failed later. */
function addStaleClaim(draft: Draft, random: Random): void {
  const claim = claimOf(draft, random, 'extended');
  claim.metadata['annotations'] = { 'resource.kubernetes.io/extended-resource-claim': 'true' };
  const { name, uid } = draft.pod.metadata;
  claim.metadata['ownerReferences'] = [{ apiVersion: 'v1', kind: 'Pod', name, uid, controller: true }];
  draft.resourceClaims.push(claim);
}
