// How a server becomes a node: the cloud-init text that it boots with. Ours by default, or the operator's template.
// Tenants choose labels and taints, so nothing is ever pasted: values are base64 or fit a grammar that needs no quoting.
// The result holds the bootstrap token: it must not be logged.
import type { NodeClaim } from '../api/node-claim.ts';
import type { WorkloadCluster } from '../api/workload-cluster.ts';
import { kubeletFlags, nodeLabelsText, nodeTaintsText, UserDataError } from './kubelet-flags.ts';

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
  'kubeletDefaultsBase64',
] as const;
type Placeholder = (typeof USER_DATA_PLACEHOLDERS)[number];
/** Made only when used: a flavor's odd name matters only to a template that mentions it. */
type Values = ReadonlyMap<Placeholder, () => string>;

const TOKEN_ID = /^[a-z0-9]{6}$/;
const TOKEN_SECRET = /^[a-z0-9]{16}$/;
/** Makes cloud-init fill in what only the server knows, before it reads the rest. */
const JINJA_HEADER = '## template: jinja';
/** OpenStack's metadata service gives the server's uuid as instance id. */
const SERVER_ID = '{{ v1.instance_id }}';
/** All that YAML, a shell and another template read as nothing but a word. */
const PLAIN = /^[A-Za-z0-9._:/@+-]*$/;

/** Cloud-init user data for this claim. Throws UserDataError when a field cannot be used; the message names it. */
export function renderUserData(input: UserDataInput): string {
  if (!TOKEN_ID.test(input.token.id) || !TOKEN_SECRET.test(input.token.secret)) {
    throw new UserDataError('the bootstrap token does not have the form that Kubernetes wants');
  }
  const template = input.cluster.spec.bootstrap?.userDataTemplate;
  const values = placeholderValues(input, template ?? JINJA_HEADER);
  return template === undefined ? defaultUserData(values) : fillTemplate(template, values);
}

function placeholderValues(input: UserDataInput, template: string): Values {
  const { claim, token } = input;
  return new Map<Placeholder, () => string>([
    ['clusterName', () => plain('the name of the WorkloadCluster', claim.spec.clusterName)],
    ['poolName', () => plain('the name of the NodePool', claim.spec.poolName)],
    ['nodeName', () => plain('the name of the node', claim.metadata.name)],
    ['flavor', () => plain('flavor', claim.spec.flavor)],
    ['zone', () => plain('zone', claim.spec.zone)],
    ['region', () => plain('region', claim.spec.region)],
    ['apiEndpoint', () => apiUrl(input.apiEndpoint)],
    ['caCertificateBase64', () => base64(input.caCertificate)],
    ['bootstrapToken', () => `${token.id}.${token.secret}`],
    ['bootstrapKubeconfigBase64', () => base64(bootstrapKubeconfig(input))],
    ['kubeletFlags', () => kubeletFlags(claim, isJinja(template) ? SERVER_ID : undefined)],
    ['nodeLabels', () => nodeLabelsText(claim)],
    ['nodeTaints', () => nodeTaintsText(claim)],
    ['kubeletDefaultsBase64', () => base64(`KUBELET_EXTRA_ARGS="${kubeletFlags(claim, undefined)}"\n`)],
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
          server: apiUrl(input.apiEndpoint),
          ...(input.caCertificate === '' ? {} : { 'certificate-authority-data': base64(input.caCertificate) }),
        },
      },
    ],
    users: [{ name: 'kubelet-bootstrap', user: { token: `${input.token.id}.${input.token.secret}` } }],
    contexts: [{ name: 'bootstrap', context: { cluster: 'cluster', user: 'kubelet-bootstrap' } }],
    'current-context': 'bootstrap',
  });
}

function defaultUserData(values: Values): string {
  const file = (path: string, permissions: string, placeholder: Placeholder) =>
    [
      `  - path: ${path}`,
      `    permissions: '${permissions}'`,
      '    encoding: b64',
      `    content: ${valueOf(values, placeholder)}`,
    ].join('\n');
  return [
    JINJA_HEADER,
    '#cloud-config',
    `hostname: "${valueOf(values, 'nodeName')}"`,
    'preserve_hostname: false',
    'write_files:',
    file('/etc/kubernetes/bootstrap-kubelet.conf', '0600', 'bootstrapKubeconfigBase64'),
    file('/etc/kubernetes/pki/ca.crt', '0644', 'caCertificateBase64'),
    // In clear, for the one variable in it; every flag fits a grammar without quotes, braces or line ends.
    '  - path: /etc/default/kubelet',
    "    permissions: '0644'",
    `    content: ${JSON.stringify(`KUBELET_EXTRA_ARGS='${valueOf(values, 'kubeletFlags')}'\n`)}`,
    'runcmd:',
    '  - [systemctl, daemon-reload]',
    '  - [systemctl, enable, kubelet]',
    '  - [systemctl, restart, kubelet]',
    '',
  ].join('\n');
}

/** One pass, so that a value is never read as a template. A jinja template may use cloud-init's own variables. */
function fillTemplate(template: string, values: Values): string {
  const jinja = isJinja(template);
  return template.replaceAll(/\{\{\s*([^{}]*?)\s*\}\}/g, (whole, name: string) => {
    const known = USER_DATA_PLACEHOLDERS.find((placeholder) => placeholder === name);
    if (known !== undefined) return valueOf(values, known);
    if (jinja && /^(v1|ds)\./.test(name)) return whole;
    throw new UserDataError(
      `spec.bootstrap.userDataTemplate uses the unknown placeholder '{{${name}}}'; known are ${USER_DATA_PLACEHOLDERS.join(', ')}`,
    );
  });
}

function isJinja(template: string): boolean {
  return /^## *template: *jinja/.test(template);
}

function valueOf(values: Values, placeholder: Placeholder): string {
  const value = values.get(placeholder);
  if (value === undefined) throw new Error(`placeholder '${placeholder}' has no value`);
  return value();
}

function plain(field: string, value: string): string {
  if (!PLAIN.test(value)) throw new UserDataError(`${field} '${value}' holds characters that user data cannot carry`);
  return value;
}

/** Plain http only on loopback, where a token does not leave the machine: the playground's nodes live there. */
const LOOPBACK = /^(localhost|\[::1\]|127\.\d+\.\d+\.\d+)$/;

function apiUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.test(url.hostname));
  if (!safe || url.username !== '' || url.password !== '') {
    throw new UserDataError('spec.bootstrap.apiEndpoint must be an https URL without credentials');
  }
  return plain('spec.bootstrap.apiEndpoint', text);
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
