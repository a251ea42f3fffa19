// Where an API server is and how we prove who we are: from an untrusted kubeconfig (workload clusters), from a trusted
// one, or from the pod we run in (management cluster). A workload kubeconfig may hold inline data only: everything that
// would start a program, open a file of ours, go through another host or skip a check is refused by name.
// No message ever holds a value of the kubeconfig, as values are secrets. Longer than 250 lines for the lists of what
// is refused and why.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { parse } from 'yaml';
import { PortError } from '../controllers/port-errors.ts';

export interface KubernetesEndpoint {
  /** `https://host:port[/prefix]` without a trailing slash; plain http on loopback only. */
  readonly server: string;
  readonly caPem?: string;
  readonly tlsServerName?: string;
  readonly token?: string;
  /** Read again every minute, because the kubelet rotates it. Management cluster only. */
  readonly tokenFile?: string;
  readonly clientCertPem?: string;
  readonly clientKeyPem?: string;
}

/** 1 MiB is the most that a Secret holds; a kubeconfig of one cluster is about 6 KiB, of many contexts below 100. */
const KUBECONFIG_BYTES_MAX = 256 * 1024;
/** Aliases make a small YAML text huge; kubectl writes none. */
const YAML_ALIASES_MAX = 16;
const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount';

const REFUSED_CLUSTER_FIELDS: ReadonlyMap<string, string> = new Map([
  ['certificate-authority', 'it names a file; put the PEM into certificate-authority-data'],
  ['insecure-skip-tls-verify', 'the server must be verified; put its CA into certificate-authority-data'],
  ['proxy-url', 'connections go straight to the server'],
]);
const REFUSED_USER_FIELDS: ReadonlyMap<string, string> = new Map([
  ['exec', 'it starts a program; use a token or a client certificate'],
  ['auth-provider', 'it is a plugin; use a token or a client certificate'],
  ['client-certificate', 'it names a file; put the PEM into client-certificate-data'],
  ['client-key', 'it names a file; put the PEM into client-key-data'],
  ['tokenFile', 'it names a file; put the token into token'],
  ['username', 'no Kubernetes since 1.19 takes passwords; use a token or a client certificate'],
  ['password', 'no Kubernetes since 1.19 takes passwords; use a token or a client certificate'],
  ['as', 'impersonation is not allowed; use credentials of the user itself'],
  ['as-uid', 'impersonation is not allowed; use credentials of the user itself'],
  ['as-groups', 'impersonation is not allowed; use credentials of the user itself'],
  ['as-user-extra', 'impersonation is not allowed; use credentials of the user itself'],
]);
/** Programs and plugins are not run for the management cluster either: no shell, no login. */
const REFUSED_TRUSTED_USER_FIELDS: ReadonlyMap<string, string> = new Map(
  [...REFUSED_USER_FIELDS].filter(([field]) => !['client-certificate', 'client-key', 'tokenFile'].includes(field)),
);
const REFUSED_TRUSTED_CLUSTER_FIELDS: ReadonlyMap<string, string> = new Map(
  [...REFUSED_CLUSTER_FIELDS].filter(([field]) => field !== 'certificate-authority'),
);

/** The endpoint of the current context of a kubeconfig that somebody else wrote. Throws PortError invalidSpec that
 *  names the field. Entries of other contexts are not looked at, because nothing is ever done with them. */
export function parseWorkloadKubeconfig(text: string): KubernetesEndpoint {
  const { cluster, user } = currentContext(text);
  refuse(cluster, REFUSED_CLUSTER_FIELDS);
  refuse(user, REFUSED_USER_FIELDS);
  const server = parseServer(cluster);
  if (isLinkLocal(new URL(server).hostname)) {
    throw refusal(`${cluster.path}.server`, 'must not be a link-local address');
  }
  return endpointOf({ server, cluster, user, readPem: undefined });
}

