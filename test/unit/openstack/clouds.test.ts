// clouds.yaml as openstacksdk reads it, and every refusal by the key at fault.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ServiceSettings } from '../../../src/openstack/client/cloud-services.ts';
import { cloudsFilePaths, readFirstFile, readUserCloud } from '../../../src/openstack/client/clouds-files.ts';
import { readCloudConfig, type CloudConfig, type CloudSource } from '../../../src/openstack/client/clouds.ts';
import { OpenStackError } from '../../../src/openstack/client/openstack-error.ts';
import { inlineTls } from '../../../src/openstack/client/tls-files.ts';

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

const SPELLINGS: readonly Reading[] = [
  {
    name: 'one domain for user and project',
    source: {
      cloudsYaml:
        'clouds: {a: {auth: {auth_url: "http://h", username: u, password: p, project_name: t, domain_name: D}}}',
    },
    want: {
      auth: {
        kind: 'password',
        user: { name: 'u', domain: { name: 'D' } },
        password: 'p',
        project: { name: 't', domain: { name: 'D' } },
      },
    },
  },
  {
    name: 'a project beside auth wins over the one in it, a password does not',
    source: {
      cloudsYaml:
        'clouds: {a: {project_id: outer, password: outer, auth: {auth_url: "http://h", user_id: u, password: p, project_id: inner}}}',
    },
    want: { auth: { kind: 'password', user: { id: 'u' }, password: 'p', project: { id: 'outer' } } },
  },
  {
    name: 'a profile of openstacksdk',
    source: {
      cloudsYaml: 'clouds: {a: {profile: ovh, auth: {user_id: u, password: p, project_id: i}, region_name: GRA11}}',
    },
    want: { authUrl: 'https://auth.cloud.ovh.net', region: 'GRA11' },
  },
  {
    name: "a profile of clouds-public.yaml, under the older key, wins over openstacksdk's; the cloud wins over both",
    source: {
      cloudsYaml: 'clouds: {a: {cloud: ovh, interface: internal, auth: {user_id: u, password: p, project_id: i}}}',
      publicYaml:
        'public-clouds: {ovh: {auth: {auth_url: "http://mine"}, interface: admin, regions: [R1, R2], image_endpoint_override: "http://i"}}',
    },
    want: {
      authUrl: 'http://mine',
      interface: 'internal',
      region: 'R1',
      endpointOverrides: new Map([['image', 'http://i']]),
    },
  },
  {
    name: 'older list of regions',
    source: { cloudsYaml: one('region_name: "R1,R2"'), region: 'R2' },
    want: { region: 'R2' },
  },
  {
    name: 'OS_REGION_NAME for a cloud of the file, as the openstack command takes it',
    source: { cloudsYaml: one('region_name: R1'), environment: { OS_CLOUD: 'a', OS_REGION_NAME: 'R9' } },
    want: { name: 'a', region: 'R9' },
  },
  {
    name: 'a region in addresses, not in passwords',
    source: {
      cloudsYaml:
        'clouds: {a: {region_name: r1, compute_endpoint_override: "http://{region_name}.c", auth: {auth_url: "http://id.{region_name}.h", user_id: u, password: "{region_name}", project_id: i}}}',
    },
    want: {
      authUrl: 'http://id.r1.h',
      endpointOverrides: new Map([['compute', 'http://r1.c']]),
      auth: { kind: 'password', user: { id: 'u' }, password: '{region_name}', project: { id: 'i' } },
    },
  },
  {
    name: 'settings of one service',
    source: {
      cloudsYaml: one(
        'compute_interface: internal\n    network_endpoint_type: adminURL\n    image_region_name: R2\n    compute_service_type: computev21\n    compute_service_name: nova2\n    compute_default_microversion: "2.79"',
      ),
    },
    want: {
      interface: 'public',
      services: new Map<string, ServiceSettings>([
        ['compute', { interface: 'internal', type: 'computev21', name: 'nova2', microversion: '2.79' }],
        ['network', { interface: 'admin' }],
        ['image', { region: 'R2' }],
      ]),
    },
  },
  {
    name: 'versions that are ours change nothing; a microversion among them is asked for',
    source: {
      cloudsYaml: one(
        'compute_api_version: 2.72\n    network_api_version: 2.0\n    image_api_version: 2\n    volume_api_version: 1',
      ),
    },
    want: { services: new Map([['compute', { microversion: '2.72' }]]) },
  },
  {
    name: 'client certificates',
    source: { cloudsYaml: one('cacert: /ca.pem\n    cert: /c.pem\n    key: /k.pem') },
    want: { caCert: '/ca.pem', clientCert: '/c.pem', clientKey: '/k.pem' },
  },
  {
    name: 'insecure wins over verify',
    source: { cloudsYaml: one('insecure: yes\n    verify: true') },
    want: { verify: false },
  },
  {
    name: 'variables for TLS',
    source: {
      environment: {
        OS_AUTH_URL: 'http://h',
        OS_USER_ID: 'u',
        OS_PASSWORD: 'p',
        OS_PROJECT_ID: 'i',
        OS_INSECURE: 'true',
        OS_CERT: '/c.pem',
        OS_KEY: '/k.pem',
        OS_CLOUD_NAME: 'mine',
        OS_TEST_PATH: 'x',
      },
    },
    want: { name: 'mine', verify: false, clientCert: '/c.pem', clientKey: '/k.pem' },
  },
  {
    name: "what is another program's changes nothing",
    source: {
      cloudsYaml: one('floating_ip_source: None\n    image_format: raw\n    api_timeout: 5\n    networks: [{name: n}]'),
    },
    want: { name: 'a', services: new Map() },
  },
];

