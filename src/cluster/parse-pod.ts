// A pod from the API, cut down to what decisions read. Untrusted: every list and text is bounded (fields.ts).
// The same code reads a DaemonSet's pod template (parsePodShape with `template`).
import { ANNOTATIONS } from '../api/names.ts';
import type {
  ControllerRef,
  HostPort,
  PodObject,
  PodShape,
  Requirement,
  Resources,
  ShapeFaults,
  SpreadConstraint,
  Toleration,
} from './cluster-objects.ts';
import { Fields } from './fields.ts';
import { parseRequiredFeatures } from './parse-features.ts';
import { parseContainerDevices, parsePodClaims } from './parse-pod-devices.ts';
import { parseAffinityTerms, parseLabelSelector, parseNodeSelector } from './parse-selectors.ts';
import { affinityFault, spreadFault } from './parse-shape-faults.ts';
import { parseDisks, parseVolumes } from './parse-volumes.ts';
import { isSidecar, podRequests } from './pod-requests.ts';
import type { PodShapeInterner, ShapeParts } from './pod-shape-interner.ts';

export const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';
/** Comma-separated names of local volumes whose loss does not matter; cluster-autoscaler's word. */
export const SAFE_LOCAL_VOLUMES_ANNOTATION = 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes';

const PHASES: ReadonlyMap<string, PodObject['phase']> = new Map([
  ['', 'Pending'],
  ['Pending', 'Pending'],
  ['Running', 'Running'],
  ['Succeeded', 'Succeeded'],
  ['Failed', 'Failed'],
]);

/** Reads a v1 Pod. Throws a ParseError that names the field. */
export function parsePod(raw: unknown, interner: PodShapeInterner): PodObject {
  const pod = Fields.of('Pod', raw);
  const metadata = pod.object('metadata');
  const spec = pod.object('spec');
  if (metadata === undefined) throw pod.error('metadata', 'be set');
  if (spec === undefined) throw pod.error('spec', 'be set');
  const status = pod.object('status');
  const annotation = (key: string): string | undefined => metadata.entry('annotations', key);
  const name = metadata.text('name');
  const namespace = metadata.text('namespace');
  const controller = interner.controller(parseController(metadata));
  return {
    uid: metadata.text('uid'),
    namespace: interner.text(namespace),
    name,
    createdMs: metadata.timeMs('creationTimestamp'),
    // A number of the server's; of a server that counts otherwise all pods count as equally old.
    version: spec.text('nodeName') === '' ? Number(metadata.text('resourceVersion')) || 0 : 0,
    deleting: metadata.has('deletionTimestamp'),
    phase: PHASES.get(status?.text('phase') ?? '') ?? 'Unknown',
    nodeName: interner.text(spec.text('nodeName')),
    nominatedNodeName: status?.text('nominatedNodeName') ?? '',
    schedulerName: interner.text(spec.text('schedulerName')),
    priority: spec.integer('priority') ?? 0,
    gated: spec.count('schedulingGates') > 0,
    unschedulable: isUnschedulable(status),
    controller,
    mirror: annotation(MIRROR_ANNOTATION) !== undefined,
    safeToEvict: parseTruth(annotation(ANNOTATIONS.safeToEvict)),
    doNotDisrupt: parseTruth(annotation(ANNOTATIONS.doNotDisrupt)) ?? false,
    localStorage: hasLocalStorage(spec, annotation(SAFE_LOCAL_VOLUMES_ANNOTATION) ?? ''),
    shape: parsePodShape(
      { metadata, spec, status, namespace, podName: name, template: false, tolerations: [], controller },
      interner,
    ),
  };
}

export interface PodParts {
  readonly metadata: Fields | undefined;
  readonly spec: Fields;
  readonly status: Fields | undefined;
  readonly namespace: string;
  readonly podName: string;
  /** The spec is a controller's template, which the API server has not completed as it does for pods. */
  readonly template: boolean;
  /** Whose pods are mostly alike; interned. */
  readonly controller?: ControllerRef | undefined;
  /** Added after the pod's own. */
  readonly tolerations: readonly Toleration[];
}

/** What the scheduler's filters read of a pod or a pod template. Throws a ParseError that names the field. */
export function parsePodShape(parts: PodParts, interner: PodShapeInterner): PodShape {
  const { spec, namespace } = parts;
  const affinity = spec.object('affinity');
  const labels = parts.metadata?.textMap('labels') ?? new Map<string, string>();
  const requests = podRequests(spec, {
    limitsCount: parts.template,
    status: spec.text('nodeName') === '' ? undefined : parts.status,
  });
  const shape: ShapeParts = {
    namespace,
    labels,
    requests,
    nodeSelector: spec.textMap('nodeSelector'),
    nodeAffinity: parseNodeSelector(affinity?.object('nodeAffinity'), 'requiredDuringSchedulingIgnoredDuringExecution'),
    tolerations: [...spec.objects('tolerations').map(parseToleration), ...parts.tolerations],
    hostPorts: parseHostPorts(spec),
    spread: parseSpread(spec, labels),
    podAffinity: parseAffinityTerms(affinity?.object('podAffinity'), namespace),
    podAntiAffinity: parseAffinityTerms(affinity?.object('podAntiAffinity'), namespace),
    volumes: parseVolumes(spec, parts.podName),
    ...parseRare(parts, requests),
  };
  return interner.intern(shape, parts.controller);
}

