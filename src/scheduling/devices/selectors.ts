// Device selectors, compiled once and asked once per device. What the library says in its own words is turned into those of
// the scheduler (cel-go) where they are known. Source: dynamic-resource-allocation/cel, v0.37.
import { type ASTNode, EvaluationError, type ParseResult } from '@marcbachmann/cel-js';
import type { Device } from '../../cluster/device-objects.ts';
import { type AllocationFault, cannotSay, failed } from './allocation-fault.ts';
import { SELECTOR_STEPS_MAX, stepsAtMost } from './cel-cost.ts';
import { childrenOf } from './cel-syntax.ts';
import { deviceEnvironment } from './cel-environment.ts';
import { patternFault } from './cel-functions.ts';
import { ATTRIBUTE_DOMAINS, CAPACITY_DOMAINS, type DeviceValue, MATCHES, PRESENCE } from './cel-values.ts';
import { compileFault } from './cel-words.ts';
import { deviceValue } from './device-value.ts';

/** Selectors kept compiled: clusters have a handful; a tenant who writes more has them compiled again. */
const COMPILED_MAX = 512;
/** All evaluations for one fork together, in the steps that they may take at most: some seconds of hostile selectors, a
 *  thousand times what 5,000 nodes of 8 devices take with ordinary ones. */
