// Parsers of dynamic resource allocation (resource.k8s.io/v1). Untrusted: bounded by fields.ts, and by the API's own limits
// where they are lower than ours or where a search pays for them. Each throws a ParseError that names the field. Above 250
// lines, as four kinds of object share their parts.
import type {
  AllocatedDevice,
  CapacityPolicy,
  ClaimAllocation,
  ClaimDeviceStatus,
  CounterConsumption,
  Device,
  DeviceAsk,
  DeviceAttribute,
  DeviceCapacity,
  DeviceClassObject,
  DeviceConstraint,
  DevicePlace,
  DeviceRequest,
  DeviceSelector,
  DeviceTaint,
  DeviceToleration,
  ResourceClaimObject,
  ResourceSliceObject,
} from './device-objects.ts';
import { type Fields, openObject } from './fields.ts';
import { parseController } from './parse-pod.ts';
import { parseNodeSelector } from './parse-selectors.ts';
import { type Amount, NO_AMOUNT } from './quantity.ts';

/** The API's bound on a CEL selector (CELSelectorExpressionMaxLength). */
const EXPRESSION_LENGTH_MAX = 10 * 1024;
/** The API's bounds: devices of a slice, names of a device, selectors, requests and alternatives, results. A list that is
 *  longer was never stored, and the search for devices would pay for it. */
const DEVICES_MAX = 128;
const NAMES_PER_DEVICE_MAX = 32;
const SELECTORS_MAX = 32;
const REQUESTS_MAX = 32;
const ALTERNATIVES_MAX = 8;
/** Longest text of an attribute. The API's bound is 64; what a selector may cost is reckoned with this one. */
export const ATTRIBUTE_LENGTH_MAX = 256;
const EXTENDED_CLAIM_ANNOTATION = 'resource.kubernetes.io/extended-resource-claim';

/** Reads a resource.k8s.io/v1 ResourceSlice. */
export function parseResourceSlice(raw: unknown): ResourceSliceObject {
  const { object, identity } = openObject('ResourceSlice', raw);
  const spec = object.object('spec');
  const pool = spec?.object('pool');
  const devices = spec === undefined ? [] : limited(spec, 'devices', DEVICES_MAX);
  return {
    ...identity,
    ...parsePlace(spec),
    driver: spec?.text('driver') ?? '',
    pool: pool?.text('name') ?? '',
    generation: pool?.integer('generation') ?? 0,
    sliceCount: pool?.integer('resourceSliceCount') ?? 0,
    perDeviceNodeSelection: spec?.boolean('perDeviceNodeSelection') ?? false,
    devices: devices.map(parseDevice),
    sharedCounters: (spec?.objects('sharedCounters') ?? []).map((set) => ({
      name: set.text('name'),
      counters: parseCounters(set),
    })),
    compatibilityGroups: devices.some((device) =>
      device.objects('consumesCounters').some((one) => one.count('compatibilityGroups') > 0),
    ),
  };
}

/** Reads a resource.k8s.io/v1 DeviceClass. */
export function parseDeviceClass(raw: unknown): DeviceClassObject {
  const { object, metadata, identity } = openObject('DeviceClass', raw);
  const spec = object.object('spec');
  return {
    ...identity,
    createdMs: metadata.timeMs('creationTimestamp'),
    selectors: spec === undefined ? [] : parseSelectors(spec),
    extendedResourceName: spec?.optionalText('extendedResourceName'),
  };
}

/** Reads a resource.k8s.io/v1 ResourceClaim. */
export function parseResourceClaim(raw: unknown): ResourceClaimObject {
  const { object, metadata, identity } = openObject('ResourceClaim', raw);
  const devices = object.object('spec')?.object('devices');
  const status = object.object('status');
  const allocation = status?.object('allocation');
  return {
    ...identity,
    namespace: metadata.text('namespace'),
    deleting: metadata.has('deletionTimestamp'),
    controllerUid: parseController(metadata)?.uid ?? '',
    extendedFor: parseExtendedFor(metadata),
    requests:
      devices?.has('requests') === true ? limited(devices, 'requests', REQUESTS_MAX).map(parseRequest) : undefined,
    constraints: (devices?.objects('constraints') ?? []).map(parseConstraint),
    allocation: allocation && parseAllocation(allocation),
    deviceStatuses: (status?.objects('devices') ?? []).map(parseDeviceStatus),
  };
}

