// The chart's rights, held against the API servers' audit logs of this whole run: nothing was forbidden, and nothing that
// the chart grants went unused. A WorkloadCluster that is deleted takes its nodes with it.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { KubeObject, Loose } from '../kube-client.ts';
import type { Stage } from '../stage.ts';
import { everythingGone, nodePool, poolSettledAt } from '../steps.ts';
import { waitUntil } from '../wait-until.ts';

/** The audit policy of the test clusters leaves Leases out; that one is held shows that these rights are there. A
 *  server-side apply that creates is logged as patch, though the server also asks for the right to create. */
const NOT_AUDITED = /leases\.coordination\.k8s\.io$|^create customresourcedefinitions/;
const USER = 'system:serviceaccount:sluice-system:sluice';

interface Right {
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
}

const text = ({ group, resource, verb }: Right) => `${verb} ${resource}${group === '' ? '' : `.${group}`}`;

function granted(roles: readonly KubeObject[]): Set<string> {
  const rights = roles.flatMap((role) =>
    (role['rules'] as Loose[]).flatMap((rule) =>
      (rule.apiGroups as string[]).flatMap((group) =>
        (rule.resources as string[]).flatMap((resource) =>
          (rule.verbs as string[]).map((verb) => text({ group, resource, verb })),
        ),
      ),
    ),
  );
  return new Set(rights);
}

function audited(file: string): { used: Set<string>; refused: Set<string> } {
  const used = new Set<string>();
  const refused = new Set<string>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (!line.includes(USER)) continue;
    const entry: Loose = JSON.parse(line);
    if (entry.user?.username !== USER || entry.objectRef === undefined) continue;
    const { apiGroup = '', resource, subresource } = entry.objectRef;
    const right = text({
      group: apiGroup,
      resource: subresource === undefined ? resource : `${resource}/${subresource}`,
      verb: entry.verb,
    });
    used.add(right);
    if (entry.responseStatus?.code === 403) refused.add(right);
  }
  return { used, refused };
}

export function rightsScenario(stage: Stage): void {
  describe('the end', () => {
    test('a deleted WorkloadCluster takes its nodes with it', async () => {
      const { management, tenants } = stage.world();
      const [, tenant] = tenants;
      await tenant.kube.apply(nodePool('last', { flavor: 'b3-8', minNodes: 1 }));
      await poolSettledAt(tenant, 'last', 1);
      for (const one of tenants) {
        await management.remove('sluice.dev/v1alpha1', 'WorkloadCluster', one.name, one.namespace);
      }
      await everythingGone(stage.world(), tenant);
      await waitUntil('the WorkloadClusters to be gone', 120_000, async () => {
        const left = await management.list('sluice.dev/v1alpha1', 'WorkloadCluster');
        return left.length === 0 ? true : undefined;
      });
    });

    test.skipIf(process.env['SLUICE_E2E_AUDIT'] === undefined)(
      'the chart grants what is used and nothing else (SLUICE_E2E_AUDIT)',
      async () => {
        const { environment, management, tenants } = stage.world();
        const [tenant] = tenants;
        const rbac = 'rbac.authorization.k8s.io/v1';
        const label = '?labelSelector=app.kubernetes.io%2Fname%3Dsluice';
        const problems: string[] = [];
        const check = (plane: string, rights: Set<string>, logs: readonly string[]) => {
          const books = logs.map((log) => audited(environment.auditLogs.get(log) ?? ''));
          const used = new Set(books.flatMap((book) => [...book.used]));
          for (const right of books.flatMap((book) => [...book.refused]))
            problems.push(`${plane}: missing right ${right}`);
          for (const right of rights)
            if (!used.has(right) && !NOT_AUDITED.test(right)) problems.push(`${plane}: right never used: ${right}`);
        };
        check('management', granted(await management.list(rbac, 'Role', label)), ['mgmt']);
        const onTenant = [
          ...(await tenant.kube.list(rbac, 'ClusterRole', label)),
          ...(await tenant.kube.list(rbac, 'Role', label)),
        ];
        check(
          'workload',
          granted(onTenant),
          tenants.map((one) => one.name),
        );
        expect(problems).toEqual([]);
      },
    );
  });
}
