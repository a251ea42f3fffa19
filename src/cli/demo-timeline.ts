// The demo's timeline: events of the playground and decisions of the controller as lines that a person can follow.
// Events of one kind that come together become one line. Colours only when asked for.
import type { PlaygroundEvent } from '../playground/playground.ts';

export interface TimelineOptions {
  readonly write: (line: string) => void;
  readonly colour: boolean;
  /** Euros per hour, by flavor. */
  readonly prices: ReadonlyMap<string, number>;
  /** Milliseconds since the start. */
  readonly elapsedMs: () => number;
}

type Hue = 'plain' | 'dim' | 'green' | 'yellow' | 'cyan' | 'red' | 'bold';

const CODES: Readonly<Record<Hue, string>> = {
  plain: '',
  dim: '\u001b[2m',
  green: '\u001b[32m',
  yellow: '\u001b[33m',
  cyan: '\u001b[36m',
  red: '\u001b[31m',
  bold: '\u001b[1m',
};

/** Pods come in bursts; a line per burst. */
const GATHER_MS = 250;
const TITLE_WIDTH = 11;

/** `web-1a2b3c4d-x1y2z` → `web`: what a person called it. */
function workloadOf(pod: string): string {
  return pod.slice(pod.indexOf('/') + 1).replace(/-[0-9a-f]{8}-[0-9a-z]{5}$/, '');
}

/** `web ×6, cache ×2`. */
export function countNames(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => (count === 1 ? name : `${name} ×${count}`)).join(', ');
}

interface Burst {
  readonly title: string;
  readonly hue: Hue;
  readonly names: string[];
  details: Set<string>;
  timer: NodeJS.Timeout;
}

export class DemoTimeline {
  readonly #options: TimelineOptions;
  readonly #bursts = new Map<string, Burst>();
  /** Servers that stand: flavor, and when they were asked for. */
  readonly #servers = new Map<string, { readonly flavor: string; readonly sinceMs: number }>();
  #paid = 0;
  #closed = false;

  constructor(options: TimelineOptions) {
    this.#options = options;
  }

  /** One line. */
  say(title: string, text: string, hue: Hue = 'plain'): void {
    const { colour, write, elapsedMs } = this.#options;
    const seconds = (elapsedMs() / 1000).toFixed(1).padStart(5);
    const paint = (code: string, part: string): string => (colour && code !== '' ? `${code}${part}\u001b[0m` : part);
    write(`${paint(CODES.dim, `${seconds}s`)}  ${paint(CODES[hue], title.padEnd(TITLE_WIDTH))} ${text}`);
  }

  /** Prints what is being gathered; afterwards nothing more is printed by timers. */
  close(): void {
    this.flush();
    this.#closed = true;
  }