const STEPS_IN_ALL_MAX = 500_000_000;
/** What Kubernetes' environment has and ours has not. */
const NOT_SIMULATED =
  /\b(ip|isIP|cidr|isCIDR|url|isURL|format|findAll|transformList|transformMap|transformMapEntry|range|flatten|slice|sort|sortBy|distinct|reverse|first|last|sum|quote|optMap|optFlatMap|existsOne|includes|containsIP|containsCIDR)\s*\(/;
const TWO_VARIABLES = /\.(all|exists|exists_one|existsOne)\(\s*[A-Za-z_]\w*\s*,\s*[A-Za-z_]\w*\s*,/;
/** Texts (raw ones keep backslashes), comments, names, anything else. */
const TOKEN =
  /[bB]?[rR][bB]?(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"[^"\n]*"|'[^'\n]*')|"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\/\/[^\n]*|[A-Za-z_]\w*|[\s\S]/g;

/** What a selector that cannot be used says instead of an answer. `compile`: the words of its compilation. */
export type SelectorAnswer = boolean | { readonly compile: string } | { readonly runtime: string } | AllocationFault;

interface Compiled {
  readonly run: ParseResult;
  readonly steps: number;
  readonly answers: WeakMap<Device, SelectorAnswer>;
}

export class Selectors {
  readonly #compiled = new Map<string, Compiled | Exclude<SelectorAnswer, boolean>>();
  readonly #values = new WeakMap<Device, DeviceValue | string>();
  #steps = 0;

  /** Whether the device is one that the expression selects. Each device is asked once. */
  matches(expression: string, device: Device, driver: string): SelectorAnswer {
    const compiled = this.#compile(expression);
    if (!('answers' in compiled)) return compiled;
    const known = compiled.answers.get(device);
    if (known !== undefined) return known;
    this.#steps += compiled.steps;
    if (this.#steps > STEPS_IN_ALL_MAX) return cannotSay('selectors of devices take too many steps in all');
    const answer = this.#evaluate(compiled.run, device, driver);
    compiled.answers.set(device, answer);
    return answer;
  }

  #evaluate(run: ParseResult, device: Device, driver: string): SelectorAnswer {
    const value = this.#values.get(device) ?? deviceValue(device, driver);
    this.#values.set(device, value);
    if (typeof value === 'string') return { runtime: value };
    try {
      const result: unknown = run({ device: value });
      if (typeof result === 'boolean') return result;
      return { runtime: notBoolean(result) };
    } catch (error) {
      if (error instanceof EvaluationError) return { runtime: runtimeWords(error) };
      // Whatever else the library meets, the stack included, is of this expression alone.
      return cannotSay(
        `a device selector could not be evaluated: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  #compile(expression: string): Compiled | Exclude<SelectorAnswer, boolean> {
    const known = this.#compiled.get(expression);
    if (known !== undefined) return known;
    if (this.#compiled.size >= COMPILED_MAX) this.#compiled.clear();
    const made = compile(expression);
    this.#compiled.set(expression, made);
    return made;
  }
}

function compile(expression: string): Compiled | Exclude<SelectorAnswer, boolean> {
  let run: ParseResult;
  try {
    run = deviceEnvironment().parse(renamed(expression));
  } catch (error) {
    return notSimulated(expression) ?? { compile: compileFault(expression, error) };
  }
  withDomainsAsTheyAre(run.ast);
  const checked = run.check();
  if (!checked.valid) return notSimulated(expression) ?? { compile: compileFault(expression, checked.error) };
  if (checked.type !== 'bool' && checked.type !== 'dyn') {
    return {
      compile: `must evaluate to bool or the unknown type, not ${checked.type === 'null' ? 'null_type' : checked.type}`,
    };
  }
  if (indexesTheDevice(run.ast)) return { compile: "compilation failed: found no matching overload for '_[_]'" };
  const pattern = literalPatternFault(run.ast);
  if (pattern !== undefined) return { compile: `compilation failed: ${pattern}` };
  const steps = stepsAtMost(run.ast);
  if (steps > SELECTOR_STEPS_MAX) return cannotSay('a device selector may take too many steps');
  return { run, steps, answers: new WeakMap() };
}

function notSimulated(expression: string): AllocationFault | undefined {
  const [, name] = NOT_SIMULATED.exec(expression) ?? [];
  if (name !== undefined) return cannotSay(`device selectors with ${name}() are not simulated`);
  return TWO_VARIABLES.test(expression)
    ? cannotSay('device selectors with two loop variables are not simulated')
    : undefined;
}

/** The same expression with our names for `has(` and `matches(`. */
function renamed(expression: string): string {
  let before = '';
  return expression.replaceAll(TOKEN, (token: string, at: number) => {
    const previous = before;
    if (token.trim() !== '') before = token;
    if ((token !== 'has' && token !== 'matches') || !/^\s*\(/.test(expression.slice(at + token.length))) return token;
    if (token === 'matches') return MATCHES;
    return previous === '.' ? token : PRESENCE;
  });
}

/** `in device.attributes` asks which domains there are, where all others see an empty map behind each name. The library
 *  has no operator for that, so the right side becomes the keys of the map. */
function withDomainsAsTheyAre(node: ASTNode): void {
  for (const child of childrenOf(node)) withDomainsAsTheyAre(child);
  if (node.op !== 'in') return;
  const [, holder] = node.args;
  if (holder.op !== '.' || !isDomains(holder)) return;
  holder.args[1] = holder.args[1] === 'attributes' ? ATTRIBUTE_DOMAINS : CAPACITY_DOMAINS;
}

/** `device["driver"]`, or a key that is no text: the library finds out only when it runs, or never. */
function indexesTheDevice(node: ASTNode): boolean {
  if (node.op === '[]' || node.op === '[?]') {
    const [holder, key] = node.args;
    if (holder.op === 'id' && holder.args === 'device') return true;
    const ofDomains = isDomains(holder) || ((holder.op === '[]' || holder.op === '.') && isDomains(holder.args[0]));
    if (ofDomains && key.op === 'value' && typeof key.args !== 'string') return true;
  }
  return childrenOf(node).some(indexesTheDevice);
}

function isDomains(node: ASTNode): boolean {
  if (node.op !== '.' || (node.args[1] !== 'attributes' && node.args[1] !== 'capacity')) return false;
  return node.args[0].op === 'id' && node.args[0].args === 'device';
}

function literalPatternFault(node: ASTNode): string | undefined {
  for (const child of childrenOf(node)) {
    const inner = literalPatternFault(child);
    if (inner !== undefined) return inner;
  }
  if (node.op !== 'rcall' || node.args[0] !== MATCHES) return undefined;
  const [pattern] = node.args[2];
  if (pattern?.op !== 'value' || typeof pattern.args !== 'string') return undefined;
  return patternFault(pattern.args) === undefined ? undefined : 'invalid matches argument';
}

function runtimeWords(error: EvaluationError): string {
  switch (error.code) {
    case 'no_such_key': {
      const key = error.summary.replace(/^No such key: /, '');
      return `no such key: ${key}. consider using CEL optional chaining (.? followed by orValue()) or guarding the check with has() for optional fields`;
    }
    case 'no_such_overload':
    case 'no_matching_overload':
    case 'invalid_logical_operand':
    case 'invalid_condition_type':
      return 'no such overload';
    case 'division_by_zero':
      return 'division by zero';
    case 'modulo_by_zero':
      return 'modulus by zero';
    case 'int_conversion_error':
      return "type conversion error from 'string' to 'int'";
    case 'optional_value_missing':
      return 'optional.none() dereference';
    default:
      return error.summary;
  }
}

function notBoolean(result: unknown): string {
  const type =
    typeof result === 'bigint'
      ? 'int'
      : typeof result === 'string'
        ? 'string'
        : typeof result === 'number'
          ? 'double'
          : 'value';
  const why =
    type === 'string'
      ? "unsupported native conversion from string to 'bool'"
      : `unsupported type conversion from '${type}' to bool`;
  return `CEL result of type ${type} could not be converted to bool: ${why}`;
}

/** The scheduler's words for a selector that failed, as an error; `holder`: `class X` or `claim NS/X`. */
export function selectorFault(
  answer: Exclude<SelectorAnswer, boolean>,
  of: { readonly holder: string; readonly position: number; readonly device: string },
): AllocationFault {
  if ('kind' in answer) return answer;
  if ('compile' in answer)
    return failed(`${of.holder}: selector #${of.position}: CEL compile error: ${answer.compile}`);
  return failed(`${of.holder}: selector #${of.position} on device ${of.device}: CEL runtime error: ${answer.runtime}`);
}
