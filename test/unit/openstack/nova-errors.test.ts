// The fault table: what each failure of OpenStack is to the shell.
import { describe, expect, test } from 'vitest';
import { PortError, type PortErrorCode } from '../../../src/controllers/port-errors.ts';
import { OpenStackError, type OpenStackErrorKind } from '../../../src/openstack/client/openstack-error.ts';
import { faultMeaning, portErrorOf, translated } from '../../../src/openstack/nova-errors.ts';

function refused(
  status: number,
  fault?: { readonly type: string; readonly message: string },
  method = 'POST',
): OpenStackError {
  return new OpenStackError('refused', `compute POST /servers: ${status}`, {
    service: 'compute',
    method,
    status,
    fault,
    requestId: 'req-1',
  });
}

function broken(kind: OpenStackErrorKind, method = 'POST', service = 'compute'): OpenStackError {
  return new OpenStackError(kind, 'broken', { service, method });
}

const nova = (type: string, message: string) => ({ type, message });

interface Row {
  readonly name: string;
  readonly error: OpenStackError;
  readonly create: PortErrorCode;
  readonly repeatable: PortErrorCode;
}

const both = (name: string, error: OpenStackError, code: PortErrorCode): Row => ({
  name,
  error,
  create: code,
  repeatable: code,
});

/** What oslo.limit says, which Nova passes on where it takes its limits from Keystone (quota.driver UnifiedLimitsDriver). */
function overLimit(limits: string): string {
  return `Project d2b258226e6b4d4493d93b5411726c97 is over a limit for ${limits}`;
}

const TABLE: readonly Row[] = [
  both(
    'Nova quota',
    refused(403, nova('forbidden', 'Quota exceeded for cores: Requested 2, but already used 2 of 3 cores')),
    'quota',
  ),
  both(
    'Nova quota of server groups',
    refused(403, nova('forbidden', 'Quota exceeded, too many server groups.')),
    'quota',
  ),
  both('Nova quota of ports', refused(403, nova('forbidden', 'Maximum number of ports exceeded')), 'quota'),
  both('Neutron quota', refused(409, nova('OverQuota', "Quota exceeded for resources: ['port'].")), 'quota'),
  both('Neutron, no address left', refused(409, nova('IpAddressGenerationFailure', 'No more IP addresses')), 'quota'),
  both(
    'policy',
    refused(403, nova('forbidden', "Policy doesn't allow os_compute_api:servers:create to be performed.")),
    'forbidden',
  ),
  both(
    'a flavor that boots from volumes only',
    refused(403, nova('forbidden', 'Only volume-backed servers are allowed for flavors with zero disk.')),
    'invalidSpec',
  ),
  both(
    'a server group that is full',
    refused(403, nova('forbidden', 'Quota exceeded, too many servers in group')),
    'quota',
  ),
  both(
    'a limit that Keystone keeps for Nova',
    refused(
      403,
      nova('forbidden', overLimit('[Resource servers is over limit of 2 due to current usage 2 and delta 1]')),
    ),
    'quota',
  ),
  both('a 403 of nobody', refused(403), 'forbidden'),
  both(
    'a text about quota that Nova does not know',
    refused(403, nova('forbidden', 'your quota is fine')),
    'forbidden',
  ),
  both('token refused', refused(401, nova('error', 'Authenticate.')), 'credentials'),
  both('bad flavor', refused(400, nova('badRequest', 'Flavor nope could not be found.')), 'invalidSpec'),
  both('version not spoken', refused(406, nova('computeFault', 'Version 2.999 is not supported')), 'invalidSpec'),
  both('port in use', refused(409, nova('conflictingRequest', 'Port x is still in use.')), 'conflict'),
  both('told to wait', refused(429), 'throttled'),
  both('told to wait, the old way', refused(413, nova('overLimit', 'This request was rate-limited.')), 'throttled'),
  both('not sent', broken('unreachable'), 'unavailable'),
  both('clouds.yaml', broken('config', '', ''), 'credentials'),
  {
    name: 'names something absent',
    error: refused(404, nova('NetworkNotFound', 'x')),
    create: 'invalidSpec',
    repeatable: 'notFound',
  },
  { name: 'a 404 of a proxy', error: refused(404), create: 'outcomeUnknown', repeatable: 'unavailable' },
  { name: '500', error: refused(500, nova('computeFault', 'x')), create: 'outcomeUnknown', repeatable: 'unavailable' },
  { name: '503', error: refused(503), create: 'outcomeUnknown', repeatable: 'unavailable' },
  { name: '504', error: refused(504), create: 'outcomeUnknown', repeatable: 'unavailable' },
  { name: '408', error: refused(408), create: 'outcomeUnknown', repeatable: 'unavailable' },
  { name: 'a redirect', error: refused(302), create: 'outcomeUnknown', repeatable: 'unavailable' },
  { name: 'lost', error: broken('lost'), create: 'outcomeUnknown', repeatable: 'unavailable' },
  { name: 'malformed', error: broken('malformed'), create: 'outcomeUnknown', repeatable: 'unavailable' },
  both('a read before the create is lost', broken('lost', 'GET'), 'unavailable'),
  both('a read before the create fails', refused(500, undefined, 'GET'), 'unavailable'),
  both('the login is lost', broken('lost', 'POST', 'identity'), 'unavailable'),
  both(
    'the login is refused',
    new OpenStackError('refused', 'x', { service: 'identity', method: 'POST', status: 401 }),
    'credentials',
  ),
  both(
    'the login is too frequent',
    new OpenStackError('refused', 'x', { service: 'identity', method: 'POST', status: 429 }),
    'throttled',
  ),
  both(
    'Keystone is down',
    new OpenStackError('refused', 'x', { service: 'identity', method: 'POST', status: 503 }),
    'unavailable',
  ),
];

