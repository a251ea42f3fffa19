import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import type { NodeClaim } from '../../../src/api/node-claim.ts';
import { kubeletMaySet, UserDataError } from '../../../src/lifecycle/kubelet-flags.ts';
import { renderUserData, USER_DATA_PLACEHOLDERS } from '../../../src/lifecycle/render-user-data.ts';
import { makeClaim, makeCluster } from '../../fakes/fake-objects.ts';

const TOKEN = { id: 'abcdef', secret: '0123456789abcdef' };

function render(options: { claim?: NodeClaim; template?: string; apiEndpoint?: string } = {}): string {
  const { template } = options;
  return renderUserData({
    cluster: makeCluster(template === undefined ? {} : { bootstrap: { userDataTemplate: template } }),
    claim: options.claim ?? makeClaim(),
    token: TOKEN,
    apiEndpoint: options.apiEndpoint ?? 'https://api.tenant.example:6443',
    caCertificate: '-----BEGIN CERTIFICATE-----\nQQ==\n-----END CERTIFICATE-----\n',
  });
}

/** As cloud-init does it: jinja first, then YAML, then the encodings. */
function boot(userData: string): { readonly files: ReadonlyMap<string, string>; readonly config: object } {
  expect(userData.startsWith('## template: jinja\n#cloud-config\n')).toBe(true);
  const config: unknown = parse(userData.replaceAll(/\{\{\s*v1\.instance_id\s*\}\}/g, 'server-id-1'));
  if (typeof config !== 'object' || config === null || !('write_files' in config)) throw new Error('no write_files');
  const files = new Map<string, string>();
  const list: unknown = config.write_files;
  if (!Array.isArray(list)) throw new Error('write_files is not a list');
  for (const file of list) {
    const content = String(file.content);
    files.set(file.path, file.encoding === 'b64' ? Buffer.from(content, 'base64').toString() : content);
  }
  return { files, config };
}

describe('the default user data', () => {
  it('gives the kubelet a bootstrap kubeconfig with the token and the endpoint that nodes see', () => {
    const kubeconfig = parse(boot(render()).files.get('/etc/kubernetes/bootstrap-kubelet.conf') ?? '');
    expect(kubeconfig.clusters[0].cluster.server).toBe('https://api.tenant.example:6443');
    expect(Buffer.from(kubeconfig.clusters[0].cluster['certificate-authority-data'], 'base64').toString()).toContain(
      'BEGIN CERTIFICATE',
    );
    expect(kubeconfig.users[0].user.token).toBe('abcdef.0123456789abcdef');
    expect(kubeconfig['current-context']).toBe('bootstrap');
  });

  it('names the node, its server, its labels and its taints in the kubelet flags', () => {
    const claim = makeClaim('web-node-abcdef', {
      spec: {
        labels: { team: 'blue', 'topology.kubernetes.io/zone': 'nova', 'node-role.kubernetes.io/worker': '' },
        taints: [{ key: 'dedicated', value: 'web', effect: 'NoSchedule' }],
        startupTaints: [{ key: 'cni.example/not-ready', effect: 'NoExecute' }],
      },
    });
    const text = boot(render({ claim })).files.get('/etc/default/kubelet') ?? '';
    expect(text).toContain('--hostname-override=web-node-abcdef ');
    expect(text).toContain('--provider-id=openstack:///server-id-1 ');
    expect(text).toContain('--node-labels=team=blue,topology.kubernetes.io/zone=nova ');
    expect(text).toContain('--register-with-taints=dedicated=web:NoSchedule,cni.example/not-ready=:NoExecute');
    expect(text).not.toContain('node-role');
    expect(text).toMatch(/^KUBELET_EXTRA_ARGS='[^'\n]*'\n$/);
  });

  it('starts the kubelet service', () => {
    expect(boot(render()).config).toMatchObject({ hostname: 'web-node-abcdef' });
    expect(boot(render()).config).toHaveProperty('runcmd', [
      ['systemctl', 'daemon-reload'],
      ['systemctl', 'enable', 'kubelet'],
      ['systemctl', 'restart', 'kubelet'],
    ]);
  });
});

