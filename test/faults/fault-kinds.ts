// What the network and the services in front of OpenStack do to one exchange, and which exchange meets what.
import { fractionFor, wholeFor } from './seeded-draws.ts';

export type Fault =
  /** Carried out, then the connection is cut without an answer. */
  | { readonly kind: 'dropAnswer' }
  /** Carried out, the answer comes late. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Cut before anything was sent on. */
  | { readonly kind: 'resetBefore' }
  /** Carried out; the connection is cut in the middle of the answer's body. */
  | { readonly kind: 'resetInAnswer' }
  /** Carried out; half of the body, and that is said to be all of it. */
  | { readonly kind: 'truncate' }
  /** Not carried out: 429. */
  | { readonly kind: 'throttle'; readonly retryAfterSeconds: number }
  /** Not carried out. */
  | { readonly kind: 'errorBefore'; readonly status: 500 | 502 | 503 }
  /** Carried out; the answer is this one instead. */
  | { readonly kind: 'errorAfter'; readonly status: 500 | 502 | 503 }
  /** Delivered twice, as by a balancer that tries again; the answer is that of one of them. */
  | { readonly kind: 'duplicate'; readonly answer: 'first' | 'second' }
  /** The client is cut off at once; the request arrives at the service only then. */
  | { readonly kind: 'late'; readonly ms: number }
  /** A list: what the same request was answered this long ago, or longer. */
  | { readonly kind: 'stale'; readonly ms: number }
  /** Not carried out: 400, and the message holds what was sent, token and all. By hand only. */
  | { readonly kind: 'echo' }
  /** Headers at once, the body in ten drops. */
  | { readonly kind: 'slowBody'; readonly ms: number };

export interface Exchange {
  readonly method: string;
  /** `POST /compute/v2.1/*\/servers`: ids starred out, the query dropped. */
  readonly label: string;
  /** The how many-th of this label, from 1. */
  readonly ordinal: number;
  /** As asked for, with ids and query. */
  readonly url: string;
}

export interface LoggedFault extends Exchange {
  readonly seed: number;
  /** The how many-th exchange of all. */
  readonly step: number;
  readonly fault: Fault;
}

/** Decides about one exchange; undefined: it passes. */
export type Draw = (exchange: Exchange) => Fault | undefined;

/** How long answers are late, in milliseconds of the world's clock: from not felt to past the client's 30 and 60 s. */
const DELAY_MS = { from: 200, to: 70_000 };
/** A request that is still under way when its client has given up arrives within the window in which a lost answer is
 *  looked for (two minutes), or never: what holds it is a proxy with a timeout of a minute. */
const LATE_MS = { from: 100, to: 60_000 };
const STALE_MS = { from: 1000, to: 15_000 };
const STATUSES = [500, 502, 503] as const;

/** Every kind of fault: this share of all writes, a quarter of it of the reads. Of these there are many to each decision,
 *  and a cloud of which every list fails lets nobody decide anything. */
export function drawFrom(options: { readonly seed: number; readonly share: number }): Draw {
  const { seed, share } = options;
  return ({ label, ordinal, method }) => {
    const isRead = method === 'GET';
    if (fractionFor(seed, 'strikes', label, ordinal) >= (isRead ? share / 4 : share)) return undefined;
    const kinds = isRead ? READ_FAULTS : WRITE_FAULTS;
    const kind = kinds[wholeFor({ from: 0, to: kinds.length - 1 }, seed, 'kind', label, ordinal)] ?? 'dropAnswer';
    return faultOf(kind, (range) => wholeFor(range, seed, 'size', label, ordinal));
  };
}

function faultOf(
  kind: Fault['kind'],
  within: (range: { readonly from: number; readonly to: number }) => number,
): Fault {
  switch (kind) {
    case 'delay':
    case 'slowBody':
      return { kind, ms: within(DELAY_MS) };
    case 'late':
      return { kind, ms: within(LATE_MS) };
    case 'stale':
      return { kind, ms: within(STALE_MS) };
    case 'throttle':
      return { kind, retryAfterSeconds: within({ from: 1, to: 5 }) };
    case 'errorBefore':
    case 'errorAfter':
      return { kind, status: STATUSES[within({ from: 0, to: 2 })] ?? 503 };
    case 'duplicate':
      return { kind, answer: within({ from: 0, to: 1 }) === 0 ? 'first' : 'second' };
    case 'dropAnswer':
    case 'resetBefore':
    case 'resetInAnswer':
    case 'truncate':
    case 'echo':
      return { kind };
    default:
      throw new Error(`no such fault: ${String(kind satisfies never)}`);
  }
}

const READ_FAULTS = [
  'dropAnswer',
  'delay',
  'resetBefore',
  'resetInAnswer',
  'truncate',
  'throttle',
  'errorBefore',
  'stale',
  'slowBody',
] as const satisfies readonly Fault['kind'][];

const WRITE_FAULTS = [
  'dropAnswer',
  'delay',
  'resetBefore',
  'resetInAnswer',
  'truncate',
  'throttle',
  'errorBefore',
  'errorAfter',
  'duplicate',
  'late',
  'slowBody',
] as const satisfies readonly Fault['kind'][];

/** Faults by hand: the first rule whose pattern matches the label and that is not used up. */
export function scripted(
  rules: readonly { readonly label: RegExp; readonly fault: Fault; readonly times?: number }[],
): Draw {
  const left = rules.map((rule) => rule.times ?? Infinity);
  return ({ label }) => {
    const at = rules.findIndex((rule, index) => (left[index] ?? 0) > 0 && rule.label.test(label));
    if (at === -1) return undefined;
    left[at] = (left[at] ?? 0) - 1;
    return rules[at]?.fault;
  };
}
