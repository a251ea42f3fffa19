// The most that one evaluation of a selector can take, read off its syntax before it runs: steps, and how big what it makes
// can get. A tenant writes selectors; ten thousand characters of nested loops would otherwise stall every decision.
import type { ASTNode } from '@marcbachmann/cel-js';
import { ATTRIBUTE_LENGTH_MAX } from '../../cluster/parse-devices.ts';
import { childrenOf } from './cel-syntax.ts';
import { MATCHES } from './cel-values.ts';
import { statesOf } from './pattern-states.ts';

/** Steps of one evaluation; a step is one operation or one character looked at, 5–50 ns. Kubernetes allows a million of its
 *  own units (CELSelectorExpressionMaxCost), which real selectors miss by four powers of ten. Ours is a bound, not a count:
 *  it supposes that every attribute is as long and every map as full as they may be. */
export const SELECTOR_STEPS_MAX = 1_000_000;
/** Attributes of a device, and items of an attribute that is a list: the API's bounds are 32 and 48. */
const ITEMS_MAX = 48;

/** Bounds on a value: `length` of each of its texts, `count` of its items. */
interface Size {
  readonly length: number;
  readonly count: number;
}

interface Estimate extends Size {
  readonly steps: number;
}

type Scope = ReadonlyMap<string, Size>;

const OF_DEVICE: Size = { length: ATTRIBUTE_LENGTH_MAX, count: ITEMS_MAX };
const SCALAR: Size = { length: 1, count: 1 };
const LOOPS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);
const ACCESS: ReadonlySet<string> = new Set(['.', '.?', '[]', '[?]']);
const PATTERNS: ReadonlySet<string> = new Set([MATCHES, 'find']);

/** Steps that one evaluation takes at most; Infinity: beyond all bounds. */
export function stepsAtMost(node: ASTNode): number {
  return estimate(node, new Map()).steps;
}

function estimate(node: ASTNode, scope: Scope): Estimate {
  if (node.op === 'value') {
    return { steps: 1, length: typeof node.args === 'string' ? Math.max(1, node.args.length) : 8, count: 1 };
  }
  if (node.op === 'id') return { steps: 1, ...(scope.get(node.args) ?? OF_DEVICE) };
  if (node.op === 'call') return called(node.args[0], node.args[1], scope);
  if (node.op === 'rcall') return method(node.args, scope);
  const parts = childrenOf(node);
  if (ACCESS.has(node.op)) return access(parts.map((part) => estimate(part, scope)));
  if (node.op === 'list' || node.op === 'map') return literal(parts, scope);
  if (node.op !== '+') return together(parts, scope);
  const [left, right] = [estimate(node.args[0], scope), estimate(node.args[1], scope)];
  const [length, count] = [left.length + right.length, left.count + right.count];
  return capped({ steps: left.steps + right.steps + length + count, length, count });
}

function access(parts: readonly Estimate[]): Estimate {
  const all = widest(parts);
  const [length, count] = [Math.max(all.length, OF_DEVICE.length), Math.max(all.count, OF_DEVICE.count)];
  return { steps: all.steps + 1, length, count };
}

/** Operators that look at all of their operands once. */
function together(parts: readonly ASTNode[], scope: Scope): Estimate {
  const all = widest(parts.map((part) => estimate(part, scope)));
  return capped({ ...all, steps: all.steps + all.length + all.count });
}

function literal(parts: readonly ASTNode[], scope: Scope): Estimate {
  const all = widest(parts.map((part) => estimate(part, scope)));
  return { steps: all.steps + 1, length: all.length, count: Math.max(all.count, parts.length) };
}

function called(name: string, args: readonly ASTNode[], scope: Scope): Estimate {
  if (PATTERNS.has(name)) return pattern(args, scope);
  return together(args, scope);
}

