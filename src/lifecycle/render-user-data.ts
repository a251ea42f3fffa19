// How a server becomes a node: the cloud-init text that it boots with. Ours by default, or the operator's template.
// Tenants choose labels and taints, so nothing is ever pasted: values are base64 or fit a grammar that needs no quoting.
// The result holds the bootstrap token: it must not be logged.
import type { NodeClaim } from '../api/node-claim.ts';
import type { WorkloadCluster } from '../api/workload-cluster.ts';
import { kubeletFlags, nodeLabelsText, nodeTaintsText, SERVER_ID_MARK, UserDataError } from './kubelet-flags.ts';

export interface UserDataInput {
  readonly cluster: WorkloadCluster;
  readonly claim: NodeClaim;
  readonly token: { readonly id: string; readonly secret: string };
  /** URL of the API server as nodes see it. */
  readonly apiEndpoint: string;
  /** PEM. */
  readonly caCertificate: string;
}

/** Every placeholder that a template may use, as `{{name}}`. */
export const USER_DATA_PLACEHOLDERS = [
  'clusterName',
  'poolName',
  'nodeName',
  'flavor',
  'zone',
  'region',
  'apiEndpoint',
  'caCertificateBase64',
  'bootstrapToken',
  'bootstrapKubeconfigBase64',
  'kubeletFlags',
  'nodeLabels',
  'nodeTaints',
  'joinScriptBase64',
  'kubeletDefaultsBase64',
] as const;
type Placeholder = (typeof USER_DATA_PLACEHOLDERS)[number];

const TOKEN_ID = /^[a-z0-9]{6}$/;
const TOKEN_SECRET = /^[a-z0-9]{16}$/;
/** Anything that YAML, a shell or another template would read as more than a word. */
const PLAIN = /^[A-Za-z0-9._:/@+-]*$/;

/** Cloud-init user data for this claim. Throws UserDataError when a field cannot be used; the message names it. */
export function renderUserData(input: UserDataInput): string {
  if (!TOKEN_ID.test(input.token.id) || !TOKEN_SECRET.test(input.token.secret)) {
    throw new UserDataError('the bootstrap token does not have the form that Kubernetes wants');
  }
  const values = placeholderValues(input);
  const template = input.cluster.spec.bootstrap?.userDataTemplate;
  return template === undefined ? defaultUserData(values) : fillTemplate(template, values);
}

function placeholderValues(input: UserDataInput): ReadonlyMap<Placeholder, string> {
  const { claim, token } = input;
  const flags = kubeletFlags(claim);
  return new Map<Placeholder, string>([
    ['clusterName', plain('the name of the WorkloadCluster', claim.spec.clusterName)],
    ['poolName', plain('the name of the NodePool', claim.spec.poolName)],
    ['nodeName', claim.metadata.name],
    ['flavor', plain('flavor', claim.spec.flavor)],
    ['zone', plain('zone', claim.spec.zone)],
    ['region', plain('region', claim.spec.region)],
    ['apiEndpoint', httpsUrl(input.apiEndpoint)],
    ['caCertificateBase64', base64(input.caCertificate)],
    ['bootstrapToken', `${token.id}.${token.secret}`],
    ['bootstrapKubeconfigBase64', base64(bootstrapKubeconfig(input))],
    ['kubeletFlags', flags],
    ['nodeLabels', nodeLabelsText(claim)],
    ['nodeTaints', nodeTaintsText(claim)],
    ['joinScriptBase64', base64(JOIN_SCRIPT)],
    ['kubeletDefaultsBase64', base64(`KUBELET_EXTRA_ARGS="${flags}"\n`)],
  ]);
}

/** A kubeconfig is YAML, JSON is YAML, and JSON has one way to quote. */
function bootstrapKubeconfig(input: UserDataInput): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'cluster',
        cluster: {
          server: httpsUrl(input.apiEndpoint),
          ...(input.caCertificate === '' ? {} : { 'certificate-authority-data': base64(input.caCertificate) }),
        },
      },
    ],
    users: [{ name: 'kubelet-bootstrap', user: { token: `${input.token.id}.${input.token.secret}` } }],
    contexts: [{ name: 'bootstrap', context: { cluster: 'cluster', user: 'kubelet-bootstrap' } }],
    'current-context': 'bootstrap',
  });
}

/** The server id is only known on the server. It is checked before it is used: the metadata service is the network. */
const JOIN_SCRIPT = `#!/bin/sh
set -eu
id="$(cloud-init query --format '{{ v1.instance_id }}')"
echo "$id" | grep -Eqx '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' || { echo "no server id: $id" >&2; exit 1; }
sed -i "s/${SERVER_ID_MARK}/$id/" /etc/default/kubelet
systemctl daemon-reload
systemctl enable kubelet
systemctl restart kubelet
`;

function defaultUserData(values: ReadonlyMap<Placeholder, string>): string {
  const file = (path: string, permissions: string, placeholder: Placeholder) =>
    [
      `  - path: ${path}`,
      `    permissions: '${permissions}'`,
      '    encoding: b64',
      `    content: ${values.get(placeholder) ?? ''}`,
    ].join('\n');
  return [
    '#cloud-config',
    `hostname: "${values.get('nodeName') ?? ''}"`,
    'preserve_hostname: false',
    'write_files:',
    file('/etc/kubernetes/bootstrap-kubelet.conf', '0600', 'bootstrapKubeconfigBase64'),
    file('/etc/kubernetes/pki/ca.crt', '0644', 'caCertificateBase64'),
    file('/etc/default/kubelet', '0644', 'kubeletDefaultsBase64'),
    file('/usr/local/sbin/sluice-join', '0700', 'joinScriptBase64'),
    'runcmd:',
    '  - [/usr/local/sbin/sluice-join]',
    '',
  ].join('\n');
}

/** One pass, so that a value is never read as a template. A jinja template may use cloud-init's own variables. */
function fillTemplate(template: string, values: ReadonlyMap<Placeholder, string>): string {
  const jinja = /^## *template: *jinja/.test(template);
  return template.replaceAll(/\{\{\s*([^{}]*?)\s*\}\}/g, (whole, name: string) => {
    const value = [...values].find(([placeholder]) => placeholder === name)?.[1];
    if (value !== undefined) return value;
    if (jinja && /^(v1|ds)\./.test(name)) return whole;
    throw new UserDataError(
      `spec.bootstrap.userDataTemplate uses the unknown placeholder '{{${name}}}'; known are ${USER_DATA_PLACEHOLDERS.join(', ')}`,
    );
  });
}

function plain(field: string, value: string): string {
  if (!PLAIN.test(value)) throw new UserDataError(`${field} '${value}' holds characters that user data cannot carry`);
  return value;
}

function httpsUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '') {
    throw new UserDataError('spec.bootstrap.apiEndpoint must be an https URL without credentials');
  }
  return plain('spec.bootstrap.apiEndpoint', text);
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