  flush(): void {
    for (const [key, burst] of this.#bursts) this.#print(key, burst);
  }

  /** Euros per hour of the servers that stand now. */
  costPerHour(): number {
    return [...this.#servers.values()].reduce((total, { flavor }) => total + this.#price(flavor), 0);
  }

  /** Euros for all servers so far, from the answer of the cloud to the end of the server, by the millisecond. */
  costSoFar(): number {
    let total = this.#paid;
    for (const server of this.#servers.values()) total += this.#costOf(server);
    return total;
  }

  #price(flavor: string): number {
    return this.#options.prices.get(flavor) ?? 0;
  }

  #costOf({ flavor, sinceMs }: { readonly flavor: string; readonly sinceMs: number }): number {
    return (this.#price(flavor) * (this.#options.elapsedMs() - sinceMs)) / 3_600_000;
  }

  #gather(title: string, name: string, { hue, detail = '' }: { hue: Hue; detail?: string }): void {
    if (this.#closed) return;
    const known = this.#bursts.get(title);
    if (known !== undefined) {
      known.names.push(name);
      if (detail !== '') known.details.add(detail);
      return;
    }
    const burst: Burst = {
      title,
      hue,
      names: [name],
      details: new Set(detail === '' ? [] : [detail]),
      timer: setTimeout(() => this.#print(title, burst), GATHER_MS),
    };
    this.#bursts.set(title, burst);
  }

  #print(key: string, burst: Burst): void {
    clearTimeout(burst.timer);
    this.#bursts.delete(key);
    const why = burst.details.size === 0 ? '' : ` (${[...burst.details].slice(0, 2).join('; ')})`;
    this.say(burst.title, `${countNames(burst.names)}${why}`, burst.hue);
  }

  /** What the playground saw. */
  saw(event: PlaygroundEvent): void {
    switch (event.kind) {
      case 'serverCreated':
        this.#servers.set(event.server, { flavor: event.flavor, sinceMs: this.#options.elapsedMs() });
        this.say('server', `${event.server} asked of Nova: ${event.flavor}${place(event.zone)}`, 'cyan');
        return;
      case 'serverActive':
        this.say('ACTIVE', `${event.server}${place(event.zone)}`, 'cyan');
        return;
      case 'serverFailed':
        this.say('ERROR', `${event.server}: ${event.flavor} could not be built`, 'red');
        return;
      case 'bootFailed':
        this.say('ERROR', `${event.server} does not boot: ${event.detail}`, 'red');
        return;
      case 'serverGone': {
        const server = this.#servers.get(event.server);
        if (server !== undefined) this.#paid += this.#costOf(server);
        this.#servers.delete(event.server);
        this.say('released', `${event.server} (${event.flavor})`, 'cyan');
        return;
      }
      case 'nodeReady':
        this.say('Ready', event.node, 'green');
        return;
      case 'nodeCordoned':
        this.say('drain', `${event.node} takes no more pods`, 'yellow');
        return;
      case 'nodeUnreachable':
        this.say('silent', event.node, 'red');
        return;
      case 'podUnschedulable':
        this.#gather('pending', workloadOf(event.pod), { hue: 'yellow', detail: event.detail });
        return;
      case 'podRunning':
        this.#gather('running', workloadOf(event.pod), { hue: 'green', detail: '' });
        return;
      case 'podEvicted':
        this.#gather('evicted', workloadOf(event.pod), { hue: 'yellow', detail: `from ${event.node}` });
        return;
      case 'serverDeleting':
      case 'portCreated':
      case 'portGone':
      case 'nodeRegistered':
      case 'nodeGone':
      case 'podPending':
      case 'podBound':
      case 'podGone':
      case 'eventRecorded':
        return;
    }
  }

  /** What the controller decided: entries of its decision log. */
  decided(entry: Readonly<Record<string, unknown>>): void {
    if (entry['outcome'] !== 'done') return;
    // What waits comes before what is done about it.
    const pending = this.#bursts.get('pending');
    if (pending !== undefined) this.#print('pending', pending);
    const field = (name: string): string => (typeof entry[name] === 'string' ? entry[name] : '');
    const count = (name: string): string => (typeof entry[name] === 'number' ? String(entry[name]) : 'unset');
    const pods = Array.isArray(entry['pods']) ? entry['pods'].length : 0;
    switch (entry['kind']) {
      case 'createClaim': {
        const price = this.#options.prices.get(field('flavor'));
        const cost = price === undefined ? '' : ` at ${price.toFixed(4)} €/h`;
        const whom = pods === 0 ? '' : ` for ${pods} pod${pods === 1 ? '' : 's'}`;
        const what = `+ ${field('claim')}: ${field('flavor')}${place(field('zone'))}${cost}${whom}`;
        // "for 2 pods: for web" says it twice.
        const reason = pods === 0 ? field('reason') : field('reason').replace(/^for /, '');
        this.say('decided', `${what}: ${reason}`, 'bold');
        return;
      }
      case 'removeClaim':
        this.say('decided', `- ${field('claim')}: ${field('message')}`, 'bold');
        return;
      case 'setDesiredNodes':
        this.say('decided', `  ${field('pool')}.desiredNodes ${count('from')} → ${count('to')}`, 'dim');
        return;
      default:
        return;
    }
  }
}

function place(zone: string): string {
  return zone === '' ? '' : ` in ${zone}`;
}
