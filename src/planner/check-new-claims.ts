// Part of check-plan: new claims say all that a server needs, and name only what the pool and the cluster have.
import { FINALIZERS, LABELS } from '../api/names.ts';
import type { NodeClaimSpec } from '../api/node-claim.ts';
import type { NodePool } from '../api/node-pool.ts';
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import type { CloudTargets } from '../cluster/cluster-objects.ts';
import { arrayOf } from '../cluster/listed.ts';
import type { Finding } from './finding.ts';
import type { Plan, PlanStep } from './plan.ts';

/** Nova and Kubernetes both take such names: the pool's, `-node-` and six hex digits. */
const POOL_PART = /^[a-z]([a-z0-9-]*[a-z0-9])?$/;
const LAST_PART = /^[0-9a-f]{6}$/;
/** A DNS label, because a node name is one. */
const CLAIM_NAME_LENGTH_MAX = 63;
/** New claims: free names, a pool that is there, a spec that says all and agrees with the cluster. All fatal. */
export function checkNewClaims(plan: Plan, snapshot: ClusterSnapshot): readonly Finding[] {
  const { objects } = snapshot;
  const findings: Finding[] = [];
  if (!plan.steps.some((step) => step.kind === 'createClaim')) return findings;
  const taken = new Set([
    ...objects.claims.map((claim) => claim.metadata.name),
    ...arrayOf(objects.nodes).map((node) => node.name),
  ]);
  const checked = new Map<NodeClaimSpec, string>();
  const prefixes = new Map<string, string>();
  const pools = new Map(objects.nodePools.map((pool) => [pool.metadata.name, pool]));
  for (const step of plan.steps) {
    if (step.kind !== 'createClaim') continue;
    const { name, spec } = step;
    if (taken.has(name)) findings.push(fatal('nameTaken', `the name '${name}' of a new claim is taken`, step.pool));
    taken.add(name);
    const prefix = prefixes.get(step.pool) ?? prefixOf(step.pool);
    prefixes.set(step.pool, prefix);
    if (!isNameWith(prefix, name)) {
      findings.push(
        fatal(
          'malformed',
          `'${name}' must be '${step.pool}-node-' and six hex digits, at most 63 characters`,
          step.pool,
        ),
      );
    }
    if (objects.cluster.metadata.deletionTimestamp !== undefined) {
      findings.push(fatal('unfounded', `claim '${name}' would be created in a cluster that is being deleted`));
    }
    const pool = pools.get(step.pool);
    if (pool === undefined || pool.metadata.deletionTimestamp !== undefined) {
      findings.push(
        fatal(
          'unfounded',
          `claim '${name}' is for pool '${step.pool}', which is not there or being deleted`,
          step.pool,
        ),
      );
      continue;
    }
    // Claims of equal nodes share their spec; what is wrong with it is said of the first.
    if (checked.get(spec) === step.pool) continue;
    checked.set(spec, step.pool);
    findings.push(...checkSpec(step, pool, snapshot));
    findings.push(...checkCloudNames(step, pool.spec.flavors ?? [pool.spec.flavor ?? ''], snapshot));
  }
  return findings;
}

/** What names of the pool's claims begin with; empty if the pool's own name is none. */
function prefixOf(pool: string): string {
  return POOL_PART.test(pool) ? `${pool}-node-` : '';
}

function isNameWith(prefix: string, name: string): boolean {
  if (prefix === '' || name.length > CLAIM_NAME_LENGTH_MAX || !name.startsWith(prefix)) return false;
  return LAST_PART.test(name.slice(prefix.length));
}

/** A spec agrees with its pool and with the cluster. */
function checkSpec(
  step: PlanStep & { readonly kind: 'createClaim' },
  pool: NodePool,
  snapshot: ClusterSnapshot,
): readonly Finding[] {
  const { name, spec } = step;
  const { targets } = snapshot.objects;
  const floatingIps = pool.spec.attachFloatingIPs?.enabled === true;
  const findings: Finding[] = [];
  const expected: readonly (readonly [field: string, given: string, wanted: string])[] = [
    ['poolName', spec.poolName, step.pool],
    ['poolUid', spec.poolUid, pool.metadata.uid],
    ['clusterUid', spec.clusterUid, snapshot.objects.cluster.metadata.uid],
    ['projectId', spec.projectId, snapshot.objects.cluster.spec.openstack.projectId],
    ['region', spec.region, snapshot.objects.targets.region],
    ['networkIds', spec.networkIds.join(), snapshot.objects.targets.networkId],
    ['additionalNetworks', networksText(spec.additionalNetworks), networksText(targets.additionalNetworks)],
    ['floatingNetworkId', spec.floatingNetworkId ?? '', floatingIps ? (targets.externalNetworkId ?? 'a network') : ''],
    [`labels['${LABELS.nodePool}']`, spec.labels[LABELS.nodePool] ?? '', step.pool],
    [`labels['${LABELS.zone}']`, spec.labels[LABELS.zone] ?? '', spec.zone],
  ];
  for (const [field, given, wanted] of expected) {
    if (given !== wanted) {
      findings.push(
        fatal('malformed', `spec.${field} of claim '${name}' must be '${wanted}', not '${given}'`, step.pool),
      );
    }
  }
  return findings;
}

function networksText(networks: CloudTargets['additionalNetworks'] | NodeClaimSpec['additionalNetworks']): string {
  return (networks ?? []).map(({ networkId, subnetId }) => `${networkId}/${subnetId ?? ''}`).join();
}

function checkCloudNames(
  step: PlanStep & { readonly kind: 'createClaim' },
  flavorsOfPool: readonly string[],
  snapshot: ClusterSnapshot,
): readonly Finding[] {
  const { flavors, targets } = snapshot.objects;
  const { name, spec } = step;
  const findings: Finding[] = [];
  if (!flavors.some((flavor) => flavor.name === spec.flavor && flavor.id === spec.flavorId)) {
    findings.push(
      fatal(
        'malformed',
        `flavor '${spec.flavor}' (${spec.flavorId}) of claim '${name}' is not the project's`,
        step.pool,
      ),
    );
  }
  if (!flavorsOfPool.includes(spec.flavor)) {
    findings.push(
      fatal('malformed', `flavor '${spec.flavor}' of claim '${name}' is not one of pool '${step.pool}'`, step.pool),
    );
  }
  if (!targets.images.some((image) => image.id === spec.imageId)) {
    findings.push(
      fatal('malformed', `image '${spec.imageId}' of claim '${name}' is not one of the cluster's`, step.pool),
    );
  }
  if (spec.zone !== '' && !targets.zones.includes(spec.zone)) {
    findings.push(fatal('malformed', `zone '${spec.zone}' of claim '${name}' takes no servers`, step.pool));
  }
  if ((spec.finalizers ?? []).includes(FINALIZERS.nodeClaim)) {
    findings.push(fatal('malformed', `claim '${name}' would put our own finalizer on its node`, step.pool));
  }
  return findings;
}

function fatal(kind: string, message: string, pool?: string): Finding {
  return { severity: 'fatal', kind, message, ...(pool === undefined ? {} : { pool }) };
}
