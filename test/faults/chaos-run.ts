// One chaos run: pools are told to be of another size again and again while faults strike and the controller dies; at every
// look and at the end the project must hold what the claims say and nothing else.
import { fieldsOf, listOf, textOf } from '../../src/playground/untyped.ts';
import type { ChaosController } from './chaos-controller.ts';
import type { ChaosWorld } from './chaos-world.ts';
import { drawFrom, type Exchange, type Fault } from './fault-kinds.ts';
import type { FaultProxy } from './fault-proxy.ts';
import { fractionFor, wholeFor } from './seeded-draws.ts';
import type { TimeLapse } from './time-lapse.ts';
import { TwinWatch } from './twin-watch.ts';

export interface ChaosPlan {
  readonly seed: number;
  /** Servers to be made and deleted, at least. */
  readonly creates: number;
  /** Of all exchanges, the share that meets a fault. */
  readonly faultShare: number;
  /** Kinds of fault that are left out of this run. */
  readonly without?: readonly Fault['kind'][];
  /** Of all writes, the share at which the controller is killed, on one of both sides. */
  readonly killShare: number;
  /** A pool's size at the most. */
  readonly nodesMax: number;
  /** For the whole, in real time. */
  readonly limitMs: number;
  readonly tell?: (line: string) => void;
}

export interface ChaosResult {
  readonly seed: number;
  readonly created: number;
  readonly posts: number;
  readonly exchanges: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly kills: number;
  /** Each of these must be 0 or empty. */
  readonly twins: number;
  /** Claims with two servers in BUILD or ACTIVE at once, less the creates that were delivered twice. */
  readonly doubledUnexplained: number;
  readonly serversLeft: number;
  readonly portsLeft: number;
  readonly claimsLeft: number;
  readonly lostPlants: readonly string[];
  /** Looks at rest at which servers and claims were not the same. */
  readonly mismatches: number;
  readonly unfinished: string;
}

const POOLS = ['general', 'other'] as const;
/** Between two looks at the cloud; what it tells by itself of ACTIVE servers (the playground does) is not missed between. */
const LOOK_REAL_MS = 120;
/** Of the waves, those that do not wait for their end. */
const IMPATIENT_SHARE = 0.3;
const LOOKALIKES = 3;

interface Stage {
  readonly world: ChaosWorld;
  readonly proxy: FaultProxy;
  readonly controller: ChaosController;
  readonly lapse: TimeLapse;
}

/** Kills what runs at drawn exchanges; `due` is whether one has died that was not started again. */
export class Killer {
  readonly #plan: Pick<ChaosPlan, 'seed' | 'killShare'>;
  kills = 0;
  due = false;
  kill: () => boolean = () => false;

  constructor(plan: Pick<ChaosPlan, 'seed' | 'killShare'>) {
    this.#plan = plan;
  }

  onSide({ method, label, ordinal }: Exchange, side: 'request' | 'answer'): void {
    const { seed, killShare } = this.#plan;
    if (method === 'GET' || this.due) return;
    if (fractionFor(seed, 'kill', label, ordinal, side) >= killShare / 2) return;
    if (!this.kill()) return;
    this.kills += 1;
    this.due = true;
  }
}

/** Runs it; what went wrong is in the result, not thrown. */
export async function runChaos(stage: Stage, killer: Killer, plan: ChaosPlan): Promise<ChaosResult> {
  const run = new ChaosRun(stage, killer, plan);
  return run.whole();
}

class ChaosRun {
  readonly #stage: Stage;
  readonly #killer: Killer;
  readonly #plan: ChaosPlan;
  readonly #watch = new TwinWatch();
  readonly #untilMs: number;
  #mismatches = 0;
  #lookalikes = 0;

  constructor(stage: Stage, killer: Killer, plan: ChaosPlan) {
    this.#stage = stage;
    this.#killer = killer;
    this.#plan = plan;
    this.#untilMs = stage.lapse.realMs() + plan.limitMs;
  }

  async whole(): Promise<ChaosResult> {
    const { world, proxy, controller } = this.#stage;
    const { seed, faultShare, creates, without = [] } = this.#plan;
    this.#killer.kill = () => controller.kill();
    await world.books.plantStrangers();
    await controller.start();
    const draw = drawFrom({ seed, share: faultShare });
    proxy.setDraw((exchange) => {
      const fault = draw(exchange);
      return fault === undefined || without.includes(fault.kind) ? undefined : fault;
    });
    let unfinished = '';
    for (let wave = 1; this.#watch.created < creates && unfinished === ''; wave++) unfinished = await this.#wave(wave);
    if (unfinished === '') unfinished = await this.#emptied();
    proxy.setDraw(() => undefined);
    return this.#result(unfinished);
  }

  /** Why it did not come to an end; '' when it did. */
  async #wave(wave: number): Promise<string> {
    const { seed, nodesMax } = this.#plan;
    // Large and small in turn: what was made is deleted again, some of it while it builds.
    const range = wave % 2 === 1 ? { from: Math.ceil(nodesMax / 2), to: nodesMax } : { from: 0, to: nodesMax / 5 };
    const sizes = POOLS.map((pool) => wholeFor(range, seed, 'size', pool, wave));
    await this.#resize(sizes);
    const impatient = fractionFor(seed, 'impatient', wave) < IMPATIENT_SHARE;
    const patience = impatient ? wholeFor({ from: 2, to: 20 }, seed, 'looks', wave) : Infinity;
    const wanted = sizes.reduce((sum, size) => sum + size, 0);
    this.#plan.tell?.(
      `wave ${wave}: ${sizes.join(' + ')} nodes, ${this.#watch.created} created, kills ${this.#killer.kills}`,
    );
    for (let looks = 0; looks < patience; looks++) {
      await this.#look();
      if (await this.#isSettledAt(wanted)) return '';
      if (this.#isLate()) return `wave ${wave} did not come to ${sizes.join(' + ')} nodes: ${this.#state()}`;
    }
    return '';
  }

  async #resize(sizes: readonly number[]): Promise<void> {
    for (const [index, pool] of POOLS.entries()) await this.#stage.world.setDesired(pool, sizes[index] ?? 0);
  }

