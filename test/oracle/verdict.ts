// Verdicts of `check-fit` and of the judge, read from their lines and compared. The order of reasons does not count: the
// scheduler itself lists extended resources in map order.

export interface NodeVerdict {
  readonly fits: boolean;
  readonly plugin: string;
  /** Sorted. */
  readonly reasons: readonly string[];
  readonly error: boolean;
}

/** By node name; `undefined` for a line that was refused as no case. */
export type Verdict = ReadonlyMap<string, NodeVerdict> | undefined;

export interface Difference {
  readonly kind: 'fits' | 'words';
  readonly node: string;
  readonly judge: NodeVerdict | undefined;
  readonly ours: NodeVerdict | undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Throws on a line that is no verdict. */
export function parseVerdict(line: string): Verdict {
  const parsed: unknown = JSON.parse(line);
  if (!isRecord(parsed)) throw new TypeError(`Not a verdict: ${line.slice(0, 200)}`);
  if (typeof parsed['error'] === 'string') return undefined;
  const nodes = parsed['nodes'] ?? {};
  if (!isRecord(nodes)) throw new TypeError(`Verdict without nodes: ${line.slice(0, 200)}`);
  return new Map(Object.entries(nodes).map(([name, value]) => [name, parseNodeVerdict(value)]));
}

function parseNodeVerdict(value: unknown): NodeVerdict {
  if (!isRecord(value) || typeof value['fits'] !== 'boolean') throw new TypeError('Verdict of a node without fits');
  const reasons: unknown[] = Array.isArray(value['reasons']) ? value['reasons'] : [];
  return {
    fits: value['fits'],
    plugin: typeof value['plugin'] === 'string' ? value['plugin'] : '',
    reasons: reasons.map(String).sort(),
    error: value['error'] === true,
  };
}

/** Node by node; a case that only one side refuses to read differs in fits on the node `*`. */
export function differences(judge: Verdict, ours: Verdict): readonly Difference[] {
  if (judge === undefined || ours === undefined) {
    return judge === ours ? [] : [{ kind: 'fits', node: '*', judge: undefined, ours: undefined }];
  }
  const names = new Set([...judge.keys(), ...ours.keys()]);
  return [...names].flatMap((node): Difference[] => {
    const [one, other] = [judge.get(node), ours.get(node)];
    if (one?.fits !== other?.fits) return [{ kind: 'fits', node, judge: one, ours: other }];
    return JSON.stringify(one) === JSON.stringify(other) ? [] : [{ kind: 'words', node, judge: one, ours: other }];
  });
}

/** One line for a person. */
export function describe({ node, judge, ours }: Difference): string {
  return `${node}: scheduler ${words(judge)}; sluice ${words(ours)}`;
}

function words(verdict: NodeVerdict | undefined): string {
  if (verdict === undefined) return 'gives no verdict';
  if (verdict.fits) return 'fits';
  return `${verdict.plugin}${verdict.error ? ' (error)' : ''} ${JSON.stringify(verdict.reasons)}`;
}
