// Who logs in, and to which project, out of a cloud's section: password, application credential or token, in the spellings
// that openstacksdk takes. What this client cannot do is refused by its name, so that nobody is logged in as less than meant.
import { config, httpUrl, isSection, normalize, textOf, type Section } from './clouds-yaml.ts';

export type NameOrId = { readonly id: string } | { readonly name: string; readonly domain: DomainRef };
export type DomainRef = { readonly id: string } | { readonly name: string };

export type CloudAuth =
  | { readonly kind: 'password'; readonly user: NameOrId; readonly password: string; readonly project: NameOrId }
  | { readonly kind: 'applicationCredential'; readonly id: string; readonly secret: string }
  | {
      readonly kind: 'namedApplicationCredential';
      readonly name: string;
      readonly user: NameOrId;
      readonly secret: string;
    }
  | { readonly kind: 'token'; readonly token: string; readonly project: NameOrId };

/** Keys that stand in `auth`, and that older files put beside it: there, `auth` wins (`_validate_auth` of openstacksdk). */
const INNER_KEYS = [
  'auth_url',
  'username',
  'user_id',
  'password',
  'default_domain',
  'default_domain_id',
  'default_domain_name',
  'application_credential_id',
  'application_credential_name',
  'application_credential_secret',
  'trust_id',
  'system_scope',
] as const;
/** Of these what stands beside `auth` wins (`_fix_backwards_auth`), and of two spellings the last. */
const OUTER_KEYS: Readonly<Record<string, readonly string[]>> = {
  domain_id: ['domain_id'],
  domain_name: ['domain_name'],
  user_domain_id: ['user_domain_id'],
  user_domain_name: ['user_domain_name'],
  project_domain_id: ['project_domain_id'],
  project_domain_name: ['project_domain_name'],
  project_id: ['tenant_id', 'project_id'],
  project_name: ['tenant_name', 'project_name'],
  token: ['auth_token', 'token'],
  passcode: ['passcode'],
};

type AuthValues = ReadonlyMap<string, string>;

/** `where` names the cloud in messages. Throws `config` that names the key. */
export function readAuth(section: Section, where: string): { readonly authUrl: string; readonly auth: CloudAuth } {
  const values = authValues(section);
  refuseUnsupported(section, { values, where });
  const type = textOf(section['auth_type']) ?? textOf(section['auth_plugin']);
  const authUrl = httpUrl(required(values, { key: 'auth_url', where }), `${where}.auth.auth_url`);
  return { authUrl, auth: authOf(values, { type, where }) };
}

function authValues(section: Section): AuthValues {
  const inner = isSection(section['auth']) ? normalize(section['auth']) : {};
  const values = new Map<string, string>();
  for (const key of INNER_KEYS) {
    const value = textOf(inner[key]) ?? textOf(section[key]);
    if (value !== undefined) values.set(key, value);
  }
  for (const [target, spellings] of Object.entries(OUTER_KEYS)) {
    for (const key of spellings) {
      const value = textOf(section[key]) ?? textOf(inner[key]);
      if (value !== undefined) values.set(target, value);
    }
  }
  return values;
}

/** Each of these would log in as somebody else, or to something else than a project, if it were passed over. */
function refuseUnsupported(
  section: Section,
  { values, where }: { readonly values: AuthValues; readonly where: string },
): void {
  const multiFactor = 'login with several factors is not supported: use an application credential';
  if (textOf(section['auth_methods']) !== undefined || Array.isArray(section['auth_methods'])) {
    throw config(`${where}.auth_methods: ${multiFactor}`);
  }
  if (values.has('passcode')) throw config(`${where}.auth.passcode: ${multiFactor}`);
  if (values.has('trust_id')) throw config(`${where}.auth.trust_id: trusts are not supported`);
  if (values.has('system_scope')) throw config(`${where}.auth.system_scope: a project is needed, not the system`);
  const version = textOf(section['identity_api_version']);
  if (version !== undefined && !/^v?3(\.\d+)?$/.test(version)) {
    throw config(`${where}.identity_api_version must be 3, not ${version}`);
  }
}

function authOf(
  values: AuthValues,
  { type, where }: { readonly type: string | undefined; readonly where: string },
): CloudAuth {
  const need = (key: string) => required(values, { key, where });
  const secret = values.get('application_credential_secret');
  switch (type ?? (secret === undefined ? 'password' : 'v3applicationcredential')) {
    case 'password':
    case 'v3password':
      return {
        kind: 'password',
        user: readUser(values, where),
        password: need('password'),
        project: readProject(values, where),
      };
    case 'v3applicationcredential': {
      const id = values.get('application_credential_id');
      if (id !== undefined) {
        return { kind: 'applicationCredential', id, secret: need('application_credential_secret') };
      }
      return {
        kind: 'namedApplicationCredential',
        name: need('application_credential_name'),
        user: readUser(values, where),
        secret: need('application_credential_secret'),
      };
    }
    case 'token':
    case 'v3token':
      return { kind: 'token', token: need('token'), project: readProject(values, where) };
    case 'v3multifactor':
    case 'v3totp':
      throw config(
        `${where}.auth_type ${type}: login with several factors is not supported: use an application credential`,
      );
    default:
      throw config(`${where}.auth_type must be password, v3applicationcredential or token, not ${type}`);
  }
}

function readUser(values: AuthValues, where: string): NameOrId {
  const id = values.get('user_id');
  if (id !== undefined) return { id };
  return { name: required(values, { key: 'username', where }), domain: readDomain(values, 'user') };
}

function readProject(values: AuthValues, where: string): NameOrId {
  const id = values.get('project_id');
  if (id !== undefined) return { id };
  const name = values.get('project_name');
  if (name === undefined) throw config(`${where}.auth must have project_id or project_name`);
  return { name, domain: readDomain(values, 'project') };
}

/** The domain's own key, else the one for both, else the default one, which is `default` in every Keystone. */
function readDomain(values: AuthValues, of: 'user' | 'project'): DomainRef {
  for (const key of [`${of}_domain`, 'domain', 'default_domain']) {
    const id = values.get(`${key}_id`);
    if (id !== undefined) return { id };
    const name = values.get(`${key}_name`);
    if (name !== undefined) return { name };
  }
  return { id: values.get('default_domain') ?? 'default' };
}

function required(values: AuthValues, { key, where }: { readonly key: string; readonly where: string }): string {
  const value = values.get(key);
  if (value === undefined) throw config(`${where}.auth.${key} must be set`);
  return value;
}