function method([name, receiver, args]: readonly [string, ASTNode, readonly ASTNode[]], scope: Scope): Estimate {
  if (LOOPS.has(name)) return loop({ name, receiver, args }, scope);
  if (name === 'bind') return bound(args, scope);
  if (PATTERNS.has(name)) return pattern([receiver, ...args], scope);
  const on = estimate(receiver, scope);
  const given = widest(args.map((part) => estimate(part, scope)));
  const steps = on.steps + given.steps + (on.length + on.count) * 2 + given.length + given.count;
  switch (name) {
    case 'split':
      return capped({ steps, length: on.length, count: on.length });
    case 'join':
      return capped(grown(steps, on.count * (on.length + given.length)));
    case 'replace':
      return capped(grown(steps, on.length * (1 + given.length)));
    case 'contains':
    case 'equivalent':
    case 'intersects':
      // Of lists, each item is compared with each.
      return capped({ ...SCALAR, steps: steps + (on.count + given.count) * (given.count + given.length) });
    default:
      return capped({ steps, length: Math.max(on.length, given.length), count: Math.max(on.count, given.count) });
  }
}

function grown(steps: number, length: number): Estimate {
  return { steps: steps + length, length, count: 1 };
}

function loop(
  of: { readonly name: string; readonly receiver: ASTNode; readonly args: readonly ASTNode[] },
  scope: Scope,
): Estimate {
  const range = estimate(of.receiver, scope);
  const [variable, ...body] = of.args;
  const inner = new Map(scope);
  if (variable?.op === 'id')
    inner.set(variable.args, { length: range.length, count: itemCount(of.receiver, range, scope) });
  const each = widest(body.map((part) => estimate(part, inner)));
  const steps = range.steps + range.count * (each.steps + 2);
  const length = of.name === 'map' ? Math.max(range.length, each.length) : range.length;
  return capped({ steps, length, count: Math.max(range.count, of.name === 'map' ? each.count : 1) });
}

/** How many items each item of a range may have itself: what a device tells of holds no lists of lists. */
function itemCount(range: ASTNode, size: Size, scope: Scope): number {
  if (range.op === 'list') return widest(range.args.map((part) => estimate(part, scope))).count;
  let root: ASTNode = range;
  while (ACCESS.has(root.op)) root = childrenOf(root)[0] ?? root;
  return range !== root && root.op === 'id' && root.args === 'device' ? 1 : size.count;
}

/** `cel.bind(name, value, body)`. */
function bound(args: readonly ASTNode[], scope: Scope): Estimate {
  const [variable, value, body] = args;
  if (variable?.op !== 'id' || value === undefined || body === undefined) return { ...SCALAR, steps: 1 };
  const given = estimate(value, scope);
  const result = estimate(body, new Map(scope).set(variable.args, { length: given.length, count: given.count }));
  return capped({ ...result, steps: given.steps + result.steps + 1 });
}

/** Linear in the text and in the states of the pattern, as RE2 promises. One that is not written out is looked at when it
 *  runs (cel-functions.ts). */
function pattern(args: readonly ASTNode[], scope: Scope): Estimate {
  const parts = args.map((part) => estimate(part, scope));
  const last = args.at(-1);
  const states = last?.op === 'value' && typeof last.args === 'string' ? statesOf(last.args) : 1;
  const work = parts.reduce((product, part) => product * part.length, states);
  const all = widest(parts);
  return capped({ ...all, steps: all.steps + work });
}

/** Steps add up, sizes are those of the biggest. */
function widest(parts: readonly Estimate[]): Estimate {
  let [steps, length, count] = [0, 1, 1];
  for (const part of parts) {
    steps += part.steps;
    length = Math.max(length, part.length);
    count = Math.max(count, part.count);
  }
  return { steps, length, count };
}

/** What has grown beyond the bound would take more steps than the bound as soon as it is looked at. */
function capped(of: Estimate): Estimate {
  const tooMuch = of.steps > SELECTOR_STEPS_MAX || of.length > SELECTOR_STEPS_MAX || of.count > SELECTOR_STEPS_MAX;
  return tooMuch ? { ...of, steps: Number.POSITIVE_INFINITY } : of;
}
