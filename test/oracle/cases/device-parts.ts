// What device themes put together: devices with attributes, capacity, taints and counters, the slices that tell of them,
// classes, and the selectors that choose among them.
import { type Draft, type Json, type JsonObject, mapOf, ZONE, ZONES } from './draft.ts';
import type { Random } from './random.ts';

export const DRIVER = 'gpu.example.com';
export const OTHER_DRIVER = 'nic.example.com';
export const NUMA = `${DRIVER}/numa`;
const OF_DRIVER = `device.attributes["${DRIVER}"]`;
const CAPACITY = `device.capacity["${DRIVER}"]`;

const SELECTORS = [
  `device.driver == "${DRIVER}"`,
  `device.driver.startsWith("gpu.")`,
  `${OF_DRIVER}.model == "big"`,
  `${OF_DRIVER}.cores >= 4`,
  `${OF_DRIVER}.numa == 1`,
  `"numa" in ${OF_DRIVER}`,
  `${CAPACITY}.memory.compareTo(quantity("20Gi")) >= 0`,
  `${OF_DRIVER}.model.matches("^b")`,
];
/** These say no instead of failing where something is missing, so that they tell devices apart more often. */
const SELECTORS_CAREFUL = [
  `has(${OF_DRIVER}.model) && ${OF_DRIVER}.model == "big"`,
  `${OF_DRIVER}.?cores.orValue(0) >= 4`,
  `${OF_DRIVER}[?"model"].orValue("none") in ["big", "huge"]`,
  `cel.bind(gpu, ${OF_DRIVER}, "numa" in gpu && gpu.numa == 1)`,
  `"memory" in ${CAPACITY} && ${CAPACITY}.memory.isGreaterThan(quantity("10Gi"))`,
  `has(${CAPACITY}.memory) && ${CAPACITY}.memory.asInteger() > 15000000000`,
  `has(${OF_DRIVER}.version) && ${OF_DRIVER}.version.isGreaterThan(semver("1.2.0"))`,
  `has(${OF_DRIVER}.version) ? ${OF_DRIVER}.version == semver("v1.2", true) : true`,
  `${OF_DRIVER}.?version.orValue(semver("0.0.1")).compareTo(semver("1.2.0-rc.1")) > 0`,
  `${OF_DRIVER}.exists(name, name == "cores" || name == "model")`,
  `${OF_DRIVER}.all(name, name != "numa")`,
  `["big", "small"].exists(one, ${OF_DRIVER}.?model == optional.of(one))`,
  `device.driver.find("^[a-z]+") == "gpu"`,
  `device.driver in ["${DRIVER}", "${OTHER_DRIVER}"] && size(${OF_DRIVER}) > 2`,
  `!("${DRIVER}" in device.attributes) || has(${OF_DRIVER}.cores)`,
  `device.allowMultipleAllocations || has(${OF_DRIVER}.model)`,
  `has(${OF_DRIVER}.healthy) && ${OF_DRIVER}.healthy`,
  `has(${OF_DRIVER}.cores) && ${OF_DRIVER}.cores % 4 == 0 && double(${OF_DRIVER}.cores) / 2.0 < 3.0`,
  `${OF_DRIVER}.missing == 1 || device.driver != "x"`,
  `has(device.attributes["other.example.com"].model) || device.driver.endsWith(".com")`,
  `${OF_DRIVER}.filter(name, name.contains("o")).size() >= 1`,
  `has(${OF_DRIVER}.model) && ${OF_DRIVER}.model.upperAscii() + "!" == "BIG!"`,
  `sets.contains(["big", "small"], [${OF_DRIVER}.?model.orValue("none")])`,
];
/** No CEL, not a boolean, mistyped, and an attribute that no device has. */
const SELECTORS_ODD = [
  'device.driver ==',
  '"text"',
  'device.driver == 1',
  'driver == "x"',
  `${OF_DRIVER}.missing == 1`,
  `${OF_DRIVER}.model >= 4`,
  `${OF_DRIVER}.model`,
  `${OF_DRIVER}.cores / 0 == 1`,
  `${OF_DRIVER}.cores.startsWith("4")`,
];

