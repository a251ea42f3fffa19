// Extended resources that device classes serve: which class is asked, and what a pod asks of it where its node offers none.
// Source: dynamicresources/extendeddynamicresources.go and deviceclass/extendedresourcecache, v0.37.1.
import type { PodShape, Resources } from '../../cluster/cluster-objects.ts';
import type {
  ContainerDevices,
  DeviceClassObject,
  DeviceRequest,
  ResourceClaimObject,
} from '../../cluster/device-objects.ts';
import { DEVICE_CLASS_PREFIX } from '../../cluster/parse-pod-devices.ts';

/** What the scheduler calls the claim that it makes for them. */
const CLAIM_NAME = '<extended-resources>';

/** Extended resource → the class that serves it. Of two with the same name the newer one, else the lower name; the other
 *  then serves nothing at all, not even by its own name, when it comes second. */
export function classesByResource(classes: readonly DeviceClassObject[]): ReadonlyMap<string, DeviceClassObject> {
  const served = new Map<string, DeviceClassObject>();
  for (const one of classes) {
    const { extendedResourceName: named } = one;
    const other = named === undefined ? undefined : served.get(named);
    if (other !== undefined) {
      const older = one.createdMs < other.createdMs;
      if (older || (one.createdMs === other.createdMs && one.name >= other.name)) continue;
    }
    if (named !== undefined) served.set(named, one);
    served.set(`${DEVICE_CLASS_PREFIX}${one.name}`, one);
  }
  return served;
}

/** The claim for what devices have to serve on a node of this allocatable; undefined: nothing. */
export function extendedClaim(
  shape: PodShape,
  of: { readonly served: ReadonlyMap<string, DeviceClassObject>; readonly allocatable: Resources },
): ResourceClaimObject | undefined {
  const requests: DeviceRequest[] = [];
  for (const [name, amount] of [...shape.requests.extended].sort(([left], [right]) => (left < right ? -1 : 1))) {
    const deviceClass = of.served.get(name);
    if (deviceClass === undefined || amount === 0 || (of.allocatable.extended.get(name) ?? 0) !== 0) continue;
    requests.push(...requestsOf(shape.containerDevices ?? [], { name, className: deviceClass.name }));
  }
  if (requests.length === 0) return undefined;
  requests.sort((left, right) => (left.name < right.name ? -1 : 1));
  return {
    uid: '',
    namespace: shape.namespace,
    name: CLAIM_NAME,
    deleting: false,
    controllerUid: '',
    extendedFor: undefined,
    requests,
    constraints: [],
    allocation: undefined,
    deviceStatuses: [],
  };
}

/** One request per container that lasts, and one for what init containers need beyond what later ones hold anyway. */
function requestsOf(
  containers: readonly ContainerDevices[],
  { name, className }: { readonly name: string; readonly className: string },
): readonly DeviceRequest[] {
  const lasting: { readonly index: number; readonly count: number; readonly request: DeviceRequest }[] = [];
  for (const { index, lasting: lasts, amounts } of containers) {
    const asked = amounts.get(name);
    if (!lasts || asked === undefined) continue;
    lasting.push({ index, count: asked.count, request: exactly({ index, ...asked, className }) });
  }
  let most: { readonly count: number; readonly request: DeviceRequest } | undefined;
  for (const { index, lasting: lasts, amounts } of containers) {
    const asked = amounts.get(name);
    if (lasts || asked === undefined) continue;
    const reusable = lasting.reduce((sum, one) => (one.index >= index ? sum + one.count : sum), 0);
    const count = asked.count - reusable;
    if (count <= 0 || (most !== undefined && most.count >= count)) continue;
    most = { count, request: exactly({ index, position: asked.position, count, className }) };
  }
  return [...(most === undefined ? [] : [most.request]), ...lasting.map((one) => one.request)];
}

function exactly(of: {
  readonly index: number;
  readonly position: number;
  readonly count: number;
  readonly className: string;
}): DeviceRequest {
  const name = `container-${of.index}-request-${of.position}`;
  return {
    name,
    exactly: {
      name,
      className: of.className,
      selectors: [],
      mode: 'ExactCount',
      count: of.count,
      adminAccess: false,
      tolerations: [],
      capacity: new Map(),
      derivedAttributes: false,
    },
    firstAvailable: [],
  };
}