function parseExtendedFor(metadata: Fields): ResourceClaimObject['extendedFor'] {
  if (metadata.object('annotations')?.text(EXTENDED_CLAIM_ANNOTATION) !== 'true') return undefined;
  const owner = metadata.objects('ownerReferences').find((one) => one.boolean('controller'));
  return owner && { podUid: owner.text('uid'), podName: owner.text('name') };
}

function parsePlace(parent: Fields | undefined): DevicePlace {
  return {
    nodeName: parent?.optionalText('nodeName'),
    nodeSelector: parseNodeSelector(parent, 'nodeSelector'),
    allNodes: parent?.boolean('allNodes') ?? false,
  };
}

function parseDevice(device: Fields): Device {
  return {
    ...parsePlace(device),
    name: device.text('name'),
    attributes: mapOf(device, 'attributes', parseAttribute),
    capacity: mapOf(device, 'capacity', parseCapacity),
    consumesCounters: device
      .objects('consumesCounters')
      .map((one): CounterConsumption => ({ counterSet: one.text('counterSet'), counters: parseCounters(one) })),
    taints: device.objects('taints').map(parseTaint),
    bindsToNode: device.boolean('bindsToNode'),
    hasBindingConditions: device.has('bindingConditions'),
    allowMultipleAllocations: device.boolean('allowMultipleAllocations'),
  };
}

/** The first kind that is set, in the order in which the selectors' environment looks. */
function parseAttribute(attribute: Fields): DeviceAttribute {
  const texts = (name: string): readonly string[] => {
    const all = attribute.texts(name);
    if (all.some((one) => one.length > ATTRIBUTE_LENGTH_MAX)) {
      throw attribute.error(name, `have texts of at most ${ATTRIBUTE_LENGTH_MAX} characters`);
    }
    return all;
  };
  const text = (name: string): string => {
    const value = attribute.text(name);
    if (value.length > ATTRIBUTE_LENGTH_MAX) {
      throw attribute.error(name, `have at most ${ATTRIBUTE_LENGTH_MAX} characters`);
    }
    return value;
  };
  if (attribute.has('ints')) return { kind: 'ints', value: attribute.integers('ints').map(BigInt) };
  if (attribute.has('bools')) return { kind: 'bools', value: attribute.booleans('bools') };
  if (attribute.has('strings')) return { kind: 'strings', value: texts('strings') };
  if (attribute.has('versions')) return { kind: 'versions', value: texts('versions') };
  if (attribute.has('int')) return { kind: 'int', value: BigInt(attribute.integer('int') ?? 0) };
  if (attribute.has('bool')) return { kind: 'bool', value: attribute.boolean('bool') };
  if (attribute.has('string')) return { kind: 'string', value: text('string') };
  if (attribute.has('version')) return { kind: 'version', value: text('version') };
  return { kind: 'none' };
}

function parseCapacity(capacity: Fields): DeviceCapacity {
  const policy = capacity.object('requestPolicy');
  return { value: capacity.quantity('value') ?? NO_AMOUNT, policy: policy && parsePolicy(policy) };
}

function parsePolicy(policy: Fields): CapacityPolicy {
  const range = policy.object('validRange');
  return {
    default: policy.quantity('default'),
    validValues: policy.quantityList('validValues'),
    validRange: range && {
      min: range.quantity('min'),
      max: range.quantity('max'),
      step: range.quantity('step'),
    },
  };
}

function parseCounters(parent: Fields): ReadonlyMap<string, Amount> {
  return mapOf(parent, 'counters', (counter) => counter.quantity('value') ?? NO_AMOUNT);
}

