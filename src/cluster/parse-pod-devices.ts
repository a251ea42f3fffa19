// What a pod asks of dynamic resource allocation: claims by name or from templates, and extended resources per container,
// as a device class may serve them. Source: dynamic-resource-allocation/resourceclaim, v0.37.
import type { ContainerDevices, PodClaim } from './device-objects.ts';
import type { Fields } from './fields.ts';
import { isLabelKey } from './label-names.ts';
import { isSidecar } from './pod-requests.ts';
import { toUnits } from './quantity.ts';

/** Names in the domain of Kubernetes itself; no device class serves them, but for its own prefix. */
const NATIVE_DOMAIN = 'kubernetes.io/';
export const DEVICE_CLASS_PREFIX = 'deviceclass.resource.kubernetes.io/';
const NANOS_PER_UNIT = 1_000_000_000n;
const INT64_MAX = 2n ** 63n - 1n;

interface PodFields {
  readonly spec: Fields;
  readonly metadata: Fields | undefined;
  readonly status: Fields | undefined;
  readonly podName: string;
}

/** spec.resourceClaims, in their order. */
export function parsePodClaims(pod: PodFields): readonly PodClaim[] {
  const entries = pod.spec.objects('resourceClaims');
  if (entries.length === 0) return [];
  const { podName } = pod;
  const statuses = pod.status?.objects('resourceClaimStatuses') ?? [];
  return entries.map((entry): PodClaim => {
    const claim = entry.optionalText('resourceClaimName');
    if (claim !== undefined) return { kind: 'named', claim };
    const name = entry.text('name');
    if (!entry.has('resourceClaimTemplateName')) return { kind: 'unknown', name, podName };
    const status = statuses.find((one) => one.text('name') === name);
    if (status === undefined) return { kind: 'notGenerated', podName };
    const generated = status.optionalText('resourceClaimName');
    if (generated === undefined) return { kind: 'skipped' };
    return { kind: 'generated', claim: generated, podUid: pod.metadata?.text('uid') ?? '', podName };
  });
}

/** Containers that ask for whole numbers of what a device class may serve. `extended`: what the pod as a whole asks for. */
export function parseContainerDevices(
  spec: Fields,
  extended: ReadonlyMap<string, number>,
): readonly ContainerDevices[] {
  if (extended.size === 0) return [];
  const init = spec.objects('initContainers');
  const found: ContainerDevices[] = [];
  [...init, ...spec.objects('containers')].forEach((container, index) => {
    const requests = container.object('resources')?.object('requests');
    if (requests === undefined) return;
    const amounts = parseAmounts(container);
    if (amounts.size > 0) found.push({ index, lasting: index >= init.length || isSidecar(container), amounts });
  });
  return found;
}

function parseAmounts(container: Fields): ContainerDevices['amounts'] {
  const amounts = new Map<string, { readonly count: number; readonly position: number }>();
  let position = 0;
  // By name, as positions are.
  for (const [name, amount] of container.object('resources')?.quantities('requests') ?? []) {
    const small = amount.exponent !== undefined && amount.exponent >= 0;
    const whole = small && amount.nanos / NANOS_PER_UNIT <= INT64_MAX;
    if (amount.nanos !== 0n && whole && isServable(name)) {
      amounts.set(name, { count: Number(toUnits(amount)), position });
    }
    position += 1;
  }
  return amounts;
}

/** Extended resources, and what names a device class. */
export function isServable(name: string): boolean {
  if (name.startsWith(DEVICE_CLASS_PREFIX)) return true;
  if (!name.includes('/') || name.includes(NATIVE_DOMAIN) || name.startsWith('requests.')) return false;
  return isLabelKey(`requests.${name}`);
}