describe('what tenants choose', () => {
  const hostile: readonly {
    readonly name: string;
    readonly spec: Partial<NodeClaim['spec']>;
    readonly want: string;
  }[] = [
    { name: 'line end in a value', spec: { labels: { a: 'b\nruncmd: [reboot]' } }, want: "label 'a'" },
    { name: 'quote in a value', spec: { labels: { a: "b' --foo" } }, want: "label 'a'" },
    { name: 'jinja in a value', spec: { labels: { a: '{{ds}}' } }, want: "label 'a'" },
    { name: 'comma in a value', spec: { labels: { a: 'b,c=d' } }, want: "label 'a'" },
    { name: 'shell in a key', spec: { labels: { 'a$(id)': 'b' } }, want: "label 'a$(id)'" },
    { name: 'space in a taint', spec: { taints: [{ key: 'a b', effect: 'NoSchedule' }] }, want: "taint 'a b'" },
    {
      name: 'equals in a taint value',
      spec: { startupTaints: [{ key: 'a', value: 'b=c', effect: 'NoSchedule' }] },
      want: "taint 'a'",
    },
  ];
  it.each(hostile)('cannot break out: $name', ({ spec, want }) => {
    expect(() => render({ claim: makeClaim('web-node-abcdef', { spec }) })).toThrow(want);
  });

  it('keeps labels of odd names apart from the prototype', () => {
    const labels: Record<string, string> = Object.fromEntries([['constructor', 'x']]);
    const text = boot(render({ claim: makeClaim('n', { spec: { labels } }) })).files.get('/etc/default/kubelet');
    expect(text).toContain('--node-labels=constructor=x');
  });
});

describe('a template of the operator', () => {
  it('gets every documented placeholder filled in, once', () => {
    const template = USER_DATA_PLACEHOLDERS.map((name) => `${name}={{ ${name} }}`).join('\n');
    const text = render({ template });
    expect(text).not.toContain('{{');
    expect(text).toContain('bootstrapToken=abcdef.0123456789abcdef\n');
    expect(text).toContain('nodeName=web-node-abcdef\n');
    expect(text).toContain('zone=nova\n');
  });

  it('is refused with the name of a placeholder that does not exist', () => {
    expect(() => render({ template: '#cloud-config\n# {{ nodeNmae }}' })).toThrow(
      "spec.bootstrap.userDataTemplate uses the unknown placeholder '{{nodeNmae}}'",
    );
  });

  it('may use variables of cloud-init when it says that it is jinja', () => {
    const jinja = '## template: jinja\n#cloud-config\n# {{ v1.instance_id }} {{ds.meta_data.uuid}} {{kubeletFlags}}';
    const text = render({ template: jinja });
    expect(text).toContain('# {{ v1.instance_id }} {{ds.meta_data.uuid}} ');
    expect(text).toContain('--provider-id=openstack:///{{ v1.instance_id }}');
    expect(() => render({ template: '#cloud-config\n# {{ v1.instance_id }}' })).toThrow(UserDataError);
    expect(render({ template: '# {{kubeletFlags}}' })).not.toContain('provider-id');
  });

  it('never tells the secret when it cannot be filled in', () => {
    try {
      render({ template: '{{nope}} {{bootstrapToken}}' });
      expect.unreachable();
    } catch (error) {
      expect(String(error)).not.toContain(TOKEN.secret);
    }
  });

  it('may mention a flavor only if its name is one word', () => {
    const claim = makeClaim('n', { spec: { flavor: 'm1 "large"' } });
    expect(() => render({ claim, template: '{{flavor}}' })).toThrow('flavor \'m1 "large"\'');
    expect(render({ claim, template: '{{nodeName}}' })).toBe('n');
  });
});

it.each(['http://api:6443', 'https://user:pw@api:6443', 'not a url', "https://api:6443/'"])(
  'an API endpoint like %s is refused',
  (apiEndpoint) => {
    expect(() => render({ apiEndpoint })).toThrow('spec.bootstrap.apiEndpoint');
  },
);

it('plain http does on loopback only', () => {
  expect(render({ apiEndpoint: 'http://127.0.0.1:8080', template: '{{apiEndpoint}}' })).toBe('http://127.0.0.1:8080');
  expect(() => render({ apiEndpoint: 'http://127.0.0.1.example:8080' })).toThrow('spec.bootstrap.apiEndpoint');
});

it.each([
  ['team', true],
  ['example.com/team', true],
  ['sluice.dev/nodepool', true],
  ['kubernetes.io/hostname', true],
  ['topology.kubernetes.io/zone', true],
  ['node.kubernetes.io/anything', true],
  ['sub.kubelet.kubernetes.io/x', true],
  ['node-role.kubernetes.io/worker', false],
  ['node-restriction.kubernetes.io/x', false],
  ['a.node-restriction.kubernetes.io/x', false],
  ['kubernetes.io/role', false],
  ['x.k8s.io/y', false],
  ['mykubernetes.io/y', true],
])('a kubelet may give itself label %s: %s', (key, want) => {
  expect(kubeletMaySet(key)).toBe(want);
});