function parseTaint(taint: Fields): DeviceTaint {
  return { key: taint.text('key'), value: taint.text('value'), effect: taint.text('effect') };
}

function parseToleration(toleration: Fields): DeviceToleration {
  return { ...parseTaint(toleration), operator: toleration.text('operator') };
}

function parseSelectors(parent: Fields): readonly DeviceSelector[] {
  return limited(parent, 'selectors', SELECTORS_MAX).map((one) => {
    const cel = one.object('cel');
    return cel && cel.longText('expression', EXPRESSION_LENGTH_MAX);
  });
}

function parseRequest(request: Fields): DeviceRequest {
  const name = request.text('name');
  const exactly = request.object('exactly');
  return {
    name,
    exactly: exactly && parseAsk(exactly, name),
    firstAvailable: limited(request, 'firstAvailable', ALTERNATIVES_MAX).map((one) => parseAsk(one, one.text('name'))),
  };
}

function parseAsk(ask: Fields, name: string): DeviceAsk {
  return {
    name,
    className: ask.text('deviceClassName'),
    selectors: parseSelectors(ask),
    mode: ask.text('allocationMode'),
    count: ask.integer('count') ?? 0,
    adminAccess: ask.boolean('adminAccess'),
    tolerations: ask.objects('tolerations').map(parseToleration),
    capacity: ask.object('capacity')?.quantities('requests') ?? new Map<string, Amount>(),
    derivedAttributes: ask.count('derivedAttributes') > 0,
  };
}

function parseConstraint(constraint: Fields): DeviceConstraint {
  const requests = constraint.texts('requests');
  const match = constraint.optionalText('matchAttribute');
  if (match !== undefined) return { kind: 'match', attribute: match, requests };
  const distinct = constraint.optionalText('distinctAttribute');
  return distinct === undefined ? { kind: 'unknown' } : { kind: 'distinct', attribute: distinct, requests };
}

function parseAllocation(allocation: Fields): ClaimAllocation {
  return {
    devices: (allocation.object('devices')?.objects('results') ?? []).map(parseAllocatedDevice),
    nodeSelector: parseNodeSelector(allocation, 'nodeSelector'),
    allocatedMs: allocation.timeMs('allocationTimestamp'),
  };
}

function parseAllocatedDevice(result: Fields): AllocatedDevice {
  return {
    driver: result.text('driver'),
    pool: result.text('pool'),
    device: result.text('device'),
    adminAccess: result.boolean('adminAccess'),
    shareId: result.optionalText('shareID'),
    consumedCapacity: result.has('consumedCapacity') ? result.quantities('consumedCapacity') : undefined,
    bindingConditions: result.has('bindingConditions') ? result.texts('bindingConditions') : undefined,
    bindingFailureConditions: result.texts('bindingFailureConditions'),
    skipsNodeOperations: result.count('skipNodeOperations') > 0,
  };
}

function parseDeviceStatus(status: Fields): ClaimDeviceStatus {
  const conditions = new Map<string, string>();
  for (const condition of status.objects('conditions')) {
    const type = condition.text('type');
    if (!conditions.has(type)) conditions.set(type, condition.text('status'));
  }
  return { driver: status.text('driver'), pool: status.text('pool'), device: status.text('device'), conditions };
}

/** A map of objects, by the names of the API's bound at most. */
function mapOf<T>(parent: Fields, name: string, read: (value: Fields) => T): ReadonlyMap<string, T> {
  const values = parent.objectMap(name);
  if (values.size > NAMES_PER_DEVICE_MAX) throw parent.error(name, `have at most ${NAMES_PER_DEVICE_MAX} entries`);
  return new Map([...values].map(([key, value]) => [key, read(value)]));
}

function limited(parent: Fields, name: string, itemsMax: number): readonly Fields[] {
  if (parent.count(name) > itemsMax) throw parent.error(name, `have at most ${itemsMax} items`);
  return parent.objects(name);
}
