// What cel-go says of an expression that does not compile, for the faults that have one plain message. All others are said
// in the library's words: no API server stores such a selector, so they come from objects of another version.
import { ParseError, TypeError as CheckError } from '@marcbachmann/cel-js';

const EXPECTED_AT_END =
  "expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
const OPERATOR = /^no such overload: (.+) (==|!=|<=|>=|<|>|\+|-|\*|\/|%|in) (.+)$/;

/** The detail of the scheduler's compile error. */
export function compileFault(expression: string, error: unknown): string {
  const found = error instanceof ParseError || error instanceof CheckError ? located(expression, error) : undefined;
  if (found !== undefined) return `compilation failed: ${shown(expression, found)}`;
  const summary = error instanceof ParseError || error instanceof CheckError ? error.summary : String(error);
  return `compilation failed: ${summary}`;
}

interface Located {
  readonly at: number;
  readonly message: string;
}

function located(expression: string, error: ParseError | CheckError): Located | undefined {
  if (error.code === 'unexpected_token' && error.summary.endsWith('EOF')) {
    return { at: expression.length, message: `Syntax error: mismatched input '<EOF>' ${EXPECTED_AT_END}` };
  }
  const start = error.range?.start ?? 0;
  if (error.code === 'unknown_variable') {
    const name = error.summary.replace(/^Unknown variable: /, '');
    return { at: start, message: `undeclared reference to '${name}' (in container '')` };
  }
  if (error.code === 'no_such_key') {
    const name = error.summary.replace(/^No such key: /, '');
    return { at: Math.max(0, expression.indexOf(`.${name}`, start)), message: `undefined field '${name}'` };
  }
  const operator = error.code === 'no_such_overload' ? OPERATOR.exec(error.summary) : null;
  if (operator === null) return undefined;
  const [, left = '', symbol = '', right = ''] = operator;
  const at = expression.indexOf(` ${symbol} `, start);
  if (at === -1) return undefined;
  return { at: at + 1, message: `found no matching overload for '_${symbol}_' applied to '(${left}, ${right})'` };
}

/** With the line that it is of, and a mark below the place; nothing of that for an empty expression. */
function shown(expression: string, { at, message }: Located): string {
  if (expression === '') return `ERROR: <input>:1:0: ${message}`;
  const before = expression.slice(0, at);
  const line = before.split('\n').length;
  const lineStart = before.lastIndexOf('\n') + 1;
  const column = at - lineStart;
  const text = expression.slice(lineStart).split('\n', 1)[0] ?? '';
  return `ERROR: <input>:${line}:${column + 1}: ${message}\n | ${text}\n | ${'.'.repeat(column)}^`;
}
