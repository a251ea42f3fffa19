import { expect, test } from 'vitest';
import { withholdSecrets } from '../../../src/openstack/client/withhold-secrets.ts';

const body = {
  auth: { identity: { password: { user: { name: 'me', password: 'hunter"22' } } } },
  server: { user_data: 'I2Nsb3Vk' },
};
const request = { headers: { 'x-auth-token': 'gAAAA-token' }, body };

test.each([
  ['a token', 'refused with gAAAA-token.', 'refused with (withheld).'],
  ['user data', 'Value: I2Nsb3Vk', 'Value: (withheld)'],
  ['a password as it is', 'no hunter"22', 'no (withheld)'],
  [
    'a whole request, quoted',
    JSON.stringify({ message: JSON.stringify({ password: 'hunter"22' }) }),
    '{"message":"{\\"password\\":\\"(withheld)\\"}"}',
  ],
  ['what is no secret', 'user me could not be found', 'user me could not be found'],
])('%s', (_, text, want) => {
  expect(withholdSecrets(text, request)).toBe(want);
});

test('a token to log in with, and no other id', () => {
  const login = { auth: { identity: { token: { id: 'gBBBB-token' } }, scope: { project: { id: 'project-1' } } } };
  expect(withholdSecrets('gBBBB-token of project-1', { body: login })).toBe('(withheld) of project-1');
});