  /** One look at the cloud; a controller that died is started again. */
  async #look(): Promise<void> {
    const { world, controller, lapse } = this.#stage;
    if (this.#killer.due) {
      await controller.buried();
      await controller.start();
      this.#killer.due = false;
    }
    await lapse.realSleep(LOOK_REAL_MS);
    const standing = await world.books.standing();
    this.#watch.look(standing);
    const model = standing.servers.find(({ status }) => status === 'ACTIVE');
    if (this.#lookalikes < LOOKALIKES && model !== undefined) {
      this.#lookalikes += 1;
      await world.books.plantLookalikes(model);
    }
  }

  /** Every claim has one ACTIVE server and there are as many as wanted. A server in ERROR of a create that was delivered
   *  twice may stand beside them until the grace is over. */
  async #isSettledAt(wanted: number): Promise<boolean> {
    const claims = this.#stage.world.claims();
    if (claims.length !== wanted || this.#watch.activeNow !== wanted) return false;
    const active = this.#watch.last.servers.filter(({ status }) => status === 'ACTIVE');
    const uids = new Set(claims.map((claim) => textOf(fieldsOf(claim['metadata'])['uid'])));
    const same = active.length === uids.size && active.every(({ claimUid }) => uids.has(claimUid));
    if (!same) this.#mismatches += 1;
    return same;
  }

  /** All pools to zero, then nothing of ours is left. */
  async #emptied(): Promise<string> {
    await this.#resize([0, 0]);
    this.#plan.tell?.(`emptying: ${this.#watch.created} created, kills ${this.#killer.kills}`);
    for (;;) {
      await this.#look();
      const { servers, ports } = this.#watch.last;
      if (servers.length + ports.length + this.#stage.world.claims().length === 0) return '';
      if (this.#isLate()) return `something is left: ${this.#state()}`;
    }
  }

  #isLate(): boolean {
    return this.#stage.lapse.realMs() > this.#untilMs;
  }

  #state(): string {
    const { servers, ports } = this.#watch.last;
    const claims = this.#stage.world.claims().map(({ metadata, status }) => {
      const { name, deletionTimestamp } = fieldsOf(metadata);
      const { phase, serverId, failure } = fieldsOf(status);
      return { name, deletionTimestamp, phase, serverId, failure };
    });
    const { management } = this.#stage.world.playground;
    const said = [...management.list('workloadclusters'), ...this.#stage.world.cluster.list('nodepools')].map(
      ({ metadata, status }) => [fieldsOf(metadata)['name'], conditionsOf(status)],
    );
    const names = servers.map(({ name, status }) => `${name} ${status}`);
    return JSON.stringify({ said, names, ports: ports.length, claims }).slice(0, 12_000);
  }

  async #result(unfinished: string): Promise<ChaosResult> {
    const { proxy, world } = this.#stage;
    const faults: Record<string, number> = {};
    for (const { fault } of proxy.faults) faults[fault.kind] = (faults[fault.kind] ?? 0) + 1;
    const duplicated = proxy.faults.filter(({ fault, label }) => fault.kind === 'duplicate' && CREATE.test(label));
    return {
      seed: this.#plan.seed,
      created: this.#watch.created,
      posts: proxy.count(CREATE),
      exchanges: proxy.count(/./),
      faults,
      kills: this.#killer.kills,
      twins: this.#watch.twins.length + world.activatedTwice().length,
      doubledUnexplained: Math.max(0, this.#watch.doubled - duplicated.length),
      serversLeft: this.#watch.last.servers.length,
      portsLeft: this.#watch.last.ports.length,
      claimsLeft: world.claims().length,
      lostPlants: await world.books.lostPlants(),
      mismatches: this.#mismatches,
      unfinished,
    };
  }
}

const CREATE = /^POST \/\S*\/servers$/;

/** What makes a run a failure; empty: nothing. */
export function findings(result: ChaosResult): readonly string[] {
  const { twins, doubledUnexplained, serversLeft, portsLeft, claimsLeft, lostPlants, mismatches, unfinished } = result;
  const counts = { twins, doubledUnexplained, serversLeft, portsLeft, claimsLeft, mismatches };
  return [
    ...Object.entries(counts).flatMap(([what, count]) => (count === 0 ? [] : [`${what}: ${count}`])),
    ...lostPlants.map((plant) => `lost: ${plant}`),
    ...(unfinished === '' ? [] : [unfinished]),
  ];
}

function conditionsOf(status: unknown): readonly string[] {
  return listOf(fieldsOf(status)['conditions'])
    .map(fieldsOf)
    .map(({ type, status: value, reason, message }) => [type, value, reason, message].map(textOf).join(' '));
}
