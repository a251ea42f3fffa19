// Part of check-plan: new claims say all that a server needs, and name only what the pool and the cluster have.
import { FINALIZERS, LABELS } from '../api/names.ts';
import type { NodeClaimSpec } from '../api/node-claim.ts';
import type { NodePool } from '../api/node-pool.ts';
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import type { CloudTargets } from '../cluster/cluster-objects.ts';
import type { Finding } from './finding.ts';
import { nameAt } from './node-names.ts';
import type { Plan, PlanStep } from './plan.ts';

/** Nova and Kubernetes both take such names: the pool's, `-node-` and six hex digits. */
const POOL_PART = /^[a-z]([a-z0-9-]*[a-z0-9])?$/;
const LAST_PART = /^[0-9a-f]{6}$/;
const DIGITS = 6;
const NUMBERS = 16 ** DIGITS;
/** A DNS label, because a node name is one. */
const CLAIM_NAME_LENGTH_MAX = 63;
const NODE_POOL_LABEL = `labels['${LABELS.nodePool}']`;
const ZONE_LABEL = `labels['${LABELS.zone}']`;

type CreateClaims = PlanStep & { readonly kind: 'createClaims' };

/** New claims: free names, a pool that is there, a spec that says all and agrees with the cluster, the same number of pods for
 *  each. All fatal. */
