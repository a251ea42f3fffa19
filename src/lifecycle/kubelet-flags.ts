// What a kubelet is told on its command line: name, provider id, labels and taints that must be there before the first
// pod looks at the node. Labels that a kubelet may not give itself are asserted after it has joined (assert-nodes.ts).
import { formatProviderId, TAINTS } from '../api/names.ts';
import type { NodeClaim } from '../api/node-claim.ts';

/** The NodeRestriction admission plugin lets kubelets set these of the reserved namespaces, and no others. */
const KUBELET_LABELS = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'node.kubernetes.io/instance-type',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
]);
const KUBELET_LABEL_DOMAINS = ['kubelet.kubernetes.io', 'node.kubernetes.io'];

const NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const DOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** May a kubelet give itself this label? */
export function kubeletMaySet(key: string): boolean {
  const slash = key.indexOf('/');
  if (slash < 0) return true;
  const domain = key.slice(0, slash);
  if (KUBELET_LABELS.has(key)) return true;
  if (isBelow(domain, 'node-restriction.kubernetes.io')) return false;
  if (KUBELET_LABEL_DOMAINS.some((allowed) => isBelow(domain, allowed))) return true;
  return !isBelow(domain, 'kubernetes.io') && !isBelow(domain, 'k8s.io');
}

/** `key=value,…` sorted by key; throws UserDataError when one does not fit Kubernetes' grammar. */
export function nodeLabelsText(claim: NodeClaim): string {
  return Object.entries(claim.spec.labels)
    .filter(([key]) => kubeletMaySet(key))
    .map(([key, value]) => {
      if (!isQualifiedName(key) || !isValue(value)) throw new UserDataError(`label '${key}' is not a valid label`);
      return `${key}=${value}`;
    })
    .sort()
    .join(',');
}

/** `key=value:effect,…` of the pool's taints and startup taints. */
export function nodeTaintsText(claim: NodeClaim): string {
  return [...claim.spec.taints, ...(claim.spec.startupTaints ?? [])]
    .filter((taint) => taint.key !== TAINTS.draining)
    .map((taint) => {
      const value = taint.value ?? '';
      if (!isQualifiedName(taint.key) || !isValue(value)) {
        throw new UserDataError(`taint '${taint.key}' is not a valid taint`);
      }
      return `${taint.key}=${value}:${taint.effect}`;
    })
    .join(',');
}

/** All flags in one line; every value is checked to need no quoting. `serverId` is what becomes the server's id on the
 *  server itself; without it the node joins without provider id. */
export function kubeletFlags(claim: NodeClaim, serverId: string | undefined): string {
  if (!DOMAIN.test(claim.metadata.name)) throw new UserDataError(`'${claim.metadata.name}' is not a valid node name`);
  const labels = nodeLabelsText(claim);
  const taints = nodeTaintsText(claim);
  return [
    '--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf',
    '--kubeconfig=/etc/kubernetes/kubelet.conf',
    `--hostname-override=${claim.metadata.name}`,
    ...(serverId === undefined ? [] : [`--provider-id=${formatProviderId(serverId)}`]),
    ...(labels === '' ? [] : [`--node-labels=${labels}`]),
    ...(taints === '' ? [] : [`--register-with-taints=${taints}`]),
  ].join(' ');
}

/** What was asked for cannot be put into user data. The message names the field and never a secret. */
export class UserDataError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UserDataError';
  }
}

function isBelow(domain: string, parent: string): boolean {
  return domain === parent || domain.endsWith(`.${parent}`);
}

function isQualifiedName(key: string): boolean {
  const slash = key.indexOf('/');
  const name = key.slice(slash + 1);
  return (slash < 0 || DOMAIN.test(key.slice(0, slash))) && NAME.test(name) && name.length <= 63;
}

function isValue(value: string): boolean {
  return value === '' || (NAME.test(value) && value.length <= 63);
}
