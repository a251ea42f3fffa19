// Threat 23: what tenants write must not become a part of the document that a server boots with. Whatever labels, taints and
// names say, the text either is refused, or parses back into the same document with the same values in it.
import * as fc from 'fast-check';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import type { NodeClaim } from '../../../src/api/node-claim.ts';
import { UserDataError } from '../../../src/lifecycle/kubelet-flags.ts';
import { renderUserData } from '../../../src/lifecycle/render-user-data.ts';
import { makeClaim, makeCluster } from '../../fakes/fake-objects.ts';

const SEED = 20_261_121;
const RUNS = 1500;

/** Pieces that mean something to YAML, jinja, a shell, or a kubelet's flags, mixed with harmless ones. */
const PIECES = [
  'a',
  'web',
  'example.com/x',
  '-',
  '.',
  '\n',
  '\r',
  '\u2028',
  '\n#cloud-config\n',
  '\nruncmd: [reboot]\n',
  '{{',
  '}}',
  '{{ds}}',
  '{{ v1.instance_id }}',
  '{{bootstrapToken}}',
  '{%',
  '{#',
  '"',
  "'",
  '`',
  '$(id)',
  '\\',
  ',',
  '=',
  ':',
  ': ',
  ' #',
  ' --anonymous-auth=true',
  '&x',
  '*x',
  '!!js/function',
  '---\n',
  '\u0000',
  'ü',
];

const hostile = fc.array(fc.constantFrom(...PIECES), { minLength: 0, maxLength: 4 }).map((pieces) => pieces.join(''));
const harmless = fc.constantFrom('web', 'blue', 'a1', 'x.y-z_0');
const word = fc.oneof({ weight: 3, arbitrary: harmless }, { weight: 1, arbitrary: hostile });
const effect = fc.constantFrom('NoSchedule' as const, 'PreferNoSchedule' as const, 'NoExecute' as const);

interface Tenant {
  readonly name: string;
  readonly poolName: string;
  readonly flavor: string;
  readonly zone: string;
  readonly labels: Record<string, string>;
  readonly taints: NodeClaim['spec']['taints'];
}

const tenant: fc.Arbitrary<Tenant> = fc.record({
  name: fc.oneof({ weight: 4, arbitrary: fc.constant('web-node-abcdef') }, { weight: 1, arbitrary: hostile }),
  poolName: word,
  flavor: word,
  zone: word,
  labels: fc.dictionary(word, word, { maxKeys: 2 }),
  taints: fc.array(fc.record({ key: word, value: word, effect }), { maxLength: 2 }),
});

function render(given: Tenant, template?: string): string | undefined {
  const { name, ...spec } = given;
  try {
    return renderUserData({
      cluster: makeCluster(template === undefined ? {} : { bootstrap: { userDataTemplate: template } }),
      claim: makeClaim(name, { spec }),
      token: { id: 'abcdef', secret: '0123456789abcdef' },
      apiEndpoint: 'https://api.tenant.example:6443',
      caCertificate: '',
    });
  } catch (error) {
    // Only as a value, with the field named: anything else is a defect.
    if (error instanceof UserDataError) return undefined;
    throw error;
  }
}

/** Rendered and refused cases: a property that only ever sees one of them tests nothing. */
function checkAll(check: (given: Tenant) => boolean): void {
  const seen = { rendered: 0, refused: 0 };
  const property = fc.property(tenant, (given) => {
    seen[check(given) ? 'rendered' : 'refused'] += 1;
  });
  fc.assert(property, { seed: SEED, numRuns: RUNS });
  expect(seen.rendered).toBeGreaterThan(RUNS / 20);
  expect(seen.refused).toBeGreaterThan(RUNS / 20);
}

describe('the default document', () => {
  it('keeps its shape, and says of labels and taints exactly what was asked', () => {
    checkAll((given) => {
      const text = render(given);
      if (text === undefined) return false;
      // jinja runs over the whole text before YAML is read: the one expression in it is ours
      expect([...text.matchAll(/\{[{%#].*/g)].map(([match]) => match.slice(0, 20))).toEqual(['{{ v1.instance_id }}']);
      const document = parse(text.replace('{{ v1.instance_id }}', 'server-1'));
      expect(Object.keys(document)).toEqual(['hostname', 'preserve_hostname', 'write_files', 'runcmd']);
      expect(document.hostname).toBe(given.name);
      expect(document.runcmd).toHaveLength(3);
      expect(document.write_files.map(({ path }: { path: string }) => path)).toEqual([
        '/etc/kubernetes/bootstrap-kubelet.conf',
        '/etc/kubernetes/pki/ca.crt',
        '/etc/default/kubelet',
      ]);
      expectFlags(document.write_files[2].content, given);
      return true;
    });
  });
});

function expectFlags(content: string, given: Tenant): void {
  const inner = /^KUBELET_EXTRA_ARGS='(?<flags>[^'\\\n]*)'\n$/.exec(content)?.groups?.['flags'] ?? '';
  const flags = new Map(inner.split(' ').map((flag) => [flag.split('=', 1)[0] ?? '', flag]));
  const known = ['--bootstrap-kubeconfig', '--kubeconfig', '--hostname-override', '--provider-id'];
  expect([...flags.keys()].filter((flag) => !known.includes(flag)).sort()).toEqual([
    ...(Object.keys(given.labels).length === 0 ? [] : ['--node-labels']),
    ...(given.taints.length === 0 ? [] : ['--register-with-taints']),
  ]);
  const labels = (flags.get('--node-labels') ?? '').slice('--node-labels='.length);
  const pairs = labels.split(',').map((pair) => pair.split('='));
  if (labels !== '') expect(Object.fromEntries(pairs)).toEqual({ ...given.labels });
  const taints = (flags.get('--register-with-taints') ?? '').slice('--register-with-taints='.length);
  const wanted = given.taints.map(({ key, value = '', effect: how }) => `${key}=${value}:${how}`);
  if (taints !== '') expect(taints.split(',')).toEqual(wanted);
}

const TEMPLATE = `#cloud-config
hostname: {{nodeName}}
pool: {{poolName}}
place: "{{flavor}} in {{zone}}"
labels: '{{nodeLabels}}'
taints: [{{nodeTaints}}]
runcmd:
  - [join, --token, {{bootstrapToken}}, "{{kubeletFlags}}"]
`;

describe("an operator's template", () => {
  it('keeps its shape, and every value its place', () => {
    checkAll((given) => {
      const text = render(given, TEMPLATE);
      if (text === undefined) return false;
      expect(text).not.toContain('{{');
      const document = parse(text);
      expect(Object.keys(document)).toEqual(['hostname', 'pool', 'place', 'labels', 'taints', 'runcmd']);
      expect(String(document.pool ?? '')).toBe(given.poolName);
      expect(document.hostname).toBe(given.name);
      expect(document.place).toBe(`${given.flavor} in ${given.zone}`);
      expect(document.taints).toHaveLength(given.taints.length);
      expect(document.runcmd).toHaveLength(1);
      expect(document.runcmd[0]).toHaveLength(4);
      return true;
    });
  });
});