describe('portErrorOf', () => {
  test.for(TABLE)('$name', ({ error, create, repeatable }) => {
    expect(portErrorOf(error, { what: 'x', kind: 'create' })).toMatchObject({ code: create });
    expect(portErrorOf(error, { what: 'x', kind: 'repeatable' })).toMatchObject({ code: repeatable });
  });

  test("says what was done, in the service's words, with the request id and the cause", () => {
    const cause = refused(403, nova('forbidden', 'Quota exceeded for ram'));
    expect(portErrorOf(cause, { what: 'create server a', kind: 'create' })).toMatchObject({
      message: 'create server a: Quota exceeded for ram',
      requestId: 'req-1',
      cause,
    });
  });

  test('a Retry-After is handed on', () => {
    const error = new OpenStackError('refused', 'x', {
      service: 'compute',
      method: 'GET',
      status: 429,
      retryAfterMs: 7000,
    });
    expect(portErrorOf(error, { what: 'x', kind: 'repeatable' })).toMatchObject({ retry: { kind: 'after', ms: 7000 } });
  });

  test('a mistake of ours stays what it is', async () => {
    const mistake = new TypeError('x is undefined');
    expect(portErrorOf(mistake, { what: 'x', kind: 'create' })).toBe(mistake);
    const ours = new PortError('invalidSpec', 'field');
    await expect(translated({ what: 'x', kind: 'create' }, () => Promise.reject(ours))).rejects.toBe(ours);
  });
});

test.for<[code: number, message: string, want: PortErrorCode | undefined]>([
  [500, 'No valid host was found. There are not enough hosts available.', 'capacity'],
  [500, 'No valid host was found. ', 'capacity'],
  [500, 'Exceeded maximum number of retries. Exceeded max scheduling attempts 3 for instance x.', 'capacity'],
  [403, 'Quota exceeded for cores: Requested 2, but already used 2 of 3 cores', 'quota'],
  [413, 'over the limit', 'quota'],
  [500, 'ProjectOverLimit', 'quota'],
  [500, 'Build of instance x aborted: no disk', undefined],
  [400, 'No valid host was found', undefined],
  [404, 'Network x could not be found.', undefined],
])('the fault of a server: %d %s', ([code, message, want]) => {
  expect(faultMeaning({ code, message })).toBe(want);
});

describe('what a quota concerns', () => {
  const full = refused(403, nova('forbidden', 'Quota exceeded, too many servers in group'));
  const fullByKeystone = refused(
    403,
    nova(
      'forbidden',
      overLimit('[Resource server_group_members is over limit of 10 due to current usage 10 and delta 1]'),
    ),
  );
  const projectByKeystone = refused(
    403,
    nova('forbidden', overLimit('[Resource class:VCPU is over limit of 10 due to current usage 9 and delta 2]')),
  );
  const project = refused(403, nova('forbidden', 'Quota exceeded for instances: Requested 1, but already used 1 of 1'));
  const conflict = refused(409, nova('FloatingIPPortAlreadyAssociated', 'as that fixed IP already has a floating IP'));
  test.for<[name: string, error: OpenStackError, quotaConcerns: 'pool' | undefined, want: 'pool' | undefined]>([
    ['the project', project, undefined, undefined],
    ["a group's members: its pool", full, undefined, 'pool'],
    ["a group's members where Keystone keeps the limit: its pool", fullByKeystone, undefined, 'pool'],
    ['the project where Keystone keeps the limit', projectByKeystone, undefined, undefined],
    ['what only a pool asks for', project, 'pool', 'pool'],
    ['nothing when it is none', conflict, 'pool', undefined],
  ])('%s', ([, error, quotaConcerns, want]) => {
    const options = { what: 'x', kind: 'create', ...(quotaConcerns === undefined ? {} : { quotaConcerns }) } as const;
    expect(portErrorOf(error, options)).toMatchObject({ concerns: want });
  });
});
