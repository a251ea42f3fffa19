// Which features of its node a pod cannot do without. Source: component-helpers/nodedeclaredfeatures, v0.37; only the
// three that matter when a pod is placed.
import type { Fields } from './fields.ts';

/** Names as nodes declare them in status.declaredFeatures, sorted. */
export function parseRequiredFeatures(spec: Fields): readonly string[] {
  const features: string[] = [];
  const lists = [spec.objects('initContainers'), spec.objects('containers')];
  if (lists.some((list) => list.some(restartsAll))) features.push('RestartAllContainersOnContainerExits');
  if (spec.boolean('hostNetwork') && spec.has('hostUsers') && !spec.boolean('hostUsers')) {
    features.push('UserNamespacesHostNetworkSupport');
  }
  if ([...lists, spec.objects('ephemeralContainers')].some((list) => list.some(bindsWithOptions))) {
    features.push('VolumeBindMountOptions');
  }
  return features;
}

function restartsAll(container: Fields): boolean {
  return container.objects('restartPolicyRules').some((rule) => rule.text('action') === 'RestartAllContainers');
}

function bindsWithOptions(container: Fields): boolean {
  return container.objects('volumeMounts').some((mount) => mount.count('bindMountOptions') > 0);
}