export function checkNewClaims(plan: Plan, snapshot: ClusterSnapshot): readonly Finding[] {
  const { objects } = snapshot;
  const steps = plan.steps.filter((step) => step.kind === 'createClaims');
  if (steps.length === 0) return [];
  const findings: Finding[] = [...checkNames(steps, snapshot)];
  const checked = new Map<NodeClaimSpec, string>();
  const pools = new Map(objects.nodePools.map((pool) => [pool.metadata.name, pool]));
  const flavors = new Map(objects.flavors.map(({ name, id }) => [name, id]));
  for (const step of steps) {
    const { spec, pods } = step;
    const claims = step.names.numbers.length;
    const name = nameAt(step.names, 0);
    if (objects.cluster.metadata.deletionTimestamp !== undefined) {
      findings.push(fatal('unfounded', `claim '${name}' would be created in a cluster that is being deleted`));
    }
    if (claims === 0 || pods.some(({ from, to }) => (to - from) % claims !== 0)) {
      const counts = pods.map(({ from, to }) => to - from).join(' and ');
      findings.push(fatal('malformed', `${counts || 'no'} pods cannot be dealt to ${claims} equal claims`, step.pool));
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
    findings.push(...checkCloudNames(step, pool, { snapshot, flavors }));
  }
  return findings;
}

/** Names that nothing has, each once, and that Nova and Kubernetes take. */
function checkNames(steps: readonly CreateClaims[], { objects }: ClusterSnapshot): readonly Finding[] {
  const findings: Finding[] = [];
  const drawn = new Map<string, number[]>();
  for (const { pool, names } of steps) {
    const first = nameAt(names, 0);
    if (names.pool !== pool || !isName(pool, first) || !areNumbers(names.numbers)) {
      const rule = `must be '${pool}-node-' and six hex digits, at most ${CLAIM_NAME_LENGTH_MAX} characters`;
      findings.push(fatal('malformed', `'${first}' ${rule}`, pool));
      continue;
    }
    const known = drawn.get(pool);
    if (known === undefined) drawn.set(pool, [...names.numbers]);
    else for (const one of names.numbers) known.push(one);
  }
  const taken = takenIn(drawn.keys(), objects);
  for (const [pool, numbers] of drawn) {
    const again = firstTaken(numbers, taken.get(`${pool}-node-`));
    if (again === undefined) continue;
    const name = nameAt({ pool, numbers: [again] }, 0);
    findings.push(fatal('nameTaken', `the name '${name}' of a new claim is taken`, pool));
  }
  return findings;
}

function areNumbers(numbers: readonly number[]): boolean {
  for (const one of numbers) if (!Number.isInteger(one) || one < 0 || one >= NUMBERS) return false;
  return true;
}

/** One that comes twice or is among `taken`. */
function firstTaken(numbers: readonly number[], taken: ReadonlySet<number> = new Set()): number | undefined {
  const sorted = Uint32Array.from(numbers).sort();
  let before = -1;
  for (const one of sorted) {
    if (one === before || taken.has(one)) return one;
    before = one;
  }
  return undefined;
}

function isName(pool: string, name: string): boolean {
  const prefix = `${pool}-node-`;
  if (!POOL_PART.test(pool) || name.length > CLAIM_NAME_LENGTH_MAX || !name.startsWith(prefix)) return false;
  return LAST_PART.test(name.slice(prefix.length));
}

/** What claims and nodes with names of each of the pools are called at the end. */
function takenIn(
  pools: Iterable<string>,
  { claims, nodes }: ClusterSnapshot['objects'],
): ReadonlyMap<string, ReadonlySet<number>> {
  const taken = new Map<string, Set<number>>();
  for (const pool of pools) taken.set(`${pool}-node-`, new Set());
  const note = (name: string): void => {
    const numbers = taken.get(name.slice(0, -DIGITS));
    if (numbers !== undefined && LAST_PART.test(name.slice(-DIGITS))) {
      numbers.add(Number.parseInt(name.slice(-DIGITS), 16));
    }
  };
  for (const { metadata } of claims) note(metadata.name);
  for (const { name } of nodes) note(name);
  return taken;
}

/** A spec agrees with its pool and with the cluster. */
function checkSpec(step: CreateClaims, pool: NodePool, snapshot: ClusterSnapshot): readonly Finding[] {
  const { spec } = step;
  const name = nameAt(step.names, 0);
  const { targets } = snapshot.objects;
  const floatingIps = pool.spec.attachFloatingIPs?.enabled === true;
  const findings: Finding[] = [];
  const check = (field: string, given: string, wanted: string): void => {
    if (given === wanted) return;
    findings.push(
      fatal('malformed', `spec.${field} of claim '${name}' must be '${wanted}', not '${given}'`, step.pool),
    );
  };
  const networks = networksText(spec.additionalNetworks);
  check('poolName', spec.poolName, step.pool);
  check('poolUid', spec.poolUid, pool.metadata.uid);
  check('clusterUid', spec.clusterUid, snapshot.objects.cluster.metadata.uid);
  check('projectId', spec.projectId, snapshot.objects.cluster.spec.openstack.projectId);
  check('region', spec.region, targets.region);
  check('networkIds', spec.networkIds.join(), targets.networkId);
  check('additionalNetworks', networks, networksText(targets.additionalNetworks));
  const external = floatingIps ? (targets.externalNetworkId ?? 'a network') : '';
  check('floatingNetworkId', spec.floatingNetworkId ?? '', external);
  check(NODE_POOL_LABEL, spec.labels[LABELS.nodePool] ?? '', step.pool);
  check(ZONE_LABEL, spec.labels[LABELS.zone] ?? '', spec.zone);
  return findings;
}

function networksText(networks: CloudTargets['additionalNetworks'] | NodeClaimSpec['additionalNetworks']): string {
  return (networks ?? []).map(({ networkId, subnetId }) => `${networkId}/${subnetId ?? ''}`).join();
}

function checkCloudNames(
  step: CreateClaims,
  pool: NodePool,
  of: { readonly snapshot: ClusterSnapshot; readonly flavors: ReadonlyMap<string, string> },
): readonly Finding[] {
  const { targets } = of.snapshot.objects;
  const flavorsOfPool = pool.spec.flavors ?? [pool.spec.flavor ?? ''];
  const { spec } = step;
  const name = nameAt(step.names, 0);
  const findings: Finding[] = [];
  if (of.flavors.get(spec.flavor) !== spec.flavorId) {
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
