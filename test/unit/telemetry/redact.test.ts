import { describe, expect, it } from 'vitest';
import { PortError } from '../../../src/controllers/port-errors.ts';
import { redactFields, redactText } from '../../../src/telemetry/redact.ts';

describe('redactFields', () => {
  const secret = 'correct-horse-battery';
  const keys = [
    'authorization',
    'X-Auth-Token',
    'token',
    'bootstrapToken',
    'password',
    'passwd',
    'kubeconfig',
    'userData',
    'user_data',
    'client-key-data',
    'clientKey',
    'privateKey',
    'application_credential_secret',
    'cloudsYaml',
    'clouds.yaml',
    'set-cookie',
    'stringData.password',
  ];
  it.each(keys)('hides what stands under %s, at any depth', (key) => {
    const text = JSON.stringify(redactFields({ a: { b: [{ [key]: secret }] }, [key]: { deep: secret } }));
    expect(text).not.toContain(secret);
  });

  it('keeps names of secrets, counts and flags', () => {
    expect(redactFields({ secretRef: { name: 'cloud' }, tokensLeft: 3, passwordSet: true, pool: 'web' })).toEqual({
      secretRef: { name: 'cloud' },
      tokensLeft: 3,
      passwordSet: true,
      pool: 'web',
    });
  });

  it('makes data of errors, with code and causes, without what a library hung on them', () => {
    const cause = Object.assign(new Error(`Bearer ${secret}`), { request: { headers: { authorization: secret } } });
    const fields = redactFields({ error: new PortError('quota', 'full', { cause, requestId: 'req-1' }) });
    expect(fields).toMatchObject({ error: { name: 'PortError', code: 'quota', requestId: 'req-1', message: 'full' } });
    expect(JSON.stringify(fields)).not.toContain(secret);
    expect(JSON.stringify(fields)).toContain('[redacted]');
  });

  it('writes maps and sets as data and bytes as a size', () => {
    const fields = redactFields({ labels: new Map([['a', 'b']]), zones: new Set(['z']), body: new Uint8Array(3) });
    expect(fields).toEqual({ labels: { a: 'b' }, zones: ['z'], body: '[3 bytes]' });
  });

  it('ends on cycles and bounds lists', () => {
    const cycle: Record<string, unknown> = { list: Array.from({ length: 1000 }, (_, index) => index) };
    cycle['self'] = cycle;
    const text = JSON.stringify(redactFields(cycle));
    expect(text).toContain('[deeper]');
    expect(text.length).toBeLessThan(5000);
  });
});

describe('redactText', () => {
  const rows: readonly { name: string; text: string; secret: string }[] = [
    { name: 'a bearer token', text: 'sent Bearer abc.def-123456 to it', secret: 'abc.def' },
    { name: 'a service account token', text: 'got eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl', secret: 'c2ln' },
    { name: 'a Keystone token', text: `X gAAAAABm${'x'.repeat(60)} Y`, secret: 'xxxx' },
    { name: 'a bootstrap token', text: 'token abcdef.0123456789abcdef used', secret: '0123456789abcdef' },
    { name: 'user and password in a URL', text: 'https://admin:hunter2@cloud:5000/v3', secret: 'hunter2' },
    { name: 'an assignment', text: 'password: "hunter2" and token=hunter2', secret: 'hunter2' },
    {
      name: 'a private key',
      text: 'x -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- y',
      secret: 'MIIE',
    },
    { name: 'half a private key', text: `-----BEGIN PRIVATE KEY-----\n${'M'.repeat(9000)}`, secret: 'MMM' },
  ];
  it.each(rows)('hides $name', ({ text, secret }) => {
    expect(redactText(text)).not.toContain(secret);
    expect(redactText(text)).toContain('[redacted]');
  });

  it('leaves ordinary text as it is', () => {
    const text =
      'pool web: 3 pods, server 0b7d0f4e-3b1c-4c55-9f2d-0a1b2c3d4e5f at https://cloud:5000/v3 in zone nova.1';
    expect(redactText(text)).toBe(text);
  });

  it('cuts a tenant’s flood', () => {
    expect(redactText('x'.repeat(10_000_000)).length).toBeLessThan(5000);
  });
});
