// Half an hour in which Keystone refuses the controller, whole: `sluice run` as a process, its cloud behind the proxy, which
// counts. First the credential that it works with is withdrawn, with every token; later its secret is replaced by one that
// is wrong too. People resize the pool meanwhile. Nothing may be made or deleted, one condition says why, Keystone is asked
// once a minute at most; with the right secret it goes on.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fieldsOf, listOf, textOf, type Fields } from '../../src/playground/untyped.ts';
import { processController } from './chaos-controller.ts';
import { openChaosWorld, type ChaosWorld } from './chaos-world.ts';
import { FaultProxy } from './fault-proxy.ts';
import type { TimeLapse } from './time-lapse.ts';

const POOL = 'general';
const NODES = 3;
/** Of the lapse. */
const MINUTE_MS = 60_000;
const REFUSED_MINUTES = 30;
const WRONG_SECRET_AT_MINUTE = 20;
/** A refusal stands for a minute from its answer on; what passes between answer and request is the machine's. */
const GAP_MIN_MS = 0.9 * MINUTE_MS;
/** Of real time: a start, three boots and a loop or two, on a busy machine. */
const SETTLED_REAL_MS = 60_000;
const LOOK_REAL_MS = 100;

export interface RefusedLoginResult {
  readonly minutes: number;
  /** Requests to Keystone while it refused. */
  readonly logins: number;
  readonly shortestGapSeconds: number;
  /** Changing requests that reached the cloud, and nodes, claims and servers that were not what they had been. */
  readonly writes: number;
  readonly changed: readonly string[];
  /** Every state of the condition CloudReachable that was seen: status, reason and since when. */
  readonly conditions: readonly string[];
  readonly nodesAfterwards: number;
}

/** What must not have been. */
export function refusedLoginFindings(result: RefusedLoginResult): readonly string[] {
  const { logins, minutes, shortestGapSeconds, writes, changed, conditions, nodesAfterwards } = result;
  const refused = conditions.filter((condition) => condition.startsWith('False CredentialsInvalid'));
  return [
    ...(logins === 0 ? ['Keystone was never asked'] : []),
    // one at the start of each minute and its end, and the second secret is a credential of its own
    ...(logins > minutes + 2 ? [`${logins} logins in ${minutes} minutes`] : []),
    ...(shortestGapSeconds * 1000 < GAP_MIN_MS ? [`two logins within ${shortestGapSeconds} s`] : []),
    ...(writes > 0 ? [`${writes} writes reached the cloud`] : []),
    ...changed,
    ...(refused.length === 1 && conditions.length === 1 ? [] : [`not one condition: ${conditions.join('; ')}`]),
    ...(nodesAfterwards === 1 ? [] : [`${nodesAfterwards} nodes stand with the right secret, 1 is wanted`]),
  ];
}

/** Runs it on a playground, in the time of this process. */
export async function runRefusedLogin(lapse: TimeLapse): Promise<RefusedLoginResult> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-refused-'));
  const world = await openChaosWorld();
  const logins: number[] = [];
  let writes = 0;
  const proxy = new FaultProxy({
    seed: 0,
    draw: () => undefined,
    onSide: ({ label, method }, side) => {
      if (side === 'answer') return;
      if (label.endsWith('/auth/tokens')) logins.push(Date.now());
      else if (method !== 'GET') writes += 1;
    },
  });
  await proxy.start();
  const kubeconfigPath = join(folder, 'kubeconfig');
  writeFileSync(kubeconfigPath, world.playground.managementKubeconfig, { mode: 0o600 });
  await world.register({ kubeconfig: world.cluster.kubeconfig, cloudsYaml: proxy.inFrontOf(world.cloudsYaml) });
  const controller = processController({ kubeconfigPath, logFile: join(folder, 'controller.log'), lapse });
  try {
    await world.setDesired(POOL, NODES);
    await controller.start();
    await settled({ world, lapse }, NODES);
    const right = proxy.inFrontOf(world.playground.rotateCredentials());
    const before = standing(world);
    logins.length = 0;
    writes = 0;
    const conditions = await refusedFor(world, {
      lapse,
      resize: (nodes) => world.setDesired(POOL, nodes),
      replaceSecret: () => world.setCloudsYaml(right.replace(/(application_credential_secret: ).+/, '$1wrong')),
    });
    const seen = { logins: [...logins], writes, changed: differences(before, standing(world)) };
    await world.setCloudsYaml(right);
    await settled({ world, lapse }, 1);
    rmSync(folder, { recursive: true });
    return {
      minutes: REFUSED_MINUTES,
      logins: seen.logins.length,
      shortestGapSeconds: shortestGapSeconds(seen.logins),
      writes: seen.writes,
      changed: seen.changed,
      conditions,
      nodesAfterwards: standing(world).get('nodes')?.length ?? 0,
    };
  } finally {
    await controller.stop();
    await proxy.stop();
    await world.close();
  }
}