/** The endpoint of the current context of an operator's own kubeconfig file; files it names are read, relative to it.
 *  Throws PortError invalidSpec. */
export function loadTrustedKubeconfig(path: string): KubernetesEndpoint {
  return parseTrustedKubeconfig(readText(path), dirname(path));
}

/** The same from text; relative file names are taken from `directory`, by default where the process runs. */
export function parseTrustedKubeconfig(text: string, directory = '.'): KubernetesEndpoint {
  const { cluster, user } = currentContext(text);
  refuse(cluster, REFUSED_TRUSTED_CLUSTER_FIELDS);
  refuse(user, REFUSED_TRUSTED_USER_FIELDS);
  const readPem = (file: string) => readText(resolve(directory, file));
  const endpoint = endpointOf({ server: parseServer(cluster), cluster, user, readPem });
  const tokenFile = textField(user, 'tokenFile');
  return tokenFile === undefined || endpoint.token !== undefined
    ? endpoint
    : { ...endpoint, tokenFile: resolve(directory, tokenFile) };
}

/** The API server of the cluster whose pod we are. Throws PortError invalidSpec when this is not a pod. `source` is for
 *  tests: the environment and the folder of the service account. */
export function inClusterEndpoint(
  source: { readonly env: NodeJS.ProcessEnv; readonly directory: string } = {
    env: process.env,
    directory: SERVICE_ACCOUNT_DIR,
  },
): KubernetesEndpoint {
  const host = source.env['KUBERNETES_SERVICE_HOST'];
  const port = source.env['KUBERNETES_SERVICE_PORT'];
  if (host === undefined || port === undefined) {
    throw new PortError(
      'invalidSpec',
      'Cannot find the management cluster as KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be set: this is not a pod',
    );
  }
  const tokenFile = `${source.directory}/token`;
  readText(tokenFile);
  return {
    server: `https://${isIP(host) === 6 ? `[${host}]` : host}:${port}`,
    caPem: readText(`${source.directory}/ca.crt`),
    tokenFile,
  };
}

