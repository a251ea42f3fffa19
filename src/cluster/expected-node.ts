// What a node will look like before it has said so itself: labels that its kubelet brings, taints that go away.
import { LABELS, TAINTS } from '../api/names.ts';
import type { Taint } from './cluster-objects.ts';

/** Put on a node by its kubelet, the cloud's CSI driver for Cinder included: that one takes the Nova zone. */
const CINDER_ZONE_LABEL = 'topology.cinder.csi.openstack.org/zone';
/** The only architecture that is planned for: Nova flavors do not say theirs. */
const ARCHITECTURE = 'amd64';

/** Taints of Kubernetes itself that a healthy node loses while it comes up. */
const ARRIVAL_TAINTS: ReadonlySet<string> = new Set([
  'node.kubernetes.io/not-ready',
  'node.kubernetes.io/unreachable',
  'node.kubernetes.io/network-unavailable',
  'node.cloudprovider.kubernetes.io/uninitialized',
]);

/** Labels that a node of this name and zone brings by itself, overlaid by `labels`. An empty zone: not known yet. */
export function expectedLabels(node: {
  readonly name: string;
  readonly zone: string;
  readonly labels: ReadonlyMap<string, string>;
}): ReadonlyMap<string, string> {
  const expected = new Map([
    [LABELS.hostname, node.name],
    [LABELS.os, 'linux'],
    [LABELS.arch, ARCHITECTURE],
    ['beta.kubernetes.io/os', 'linux'],
    ['beta.kubernetes.io/arch', ARCHITECTURE],
  ]);
  if (node.zone !== '') {
    expected.set(LABELS.zone, node.zone);
    expected.set(CINDER_ZONE_LABEL, node.zone);
  }
  for (const [key, value] of node.labels) expected.set(key, value);
  return expected;
}

/** The taints that will still be there when the node is ready: less startup taints, less those of arrival and placing. */
export function lastingTaints(taints: readonly Taint[], startupTaints: readonly Taint[]): readonly Taint[] {
  return taints.filter(
    (taint) =>
      !ARRIVAL_TAINTS.has(taint.key) &&
      taint.key !== TAINTS.placing &&
      !startupTaints.some((startup) => startup.key === taint.key && startup.effect === taint.effect),
  );
}