/** Lets the half hour pass, with what people do meanwhile; returns each state of the condition once, in order. */
async function refusedFor(
  world: ChaosWorld,
  with_: {
    readonly lapse: TimeLapse;
    resize(nodes: number): Promise<void>;
    replaceSecret(): Promise<void>;
  },
): Promise<readonly string[]> {
  const startedMs = Date.now();
  const minutes = () => (Date.now() - startedMs) / MINUTE_MS;
  const todo = [
    { atMinute: 5, run: () => with_.resize(NODES + 2) },
    { atMinute: 10, run: () => with_.resize(1) },
    { atMinute: WRONG_SECRET_AT_MINUTE, run: () => with_.replaceSecret() },
  ];
  const states = new Set<string>();
  while (minutes() < REFUSED_MINUTES) {
    if (minutes() >= (todo[0]?.atMinute ?? Infinity)) await todo.shift()?.run();
    const condition = cloudReachable(world);
    // Until the first refusal it says what was so before.
    if (states.size > 0 || condition.startsWith('False')) states.add(condition);
    await with_.lapse.realSleep(LOOK_REAL_MS);
  }
  return [...states];
}

function cloudReachable(world: ChaosWorld): string {
  const cluster = world.playground.management.get('workloadclusters', 'shop', 'default');
  const conditions = listOf(fieldsOf(cluster?.['status'])['conditions']).map(fieldsOf);
  const found = conditions.find(({ type }) => type === 'CloudReachable') ?? {};
  return [found['status'], found['reason'], found['lastTransitionTime']].map(textOf).join(' ');
}

/** Names of what there is, by kind. */
function standing({ playground, cluster }: ChaosWorld): ReadonlyMap<string, readonly string[]> {
  const { serversCreated, serversDeleted, portsCreated, portsDeleted } = playground.books();
  const names = (objects: readonly Fields[]) => objects.map((object) => textOf(fieldsOf(object['metadata'])['name']));
  return new Map([
    ['nodes', names(cluster.list('nodes'))],
    ['claims', names(playground.management.list('nodeclaims'))],
    ['servers and ports', [serversCreated, serversDeleted, portsCreated, portsDeleted].map(String)],
  ]);
}

function differences(
  before: ReadonlyMap<string, readonly string[]>,
  after: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  return [...before].flatMap(([kind, names]) => {
    const now = after.get(kind) ?? [];
    return names.join() === now.join() ? [] : [`${kind} were ${names.join()} and are ${now.join()}`];
  });
}

/** All but one: the second secret is a credential of its own, and is tried at once. */
function shortestGapSeconds(times: readonly number[]): number {
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  return Math.round((gaps.toSorted((a, b) => a - b)[1] ?? Infinity) / 1000);
}

/** Until so many nodes are Ready, and no more servers and claims stand than that. */
async function settled(stage: { readonly world: ChaosWorld; readonly lapse: TimeLapse }, nodes: number): Promise<void> {
  const { world, lapse } = stage;
  const untilMs = lapse.realMs() + SETTLED_REAL_MS;
  const isReady = (node: Fields) =>
    listOf(fieldsOf(node['status'])['conditions'])
      .map(fieldsOf)
      .some(({ type, status }) => type === 'Ready' && status === 'True');
  for (;;) {
    const claims = world.claims().map((claim) => textOf(fieldsOf(claim['status'])['phase']));
    const found = [world.cluster.list('nodes').filter(isReady).length, world.playground.books().serversLeft];
    if (
      claims.length === nodes &&
      claims.every((phase) => phase === 'Ready') &&
      found.every((count) => count === nodes)
    )
      return;
    if (lapse.realMs() > untilMs) {
      throw new Error(
        `not within ${SETTLED_REAL_MS} ms: ${nodes} nodes; nodes and servers ${found.join()}, claims ${claims.join()}`,
      );
    }
    await lapse.realSleep(LOOK_REAL_MS);
  }
}