interface Section {
  readonly path: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

function currentContext(text: string): { cluster: Section; user: Section } {
  if (Buffer.byteLength(text) > KUBECONFIG_BYTES_MAX) {
    throw refusal('kubeconfig', `must be at most ${KUBECONFIG_BYTES_MAX} bytes`);
  }
  let raw: unknown;
  try {
    raw = parse(text, { prettyErrors: false, logLevel: 'silent', maxAliasCount: YAML_ALIASES_MAX });
  } catch {
    // The parser's own message quotes the text, and the text is a secret.
    throw refusal('kubeconfig', 'must be YAML');
  }
  if (!isRecord(raw)) throw refusal('kubeconfig', 'must be a mapping');
  const contextName = raw['current-context'];
  if (typeof contextName !== 'string' || contextName === '') throw refusal('current-context', 'must be set');
  const context = entry(raw, { list: 'contexts', name: contextName, field: 'context' });
  return {
    cluster: entry(raw, { list: 'clusters', name: requiredText(context, 'cluster'), field: 'cluster' }),
    user: entry(raw, { list: 'users', name: requiredText(context, 'user'), field: 'user' }),
  };
}

function entry(
  raw: Readonly<Record<string, unknown>>,
  want: { readonly list: string; readonly name: string; readonly field: string },
): Section {
  const items = raw[want.list];
  if (!Array.isArray(items)) throw refusal(want.list, 'must be a list');
  const index = items.findIndex((item: unknown) => isRecord(item) && item['name'] === want.name);
  const item: unknown = items[index];
  const fields = isRecord(item) ? item[want.field] : undefined;
  if (!isRecord(fields)) throw refusal(want.list, `must hold the ${want.field} that the current context names`);
  return { path: `${want.list}[${index}].${want.field}`, fields };
}

function refuse(section: Section, refused: ReadonlyMap<string, string>): void {
  for (const [field, why] of refused) {
    const value = section.fields[field];
    // kubectl writes `insecure-skip-tls-verify: false` and empty texts: they ask for nothing.
    if (value === undefined || value === null || value === false || value === '') continue;
    throw refusal(`${section.path}.${field}`, `must not be set: ${why}`);
  }
}

function parseServer(cluster: Section): string {
  const path = `${cluster.path}.server`;
  let url: URL;
  try {
    url = new URL(requiredText(cluster, 'server'));
  } catch (error) {
    if (error instanceof PortError) throw error;
    throw refusal(path, 'must be a URL');
  }
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname))) {
    throw refusal(path, 'must begin with https://');
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw refusal(path, 'must be scheme, host, port and path only');
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

function endpointOf(parts: {
  readonly server: string;
  readonly cluster: Section;
  readonly user: Section;
  /** undefined: files are not allowed. */
  readonly readPem: ((file: string) => string) | undefined;
}): KubernetesEndpoint {
  const { cluster, user, readPem } = parts;
  const caPem = pemField(cluster, 'certificate-authority', readPem);
  const clientCertPem = pemField(user, 'client-certificate', readPem);
  const clientKeyPem = pemField(user, 'client-key', readPem);
  const token = textField(user, 'token');
  const tlsServerName = textField(cluster, 'tls-server-name');
  if ((clientCertPem === undefined) !== (clientKeyPem === undefined)) {
    throw refusal(user.path, 'must have client-certificate-data and client-key-data, or neither');
  }
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw refusal(`${user.path}.token`, 'must be printable ASCII without spaces');
  }
  const pems = {
    ...(caPem === undefined ? {} : { ca: caPem }),
    ...(clientCertPem === undefined ? {} : { cert: clientCertPem }),
    ...(clientKeyPem === undefined ? {} : { key: clientKeyPem }),
  };
  try {
    // A secure context takes any text as a CA, and fails only when it connects.
    if (caPem !== undefined) void new X509Certificate(caPem).serialNumber;
    createSecureContext(pems);
  } catch {
    throw refusal('kubeconfig', 'must hold a readable CA, and a client key that belongs to its certificate');
  }
  return {
    server: parts.server,
    ...(caPem === undefined ? {} : { caPem }),
    ...(tlsServerName === undefined ? {} : { tlsServerName }),
    ...(token === undefined ? {} : { token }),
    ...(clientCertPem === undefined ? {} : { clientCertPem }),
    ...(clientKeyPem === undefined ? {} : { clientKeyPem }),
  };
}

function pemField(
  section: Section,
  field: string,
  readPem: ((file: string) => string) | undefined,
): string | undefined {
  const inline = textField(section, `${field}-data`);
  if (inline === undefined) {
    const file = readPem === undefined ? undefined : textField(section, field);
    return file === undefined ? undefined : readPem?.(file);
  }
  const pem = Buffer.from(inline, 'base64').toString('utf8');
  if (!pem.includes('-----BEGIN ')) throw refusal(`${section.path}.${field}-data`, 'must be PEM in base64');
  return pem;
}

function textField(section: Section, field: string): string | undefined {
  const value = section.fields[field];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw refusal(`${section.path}.${field}`, 'must be a text');
  return value;
}

function requiredText(section: Section, field: string): string {
  const value = textField(section, field);
  if (value === undefined) throw refusal(`${section.path}.${field}`, 'must be set');
  return value;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new PortError('invalidSpec', `Cannot read '${path}'`, { cause: error });
  }
}

function refusal(field: string, must: string): PortError {
  return new PortError('invalidSpec', `Cannot use the kubeconfig as ${field} ${must}`);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** Cloud metadata services live there; an API server never does. */
function isLinkLocal(hostname: string): boolean {
  return hostname.startsWith('169.254.') || /^\[fe[89ab][0-9a-f]:/i.test(hostname) || /^\[::ffff:a9fe:/i.test(hostname);
}
