import { describe, expect, it } from 'vitest';
import { readGuestBoot } from '../../../src/playground/guest-boot.ts';

const server = { id: '11111111-2222-3333-4444-555555555555', name: 'general-node-abc123' };
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const kubeconfig = JSON.stringify({
  clusters: [{ name: 'c', cluster: { server: 'http://127.0.0.1:1234' } }],
  users: [{ name: 'u', user: { token: 'abcdef.0123456789abcdef' } }],
});

function userData(parts: { readonly flags?: string; readonly kubeconfig?: string } = {}): string {
  const flags =
    parts.flags ??
    '--hostname-override=general-node-abc123 --provider-id=openstack:///{{ v1.instance_id }} --node-labels=a=1,b/c=2 --register-with-taints=dedicated=gpu:NoSchedule,x=:NoExecute';
  return base64(
    [
      '## template: jinja',
      '#cloud-config',
      'write_files:',
      '  - path: /etc/kubernetes/bootstrap-kubelet.conf',
      '    encoding: b64',
      `    content: ${base64(parts.kubeconfig ?? kubeconfig)}`,
      '  - path: /etc/default/kubelet',
      `    content: ${JSON.stringify(`KUBELET_EXTRA_ARGS='${flags}'\n`)}`,
    ].join('\n'),
  );
}

describe('a first boot', () => {
  it('reads how to join from the two files, with the server id filled in', () => {
    expect(readGuestBoot(userData(), server)).toEqual({
      nodeName: 'general-node-abc123',
      apiUrl: 'http://127.0.0.1:1234',
      bootstrapToken: 'abcdef.0123456789abcdef',
      providerId: `openstack:///${server.id}`,
      labels: { a: '1', 'b/c': '2' },
      taints: [
        { key: 'dedicated', value: 'gpu', effect: 'NoSchedule' },
        { key: 'x', value: '', effect: 'NoExecute' },
      ],
    });
  });

  it('takes the name of the server where no flag names the node', () => {
    const boot = readGuestBoot(userData({ flags: '--provider-id=openstack:///x' }), server);
    expect(boot.nodeName).toBe(server.name);
    expect(boot.labels).toEqual({});
    expect(boot.taints).toEqual([]);
  });

  it.each([
    ['no cloud-config', base64('#!/bin/sh\n'), 'no cloud-config'],
    ['no kubeconfig', base64('#cloud-config\nwrite_files: []\n'), 'bootstrap-kubelet.conf'],
    ['no text', '', 'no cloud-config'],
  ])('fails on %s and says so', (_name, text, message) => {
    expect(() => readGuestBoot(text, server)).toThrow(message);
  });
});