const NOTHING_RARE = {};

/** What few pods have; absent where there is none, so that shapes stay small. */
function parseRare(
  parts: PodParts,
  requests: Resources,
): Pick<PodShape, 'disks' | 'features' | 'resourceClaims' | 'containerDevices' | 'faults'> {
  const { spec } = parts;
  const disks = parseDisks(spec);
  const features = parseRequiredFeatures(spec);
  const resourceClaims = parsePodClaims(parts);
  const containerDevices = parseContainerDevices(spec, requests.extended);
  const spread = spreadFault(spec);
  const affinity = affinityFault(spec.object('affinity'));
  const lists = disks.length + features.length + resourceClaims.length + containerDevices.length;
  if (lists === 0 && (spread ?? affinity) === undefined) return NOTHING_RARE;
  const faults: ShapeFaults = {
    ...(spread === undefined ? {} : { spread }),
    ...(affinity === undefined ? {} : { affinity }),
  };
  return {
    ...(disks.length === 0 ? {} : { disks }),
    ...(features.length === 0 ? {} : { features }),
    ...(resourceClaims.length === 0 ? {} : { resourceClaims }),
    ...(containerDevices.length === 0 ? {} : { containerDevices }),
    ...((spread ?? affinity) === undefined ? {} : { faults }),
  };
}

function parseToleration(toleration: Fields): Toleration {
  return {
    key: toleration.text('key'),
    operator: toleration.text('operator'),
    value: toleration.text('value'),
    effect: toleration.text('effect'),
  };
}

/** Ports of containers and sidecars; a plain init container holds none once the pod runs. */
function parseHostPorts(spec: Fields): readonly HostPort[] {
  const holders = [...spec.objects('containers'), ...spec.objects('initContainers').filter(isSidecar)];
  const ports: HostPort[] = [];
  for (const holder of holders) {
    for (const port of holder.objects('ports')) {
      const hostPort = port.integer('hostPort') ?? 0;
      if (hostPort <= 0) continue;
      ports.push({
        protocol: port.text('protocol') || 'TCP',
        hostIp: port.text('hostIP') || '0.0.0.0',
        port: hostPort,
      });
    }
  }
  return ports;
}

/** Only DoNotSchedule: the others never keep a pod from a node. matchLabelKeys become part of the selector. */
function parseSpread(spec: Fields, labels: ReadonlyMap<string, string>): readonly SpreadConstraint[] {
  const constraints: SpreadConstraint[] = [];
  for (const one of spec.objects('topologySpreadConstraints')) {
    if (one.text('whenUnsatisfiable') !== 'DoNotSchedule') continue;
    const selector = parseLabelSelector(one, 'labelSelector');
    const merged = one.texts('matchLabelKeys').flatMap((key): readonly Requirement[] => {
      const value = labels.get(key);
      return value === undefined ? [] : [{ key, operator: 'In', values: [value] }];
    });
    constraints.push({
      topologyKey: one.text('topologyKey'),
      maxSkew: one.integer('maxSkew') ?? 0,
      minDomains: one.integer('minDomains') ?? 1,
      selector: selector === undefined ? undefined : { requirements: [...selector.requirements, ...merged] },
      nodeAffinityPolicy: one.text('nodeAffinityPolicy') === 'Ignore' ? 'Ignore' : 'Honor',
      nodeTaintsPolicy: one.text('nodeTaintsPolicy') === 'Honor' ? 'Honor' : 'Ignore',
    });
  }
  return constraints;
}

function hasLocalStorage(spec: Fields, safeVolumes: string): boolean {
  const local = spec.objects('volumes').filter((volume) => volume.has('emptyDir') || volume.has('hostPath'));
  if (local.length === 0) return false;
  const safe = new Set(safeVolumes.split(',').map((name) => name.trim()));
  return !local.every((volume) => safe.has(volume.text('name')));
}

function isUnschedulable(status: Fields | undefined): boolean {
  const conditions = status?.objects('conditions') ?? [];
  return conditions.some(
    (condition) =>
      condition.text('type') === 'PodScheduled' &&
      condition.text('status') === 'False' &&
      condition.text('reason') === 'Unschedulable',
  );
}

/** The owner that made the object and replaces it; undefined: none. */
export function parseController(metadata: Fields): ControllerRef | undefined {
  const owner = metadata.objects('ownerReferences').find((reference) => reference.boolean('controller'));
  return owner && { kind: owner.text('kind'), name: owner.text('name'), uid: owner.text('uid') };
}

function parseTruth(text: string | undefined): boolean | undefined {
  return text === 'true' ? true : text === 'false' ? false : undefined;
}
