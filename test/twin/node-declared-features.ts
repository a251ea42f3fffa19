// NodeDeclaredFeatures: what the pod cannot do without must be in the node's status.declaredFeatures. The scheduler walks that
// list beside its own sorted one, so that it sees a feature only if every entry before it is less (judged: s2027-489).
import { no, type TwinRefusal } from './refusal.ts';
import type { V1Node, V1Pod } from './v1.ts';

export function nodeDeclaredFeatures(pod: V1Pod, node: V1Node): TwinRefusal | undefined {
  const declared = node.status?.declaredFeatures ?? [];
  const isSeen = (feature: string): boolean => {
    const at = declared.indexOf(feature);
    return at !== -1 && declared.slice(0, at).every((before) => before < feature);
  };
  if (neededFeatures(pod).every(isSeen)) return undefined;
  return no('NodeDeclaredFeatures', "node(s) didn't match Pod's required features");
}

export function neededFeatures(pod: V1Pod): readonly string[] {
  const { spec } = pod;
  const lasting = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  const restartsAll = lasting.some((one) =>
    (one.restartPolicyRules ?? []).some((rule) => rule.action === 'RestartAllContainers'),
  );
  const bindsWithOptions = [...lasting, ...(spec.ephemeralContainers ?? [])].some((one) =>
    (one.volumeMounts ?? []).some((mount) => (mount.bindMountOptions ?? []).length > 0),
  );
  return [
    ...(restartsAll ? ['RestartAllContainersOnContainerExits'] : []),
    ...(spec.hostNetwork === true && spec.hostUsers === false ? ['UserNamespacesHostNetworkSupport'] : []),
    ...(bindsWithOptions ? ['VolumeBindMountOptions'] : []),
  ];
}
