// What cloud-init makes of a server's user data on its first boot: files, and from them how the kubelet joins.
// Reads the cloud-config that Sluice renders by default and operators' own templates that write the same two files.
import { parse } from 'yaml';
import { fieldsOf, listOf, textOf, type Fields } from './untyped.ts';

export interface GuestBoot {
  readonly nodeName: string;
  /** Of the API server, from the bootstrap kubeconfig. */
  readonly apiUrl: string;
  readonly bootstrapToken: string;
  readonly providerId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly { readonly key: string; readonly value: string; readonly effect: string }[];
}

const KUBECONFIG_PATH = '/etc/kubernetes/bootstrap-kubelet.conf';
const FLAGS_PATH = '/etc/default/kubelet';
const FLAGS_VARIABLE = 'KUBELET_EXTRA_ARGS';

/** Throws Error that says what a real guest would have failed at. `userData` is base64, as Nova holds it. */
export function readGuestBoot(userData: string, server: { readonly id: string; readonly name: string }): GuestBoot {
  const text = Buffer.from(userData, 'base64').toString();
  // a document that starts with `## template: jinja` is rendered from the instance's metadata first
  const rendered = text
    .replaceAll(/\{\{\s*v1\.instance_id\s*\}\}/g, server.id)
    .replaceAll(/\{\{\s*v1\.local_hostname\s*\}\}/g, server.name);
  if (!/^#cloud-config\s*$/m.test(rendered)) throw new Error('the user data is no cloud-config');
  const files = new Map(
    listOf(fieldsOf(parse(rendered))['write_files'])
      .map(fieldsOf)
      .map((file) => [textOf(file['path']), contentOf(file)]),
  );
  const kubeconfig = fieldsOf(parse(fileAt(files, KUBECONFIG_PATH)));
  const cluster = fieldsOf(fieldsOf(listOf(kubeconfig['clusters'])[0])['cluster']);
  const user = fieldsOf(fieldsOf(listOf(kubeconfig['users'])[0])['user']);
  const flags = flagsOf(fileAt(files, FLAGS_PATH));
  return {
    nodeName: flags.get('hostname-override') ?? server.name,
    apiUrl: textOf(cluster['server']),
    bootstrapToken: textOf(user['token']),
    providerId: flags.get('provider-id') ?? '',
    labels: Object.fromEntries(
      itemsOf(flags.get('node-labels')).map((pair) => {
        const [key, value] = splitOnce(pair, '=');
        return [key, value] as const;
      }),
    ),
    taints: itemsOf(flags.get('register-with-taints')).map((item) => {
      const [rest, effect] = splitOnce(item, ':');
      const [key, value] = splitOnce(rest, '=');
      return { key, value, effect };
    }),
  };
}

function contentOf(file: Fields): string {
  const content = textOf(file['content']);
  const encoded = ['b64', 'base64'].includes(textOf(file['encoding']));
  return encoded ? Buffer.from(content, 'base64').toString() : content;
}

function fileAt(files: ReadonlyMap<string, string>, path: string): string {
  const content = files.get(path);
  if (content === undefined) throw new Error(`the user data writes no ${path}`);
  return content;
}

function flagsOf(text: string): ReadonlyMap<string, string> {
  const line = new RegExp(`^${FLAGS_VARIABLE}=(['"]?)(.*)\\1$`, 'm').exec(text)?.[2];
  if (line === undefined) throw new Error(`${FLAGS_PATH} sets no ${FLAGS_VARIABLE}`);
  return new Map(
    line
      .split(/\s+/)
      .filter((flag) => flag.startsWith('--'))
      .map((flag) => splitOnce(flag.slice(2), '=')),
  );
}

function itemsOf(text: string | undefined): readonly string[] {
  return text === undefined || text === '' ? [] : text.split(',');
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)];
}
