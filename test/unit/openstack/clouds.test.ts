// clouds.yaml as openstacksdk reads it, and every refusal by the key at fault.
import { describe, expect, test } from 'vitest';
import { cloudsFilePaths, readFirstFile } from '../../../src/openstack/client/clouds-files.ts';
import { readCloudConfig, type CloudConfig, type CloudSource } from '../../../src/openstack/client/clouds.ts';
import { OpenStackError } from '../../../src/openstack/client/openstack-error.ts';

const AUTH = 'auth: {auth_url: "https://id.example/v3", username: u, password: p, project_name: pr}';

function one(rest: string): string {
  return `clouds:\n  a:\n    ${AUTH}\n    ${rest}\n`;
}

interface Reading {
  readonly name: string;
  readonly source: CloudSource;
  readonly want: Partial<CloudConfig>;
}

const READINGS: readonly Reading[] = [
  {
    name: 'the only cloud, defaults filled in',
    source: { cloudsYaml: one('') },
    want: {
      name: 'a',
      authUrl: 'https://id.example/v3',
      auth: {
        kind: 'password',
        user: { name: 'u', domain: { id: 'default' } },
        password: 'p',
        project: { name: 'pr', domain: { id: 'default' } },
      },
      region: undefined,
      interface: 'public',
      verify: true,
      caCert: undefined,
    },
  },
  {
    name: 'domains, ids and numbers stay what was written',
    source: {
      cloudsYaml:
        'clouds: {a: {auth: {auth_url: "http://h/v3/", user_id: 007, password: 0123, project_id: 1e3, project_domain_name: D}}}',
    },
    want: {
      authUrl: 'http://h/v3',
      auth: { kind: 'password', user: { id: '007' }, password: '0123', project: { id: '1e3' } },
    },
  },
  {
    name: 'older files put the keys beside auth, with dashes and tenant words',
    source: {
      cloudsYaml:
        'clouds:\n  a: {auth-url: "http://h", username: u, password: p, tenant_name: t, user-domain-name: D, endpoint_type: internalURL, region-name: R}',
    },
    want: {
      auth: {
        kind: 'password',
        user: { name: 'u', domain: { name: 'D' } },
        password: 'p',
        project: { name: 't', domain: { id: 'default' } },
      },
      interface: 'internal',
      region: 'R',
    },
  },
  {
    name: 'application credential by id',
    source: {
      cloudsYaml:
        'clouds: {a: {auth_type: v3applicationcredential, auth: {auth_url: "http://h", application_credential_id: i, application_credential_secret: s}}}',
    },
    want: { auth: { kind: 'applicationCredential', id: 'i', secret: 's' } },
  },
  {
    name: 'application credential by name and user',
    source: {
      cloudsYaml:
        'clouds: {a: {auth: {auth_url: "http://h", application_credential_name: n, username: u, user_domain_id: d, application_credential_secret: s}}}',
    },
    want: {
      auth: { kind: 'namedApplicationCredential', name: 'n', user: { name: 'u', domain: { id: 'd' } }, secret: 's' },
    },
  },
  {
    name: 'token',
    source: { cloudsYaml: 'clouds: {a: {auth_type: token, auth: {auth_url: "http://h", token: t, project_id: p}}}' },
    want: { auth: { kind: 'token', token: 't', project: { id: 'p' } } },
  },
  {
    name: 'secure.yaml lies over clouds.yaml, key by key',
    source: {
      cloudsYaml:
        'clouds: {a: {region_name: R, auth: {auth_url: "http://h", username: u, password: old, project_id: p}}}',
      secureYaml: 'clouds: {a: {auth: {password: new}}}',
    },
    want: {
      region: 'R',
      auth: { kind: 'password', user: { name: 'u', domain: { id: 'default' } }, password: 'new', project: { id: 'p' } },
    },
  },
  {
    name: 'OS_CLOUD chooses among several',
    source: { cloudsYaml: `${one('')}  b:\n    ${AUTH}\n    region_name: B\n`, environment: { OS_CLOUD: 'b' } },
    want: { name: 'b', region: 'B' },
  },
  {
    name: 'the argument wins over OS_CLOUD',
    source: { cloudsYaml: `${one('')}  b:\n    ${AUTH}\n`, cloud: 'a', environment: { OS_CLOUD: 'b' } },
    want: { name: 'a' },
  },
  {
    name: 'OS_* variables make a cloud of their own',
    source: {
      environment: {
        OS_AUTH_URL: 'http://h/v3',
        OS_USERNAME: 'u',
        OS_PASSWORD: 'p',
        OS_PROJECT_ID: 'i',
        OS_REGION_NAME: 'R',
        OS_INTERFACE: 'internal',
        OS_IDENTITY_API_VERSION: '3',
        OS_CACERT: '/ca.pem',
      },
    },
    want: {
      name: 'envvars',
      region: 'R',
      interface: 'internal',
      caCert: '/ca.pem',
      auth: { kind: 'password', user: { name: 'u', domain: { id: 'default' } }, password: 'p', project: { id: 'i' } },
    },
  },
  {
    name: 'the first of regions is the default, its values lie over the cloud',
    source: { cloudsYaml: one('regions: [{name: R1, values: {interface: admin}}, R2]') },
    want: { region: 'R1', interface: 'admin' },
  },
  {
    name: 'another region is asked for',
    source: { cloudsYaml: one('regions: [{name: R1, values: {interface: admin}}, R2]'), region: 'R2' },
    want: { region: 'R2', interface: 'public' },
  },
  { name: 'verify: false', source: { cloudsYaml: one('verify: False') }, want: { verify: false } },
  { name: 'insecure: true', source: { cloudsYaml: one('insecure: true') }, want: { verify: false } },
  {
    name: 'endpoint overrides',
    source: { cloudsYaml: one('compute_endpoint_override: "http://c/v2.1/"\n    image-endpoint-override: http://i') },
    want: {
      endpointOverrides: new Map([
        ['compute', 'http://c/v2.1'],
        ['image', 'http://i'],
      ]),
    },
  },
  {
    name: 'anchors and merge keys',
    source: { cloudsYaml: `x: &base {region_name: R}\nclouds:\n  a:\n    <<: *base\n    ${AUTH}\n` },
    want: { region: 'R' },
  },
  {
    name: 'JSON is YAML',
    source: {
      cloudsYaml: JSON.stringify({
        clouds: {
          j: { auth: { auth_url: 'http://h', token: 't', project_id: 'p' }, auth_type: 'token', verify: true },
        },
      }),
    },
    want: { name: 'j', verify: true },
  },
];

