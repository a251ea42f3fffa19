import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { isPortError } from '../../../src/controllers/port-errors.ts';
import {
  inClusterEndpoint,
  loadTrustedKubeconfig,
  parseTrustedKubeconfig,
  parseWorkloadKubeconfig,
} from '../../../src/kubernetes/kubeconfig.ts';

type Fields = Readonly<Record<string, unknown>>;

const TOKEN = 'eyJhbGciOi.canary-token.sig';

function kubeconfig(cluster: Fields = {}, user: Fields = {}, top: Fields = {}): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'admin',
    contexts: [{ name: 'admin', context: { cluster: 'prod', user: 'me' } }],
    clusters: [
      { name: 'other', cluster: { server: 'https://other', 'insecure-skip-tls-verify': true } },
      { name: 'prod', cluster: { server: 'https://api.example.org:6443/', ...cluster } },
    ],
    users: [{ name: 'me', user: { token: TOKEN, ...user } }],
    ...top,
  });
}

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(isPortError(error, 'invalidSpec')).toBe(true);
    return error instanceof Error ? error.message : '';
  }
  throw new Error('it was accepted');
}

describe('parseWorkloadKubeconfig', () => {
  test('takes the current context alone, with inline data', () => {
    expect(parseWorkloadKubeconfig(kubeconfig({ 'tls-server-name': 'kube' }))).toEqual({
      server: 'https://api.example.org:6443',
      token: TOKEN,
      tlsServerName: 'kube',
    });
  });

  test.each<[string, Fields, Fields, string]>([
    ['a program', {}, { exec: { command: 'sh' } }, 'users[0].user.exec'],
    ['a plugin', {}, { 'auth-provider': { name: 'oidc' } }, 'users[0].user.auth-provider'],
    ['a certificate file', {}, { 'client-certificate': '/etc/passwd' }, 'users[0].user.client-certificate'],
    ['a key file', {}, { 'client-key': '/etc/passwd' }, 'users[0].user.client-key'],
    ['a token file', {}, { tokenFile: '/var/run/token' }, 'users[0].user.tokenFile'],
    ['a password', {}, { username: 'a', password: 'b' }, 'users[0].user.username'],
    ['impersonation of a user', {}, { as: 'system:admin' }, 'users[0].user.as '],
    ['impersonation of a uid', {}, { 'as-uid': '1' }, 'users[0].user.as-uid'],
    ['impersonation of groups', {}, { 'as-groups': ['system:masters'] }, 'users[0].user.as-groups'],
    ['impersonation of extras', {}, { 'as-user-extra': { a: ['b'] } }, 'users[0].user.as-user-extra'],
    ['a CA file', { 'certificate-authority': '/etc/passwd' }, {}, 'clusters[1].cluster.certificate-authority'],
    ['no verification', { 'insecure-skip-tls-verify': true }, {}, 'clusters[1].cluster.insecure-skip-tls-verify'],
    ['a proxy', { 'proxy-url': 'http://10.0.0.1' }, {}, 'clusters[1].cluster.proxy-url'],
    ['plain http', { server: 'http://api.example.org' }, {}, 'clusters[1].cluster.server'],
    ['a metadata service', { server: 'https://169.254.169.254' }, {}, 'clusters[1].cluster.server'],
    ['a mapped metadata service', { server: 'https://[::ffff:169.254.169.254]' }, {}, 'clusters[1].cluster.server'],
    ['a password in the URL', { server: 'https://a:b@api.example.org' }, {}, 'clusters[1].cluster.server'],
    ['no URL', { server: 'api.example.org' }, {}, 'clusters[1].cluster.server'],
    ['no server', { server: undefined }, {}, 'clusters[1].cluster.server'],
    ['a token that would end the header', {}, { token: 'a\r\nx: y' }, 'users[0].user.token'],
    ['a CA that is no PEM', { 'certificate-authority-data': 'AAAA' }, {}, 'certificate-authority-data'],
    ['a certificate without its key', {}, { 'client-certificate-data': pem('CERTIFICATE') }, 'users[0].user'],
    ['a broken CA', { 'certificate-authority-data': pem('CERTIFICATE') }, {}, 'readable CA'],
  ])('refuses %s and names the field', (_name, cluster, user, wantField) => {
    const message = messageOf(() => parseWorkloadKubeconfig(kubeconfig(cluster, user)));
    expect(message).toContain(wantField);
    expect(message).not.toContain('canary');
  });

  test.each<[string, string]>([
    ['no YAML, and the text is not quoted', `a: [canary\n  b: }`],
    ['a list', '- canary'],
    ['no current context', kubeconfig({}, {}, { 'current-context': '' })],
    ['a context that is not there', kubeconfig({}, {}, { 'current-context': 'canary' })],
    ['aliases upon aliases', aliasBomb()],
    ['deep nesting', '['.repeat(100_000)],
    ['a huge text', `${kubeconfig()}#${'x'.repeat(300_000)}`],
  ])('refuses %s', (_name, text) => {
    expect(messageOf(() => parseWorkloadKubeconfig(text))).not.toContain('canary');
  });

  test('what asks for nothing is not refused', () => {
    const text = kubeconfig({ 'insecure-skip-tls-verify': false, 'proxy-url': '' }, { exec: null });
    expect(parseWorkloadKubeconfig(text).token).toBe(TOKEN);
  });

  test('plain http is for loopback', () => {
    expect(parseWorkloadKubeconfig(kubeconfig({ server: 'http://127.0.0.1:8080/prefix' })).server).toBe(
      'http://127.0.0.1:8080/prefix',
    );
  });
});

describe('trusted kubeconfigs', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-kubeconfig-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  test('files are taken relative to the kubeconfig', () => {
    writeFileSync(join(folder, 'config'), kubeconfig({}, { token: undefined, tokenFile: 'token' }));
    expect(loadTrustedKubeconfig(join(folder, 'config')).tokenFile).toBe(join(folder, 'token'));
  });

  test('programs are not run for the operator either', () => {
    expect(messageOf(() => parseTrustedKubeconfig(kubeconfig({}, { exec: { command: 'x' } })))).toContain('user.exec');
  });

  test('a missing file is named', () => {
    expect(messageOf(() => loadTrustedKubeconfig(join(folder, 'none')))).toContain(join(folder, 'none'));
  });

  test('a pod finds its API server by environment and mounted files', () => {
    writeFileSync(join(folder, 'token'), 'secret');
    writeFileSync(join(folder, 'ca.crt'), 'the CA');
    const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };
    expect(inClusterEndpoint({ env, directory: folder })).toEqual({
      server: 'https://[fd00::1]:443',
      caPem: 'the CA',
      tokenFile: join(folder, 'token'),
    });
    expect(messageOf(() => inClusterEndpoint({ env: {}, directory: folder }))).toContain('KUBERNETES_SERVICE_HOST');
  });
});

function pem(label: string): string {
  return Buffer.from(`-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`).toString('base64');
}

function aliasBomb(): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < 10; level++) {
    lines.push(`a${level}: &a${level} [${Array.from({ length: 10 }, () => `*a${level - 1}`).join(', ')}]`);
  }
  return lines.join('\n');
}