export function selectors(random: Random, probability: number): JsonObject[] | undefined {
  if (!random.chance(probability)) return undefined;
  const among = random.chance(0.03) ? SELECTORS_ODD : random.chance(0.45) ? SELECTORS : SELECTORS_CAREFUL;
  return random.picks(among, random.pick([1, 1, 2])).map((expression) => ({ cel: { expression } }));
}

interface PoolKind {
  /** Devices that several claims may share. */
  readonly shared: boolean;
  /** Devices take from counters of their pool. */
  readonly counted: boolean;
  readonly perDevice: boolean;
}

function policy(random: Random): JsonObject {
  const range = {
    min: random.pick(['1Gi', '2Gi']),
    max: '40Gi',
    step: random.maybe(0.6, () => random.pick(['1Gi', '3Gi', '1500m'])),
  };
  return {
    default: random.pick(['2Gi', '4Gi', '10Gi']),
    ...(random.chance(0.6) ? { validRange: range } : { validValues: ['2Gi', '4Gi', '10Gi'] }),
  };
}

function device(
  random: Random,
  name: string,
  of: PoolKind & { readonly driver: string; readonly nodes: readonly string[] },
): JsonObject {
  const attributes: [string, Json][] = [];
  if (random.chance(0.92)) attributes.push(['model', { string: random.pick(['big', 'small']) }]);
  if (random.chance(0.92)) attributes.push(['cores', { int: random.pick([2, 4, 8]) }]);
  if (random.chance(0.9)) attributes.push([random.chance(0.8) ? 'numa' : NUMA, { int: random.pick([0, 1]) }]);
  if (random.chance(0.5)) attributes.push(['version', { version: random.pick(['1.2.0', '1.2.0-rc.1', '2.0.0+b1']) }]);
  if (random.chance(0.4)) attributes.push(['healthy', { bool: random.chance(0.7) }]);
  if (random.chance(0.1)) attributes.push(['other.example.com/model', { string: 'small' }]);
  const capacity = {
    memory: {
      value: random.pick(['10Gi', '20Gi', '40Gi']),
      requestPolicy: of.shared ? random.maybe(0.6, () => policy(random)) : undefined,
    },
  };
  return {
    name,
    attributes: of.driver === DRIVER ? mapOf(attributes) : { speed: { int: 100 } },
    capacity: random.maybe(0.85, () => capacity),
    allowMultipleAllocations: of.shared ? random.maybe(0.8, () => true) : undefined,
    consumesCounters: of.counted
      ? random.maybe(0.8, () => [
          { counterSet: 'memory', counters: { total: { value: random.pick(['10Gi', '20Gi']) } } },
        ])
      : undefined,
    ...(of.perDevice ? devicePlace(random, of.nodes) : {}),
    bindsToNode: random.maybe(0.05, () => true),
    bindingConditions: random.maybe(0.08, () => ['Attached']),
    taints: random.maybe(0.12, () => [
      { key: 'sick', value: 'yes', effect: random.pick(['NoSchedule', 'NoExecute', 'None']) },
    ]),
  };
}

function devicePlace(random: Random, nodes: readonly string[]): JsonObject {
  if (random.chance(0.6)) return { nodeName: random.pick(nodes) };
  return random.chance(0.5) ? { allNodes: true } : { nodeSelector: zoneSelector(random) };
}

function zoneSelector(random: Random): JsonObject {
  const term = (): JsonObject => ({
    matchExpressions: [{ key: ZONE, operator: 'In', values: [random.pick(ZONES)] }],
  });
  return { nodeSelectorTerms: random.chance(0.96) ? [term()] : [term(), term()] };
}

