// DynamicResources: claims of devices are not simulated. A pod that needs one is refused and says so; it is never guessed
// that a node would do.
import type { PodShape, Resources } from '../cluster/cluster-objects.ts';
import type { DeviceClassObject } from '../cluster/device-objects.ts';
import { DEVICE_CLASS_PREFIX } from '../cluster/parse-pod-devices.ts';
import { type Refusal, refuse } from './refusal.ts';

const PLUGIN = 'DynamicResources';

/** Before any filter, for the whole pod. */
export function resourceClaims(shape: PodShape): Refusal | undefined {
  if (shape.resourceClaims === undefined) return undefined;
  return refuse(PLUGIN, 'resource claims are not supported yet');
}

/** The extended resources that device classes serve; undefined: none. */
export function servedResources(classes: readonly DeviceClassObject[] | undefined): ReadonlySet<string> | undefined {
  if (classes === undefined || classes.length === 0) return undefined;
  return new Set(
    classes.flatMap(({ name, extendedResourceName: named }) => {
      const implicit = `${DEVICE_CLASS_PREFIX}${name}`;
      return named === undefined ? [implicit] : [named, implicit];
    }),
  );
}

/** Per node: an extended resource that the node does not offer and a device class serves. */
export function deviceResources(
  shape: PodShape,
  node: { readonly allocatable: Resources; readonly served: ReadonlySet<string> | undefined },
): Refusal | undefined {
  const { allocatable, served } = node;
  if (served === undefined) return undefined;
  for (const [name, amount] of shape.requests.extended) {
    if (amount > 0 && isServed(name, { allocatable, served })) {
      return refuse(PLUGIN, `extended resources of device classes are not supported yet: ${name}`);
    }
  }
  return undefined;
}

/** Devices, not the node's own capacity, answer for the resource here. */
export function isServed(
  name: string,
  node: { readonly allocatable: Resources; readonly served: ReadonlySet<string> },
): boolean {
  return node.served.has(name) && (node.allocatable.extended.get(name) ?? 0) === 0;
}