describe('readCloudConfig', () => {
  test.for([...READINGS, ...SPELLINGS])('$name', ({ source, want }) => {
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
    ['login with several factors', { cloudsYaml: one('auth_type: v3multifactor') }, 'several factors'],
    ['its methods', { cloudsYaml: one('auth_methods: [v3password, v3totp]') }, 'clouds.a.auth_methods'],
    ['a passcode', { cloudsYaml: one('passcode: 123') }, 'clouds.a.auth.passcode'],
    ['a trust', { cloudsYaml: one('trust_id: t') }, 'clouds.a.auth.trust_id'],
    ['the whole system', { cloudsYaml: one('system_scope: all') }, 'clouds.a.auth.system_scope'],
    ['an unknown profile', { cloudsYaml: one('profile: rackspace') }, "clouds.a.profile 'rackspace' is not known"],
    ['a profile to fetch', { cloudsYaml: one('profile: "https://vendor.example"') }, 'is not known here'],
    ['a region that is not listed', { cloudsYaml: one('regions: [R1, R2]'), region: 'R3' }, "no 'R3'; it has: R1, R2"],
    ['a region without a name', { cloudsYaml: one('regions: [{values: {}}]') }, 'clouds.a.regions[0]'],
    ['a half truth', { cloudsYaml: one('verify: perhaps') }, 'clouds.a.verify must be true or false'],
    ['an API of another time', { cloudsYaml: one('image_api_version: 1') }, 'clouds.a.image_api_version must be 2'],
    [
      'a microversion that we do not speak',
      { cloudsYaml: one('compute_default_microversion: "2.1"') },
      'must be from 2.69 to 2.90, not 2.1',
    ],
    [
      'two microversions',
      { cloudsYaml: one('compute_api_version: 2.80\n    compute_default_microversion: "2.79"') },
      'must not differ',
    ],
    ['an interface of one service', { cloudsYaml: one('image_interface: up') }, 'clouds.a.image_interface'],
    ['an address with a hole', { cloudsYaml: one('compute_endpoint_override: "http://{zone}.c"') }, '{region_name}'],
    [
      'two clouds of one name',
      { cloudsYaml: one('').replace('  a:', '  envvars:'), environment: { OS_PASSWORD: 'p' } },
      'OS_CLOUD_NAME',
    ],
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

  test('a user may keep the folder elsewhere', () => {
    const search = { workingDirectory: '/w', homeDirectory: '/h', environment: { XDG_CONFIG_HOME: '/x' } };
    const folders = cloudsFilePaths('clouds-public', search).filter((path) => path.endsWith('clouds-public.yaml'));
    expect(folders.map((path) => path.replace('/clouds-public.yaml', ''))).toEqual([
      '/w',
      '/x/openstack',
      '/h/.config/openstack',
      '/etc/xdg/openstack',
      '/etc/openstack',
    ]);
  });

  test("a user's cloud is read from files, its certificate too", async () => {
    const folder = await mkdtemp(join(tmpdir(), 'clouds-'));
    const pem = '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n';
    await writeFile(join(folder, 'clouds.yaml'), one('cacert: ~/ca.pem\n    profile: mine'));
    await writeFile(join(folder, 'secure.yaml'), 'clouds: {a: {auth: {password: secret}}}');
    await writeFile(join(folder, 'clouds-public.yaml'), 'public-clouds: {mine: {region_name: R}}');
    await writeFile(join(folder, 'ca.pem'), pem);
    const search = { workingDirectory: folder, homeDirectory: folder, environment: {} };
    const config = await readUserCloud(search);
    expect(config).toMatchObject({ caCert: pem, region: 'R', auth: { password: 'secret' } });
    expect(inlineTls(config)).toEqual({ caPem: pem, certPem: undefined, keyPem: undefined });
    await rm(join(folder, 'ca.pem'));
    await expect(readUserCloud(search)).rejects.toMatchObject({ kind: 'config' });
    await rm(folder, { recursive: true });
  });

  test('a service takes certificates only as they are: no file is opened', () => {
    const config = readCloudConfig({ cloudsYaml: one('cert: /etc/passwd') });
    expect(() => inlineTls(config)).toThrow('clouds.a.cert must hold the certificate or key itself (PEM), not a path');
    const lonely = { ...config, clientCert: undefined, clientKey: '-----BEGIN PRIVATE KEY-----' };
    expect(() => inlineTls(lonely)).toThrow('clouds.a.key needs a cert');
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