/** The slices of one pool: of one generation as a rule, complete as a rule. */
function addPool(
  draft: Draft,
  random: Random,
  of: {
    readonly driver: string;
    readonly pool: string;
    readonly place: JsonObject;
    readonly devices: readonly [number, number];
  },
): void {
  const { driver, pool, place } = of;
  const local = driver === DRIVER;
  const kind: PoolKind = {
    shared: local && random.chance(0.2),
    counted: local && random.chance(0.15),
    perDevice: place['perDeviceNodeSelection'] === true,
  };
  const nodes = draft.nodes.map((node) => node.metadata.name);
  const devices = Array.from({ length: random.between(...of.devices) }, (_, index) =>
    device(random, `dev-${random.chance(0.02) ? 0 : index}`, { ...kind, driver, nodes }),
  );
  const cut = devices.length > 1 && random.chance(0.15) ? 1 : 0;
  const parts = cut === 0 ? [devices] : [devices.slice(0, cut), devices.slice(cut)];
  const counters = {
    sharedCounters: [{ name: random.chance(0.97) ? 'memory' : 'other', counters: { total: { value: '30Gi' } } }],
  };
  const count = parts.length + (kind.counted ? 1 : 0) + (random.chance(0.04) ? 1 : 0);
  const generation = random.pick([0, 1, 1, 2]);
  const push = (part: string, spec: JsonObject): void => {
    draft.resourceSlices.push({
      metadata: { name: `${pool}-${part}` },
      spec: { driver, pool: { name: pool, generation, resourceSliceCount: count }, ...place, ...spec },
    });
  };
  parts.forEach((some, index) => push(`${index}`, { devices: some }));
  if (kind.counted) push('counters', counters);
  if (random.chance(0.05)) {
    const other = { name: pool, generation: generation + random.pick([-1, 1]), resourceSliceCount: 1 };
    const stale = [device(random, 'dev-0', { ...kind, counted: false, driver, nodes })];
    const elsewhere = random.chance(0.5) ? place : { nodeName: random.pick(nodes) };
    draft.resourceSlices.push({
      metadata: { name: `${pool}-old` },
      spec: { driver, pool: other, ...elsewhere, devices: stale },
    });
  }
}

/** Once per case, whichever theme comes first. */
export function addSlices(draft: Draft, random: Random): void {
  if (draft.resourceSlices.length > 0) return;
  for (const node of draft.nodes) {
    for (const driver of [DRIVER, OTHER_DRIVER]) {
      if (random.chance(driver === DRIVER ? 0.12 : 0.6)) continue;
      const { name } = node.metadata;
      addPool(draft, random, { driver, pool: `${name}-${driver}`, place: { nodeName: name }, devices: [1, 4] });
    }
  }
  if (!random.chance(0.2)) return;
  const place: JsonObject = random.chance(0.35)
    ? { allNodes: true }
    : random.chance(0.5)
      ? { nodeSelector: zoneSelector(random) }
      : { perDeviceNodeSelection: true };
  addPool(draft, random, { driver: DRIVER, pool: 'network', place, devices: [1, 3] });
}

export function addDeviceClasses(draft: Draft, random: Random): void {
  if (draft.deviceClasses.length > 0) return;
  draft.deviceClasses.push(
    {
      metadata: { name: 'gpu', creationTimestamp: '2026-01-01T00:00:00Z' },
      spec: {
        selectors: [{ cel: { expression: `device.driver == "${DRIVER}"` } }],
        extendedResourceName: random.maybe(0.6, () => 'example.com/gpu'),
      },
    },
    { metadata: { name: 'any' }, spec: { selectors: selectors(random, 0.2) } },
  );
  if (random.chance(0.9)) {
    draft.deviceClasses.push({
      metadata: { name: 'nic' },
      spec: { selectors: [{ cel: { expression: `device.driver == "${OTHER_DRIVER}"` } }] },
    });
  }
  if (random.chance(0.1)) {
    const creationTimestamp = random.pick(['2025-01-01T00:00:00Z', '2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z']);
    draft.deviceClasses.push({
      metadata: { name: random.pick(['a-gpu', 'new-gpu']), creationTimestamp },
      spec: { selectors: selectors(random, 0.5), extendedResourceName: 'example.com/gpu' },
    });
  }
}