describe('readCloudConfig', () => {
  test.for(READINGS)('$name', ({ source, want }) => {
    expect(readCloudConfig(source)).toMatchObject(want);
  });

  test.for<[name: string, source: CloudSource, words: string]>([
    ['nothing at all', {}, 'no clouds'],
    ['no clouds key', { cloudsYaml: 'a: b' }, "'clouds'"],
    ['not YAML', { cloudsYaml: 'clouds: {a: [canary' }, 'clouds.yaml is not YAML'],
    ['several and none chosen', { cloudsYaml: `${one('')}  b:\n    ${AUTH}\n` }, 'several clouds (a, b)'],
    ['an unknown name', { cloudsYaml: one(''), cloud: 'z' }, "no cloud 'z'; it has: a"],
    ['no auth_url', { cloudsYaml: 'clouds: {a: {auth: {username: u}}}' }, 'clouds.a.auth.auth_url'],
    ['a bad auth_url', { cloudsYaml: 'clouds: {a: {auth: {auth_url: "file:///x"}}}' }, 'clouds.a.auth.auth_url'],
    ['a login in auth_url', { cloudsYaml: 'clouds: {a: {auth: {auth_url: "http://u:canary@h"}}}' }, 'must not hold'],
    [
      'no password',
      { cloudsYaml: 'clouds: {a: {auth: {auth_url: "http://h", username: u}}}' },
      'clouds.a.auth.password',
    ],
    [
      'no project',
      { cloudsYaml: 'clouds: {a: {auth: {auth_url: "http://h", username: u, password: canary}}}' },
      'project_id or project_name',
    ],
    ['an unknown auth_type', { cloudsYaml: one('auth_type: v3oidcpassword') }, 'clouds.a.auth_type'],
    ['an unknown interface', { cloudsYaml: one('interface: sideways') }, 'clouds.a.interface'],
    ['Keystone v2', { cloudsYaml: one('identity_api_version: 2') }, 'clouds.a.identity_api_version'],
    ['a bad override', { cloudsYaml: one('compute_endpoint_override: nowhere') }, 'clouds.a.compute_endpoint_override'],
    ['an expansion attack', { cloudsYaml: bomb() }, 'clouds.yaml is not YAML'],
    ['an endless file', { cloudsYaml: '#'.repeat(300_000) }, 'at most'],
  ])('refuses %s', ([, source, words]) => {
    const error = thrown(() => readCloudConfig(source));
    expect(error).toBeInstanceOf(OpenStackError);
    expect((error as OpenStackError).kind).toBe('config');
    expect((error as OpenStackError).message).toContain(words);
    expect((error as OpenStackError).message).not.toContain('canary');
  });
});

describe('cloudsFilePaths', () => {
  test('the named file first, then the working directory, the home and /etc', () => {
    const search = { workingDirectory: '/w', homeDirectory: '/h', environment: { OS_CLIENT_CONFIG_FILE: '/x.yaml' } };
    const paths = cloudsFilePaths('clouds', search);
    expect(paths.slice(0, 2)).toEqual(['/x.yaml', '/w/clouds.yaml']);
    expect(paths).toContain('/h/.config/openstack/clouds.yml');
    expect(paths.at(-1)).toBe('/etc/openstack/clouds.json');
    expect(cloudsFilePaths('secure', search)[0]).toBe('/w/secure.yaml');
  });

  test('the first file that is there is read; one that cannot be read is an error, not absence', async () => {
    expect(await readFirstFile(['/no/such/file', import.meta.filename])).toContain('readFirstFile');
    expect(await readFirstFile(['/no/such/file'])).toBeUndefined();
    await expect(readFirstFile([import.meta.dirname])).rejects.toThrow('EISDIR');
  });
});

function bomb(): string {
  const rows = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
  for (let row = 1; row < 9; row += 1) {
    rows.push(`a${row}: &a${row} [${Array.from({ length: 9 }, () => `*a${row - 1}`).join(', ')}]`);
  }
  return `${rows.join('\n')}\nclouds: {a: {region_name: *a8}}\n`;
}

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
