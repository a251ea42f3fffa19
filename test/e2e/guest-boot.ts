// What cloud-init and the kubelet of a guest make of its user data: files, the bootstrap kubeconfig, the arguments.
import { parse } from 'yaml';
import type { Loose } from './kube-client.ts';

export interface Guest {
  readonly nodeName: string;
  readonly server: string;
  readonly ca: string;
  readonly token: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly { key: string; value: string; effect: string }[];
  readonly providerId: string | undefined;
}

const KUBECONFIG_PATH = '/etc/kubernetes/bootstrap-kubelet.conf';
const ARGUMENTS_PATH = '/etc/default/kubelet';

/** Reads cloud-config as cloud-init would; an error says what a real guest would have failed at. */
export function guestOf(userData: string, server: { readonly serverId: string; readonly name: string }): Guest {
  if (!userData.includes('#cloud-config')) throw new Error('user data is not a cloud-config');
  // cloud-init renders a document that starts with `## template: jinja` from the instance's metadata.
  const config = parse(userData.replaceAll(/\{\{\s*v1\.instance_id\s*\}\}/g, server.serverId));
  const files = new Map<string, string>(config.write_files.map((file: Loose) => [file.path, contentOf(file)]));
  const kubeconfig = parse(fileAt(files, KUBECONFIG_PATH));
  const cluster = kubeconfig.clusters[0].cluster;
  const flags = flagsOf(fileAt(files, ARGUMENTS_PATH).replaceAll('$(cloud-init query instance_id)', server.serverId));
  return {
    nodeName: flags.get('hostname-override') ?? server.name,
    server: cluster.server,
    ca: Buffer.from(cluster['certificate-authority-data'], 'base64').toString(),
    token: kubeconfig.users[0].user.token,
    labels: Object.fromEntries(listOf(flags.get('node-labels')).map((pair) => splitOnce(pair, '='))),
    taints: listOf(flags.get('register-with-taints')).map((text) => {
      const [rest, effect] = splitOnce(text, ':');
      const [key, value] = splitOnce(rest, '=');
      return { key, value, effect };
    }),
    providerId: flags.get('provider-id'),
  };
}

function contentOf(file: Loose): string {
  return file.encoding === 'b64' || file.encoding === 'base64'
    ? Buffer.from(file.content, 'base64').toString()
    : file.content;
}

function fileAt(files: ReadonlyMap<string, string>, path: string): string {
  const text = files.get(path);
  if (text === undefined) throw new Error(`user data writes no ${path}`);
  return text;
}

function flagsOf(text: string): ReadonlyMap<string, string> {
  const line = /^KUBELET_EXTRA_ARGS=(['"]?)(.*)\1$/m.exec(text)?.[2];
  if (line === undefined) throw new Error(`no KUBELET_EXTRA_ARGS in ${ARGUMENTS_PATH}`);
  return new Map(
    line
      .split(/\s+/)
      .filter((flag) => flag.startsWith('--'))
      .map((flag) => splitOnce(flag.slice(2), '=')),
  );
}

function listOf(text: string | undefined): readonly string[] {
  return text === undefined || text === '' ? [] : text.split(',');
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
