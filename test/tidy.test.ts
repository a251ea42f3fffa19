// What a reviewer would otherwise have to say each time: names, sizes, headers, and what must not be in a source.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path/posix';
import { describe, expect, it } from 'vitest';
import { codeOf, type SourceFile, sourceFiles } from './source/source-files.ts';

const product = sourceFiles('src');
const tests = sourceFiles('test');
const bench = existsSync('bench') ? sourceFiles('bench') : [];
const all = [...product, ...tests, ...bench];

const LINES_MAX = 400;
/** Above it the header says why. */
const LINES_UNEXPLAINED_MAX = 250;
const TEST_LINES_MAX = 600;
const README_LINES_MAX = 60;

/** kebab-case; a test, a conformance suite (suite) and its runs against real servers (conf), an e2e say so. */
const FILE_NAME = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|suite|conf|e2e|config|setup))?\.ts$/;
const CONFIGURATION = /(^|\.)vitest\.config\.ts$/;
const EMPTY_NAMES = /(^|-)(utils?|helpers?|common|managers?|misc|index)(-|\.|$)/;

/** In code, whatever the reason. */
const FORBIDDEN_CODE: readonly { readonly name: string; readonly pattern: RegExp }[] = [
  { name: 'as unknown as', pattern: /\bas unknown as\b/ },
  { name: 'any', pattern: /(:|\bas|<|\|)\s*any\b/ },
  { name: 'a non-erasable enum or namespace', pattern: /^\s*(export )?(const )?(enum|namespace) \w+ \{/m },
  { name: 'an empty catch', pattern: /catch\s*(\([^)]*\))?\s*\{\s*\}/ },
];
/** In the whole text, comments included; this file alone may name them. */
const FORBIDDEN_TEXT: readonly { readonly name: string; readonly pattern: RegExp }[] = [
  { name: 'unfinished work', pattern: /\b(TODO|FIXME|XXX)\b/ },
  { name: 'a silenced check', pattern: /@ts-(ignore|expect-error|nocheck)|\b(es|ox)lint-disable|\bbiome-ignore/ },
  { name: 'a path of one machine', pattern: /(?<![\w.}/])\/(home|Users|work)\/\w/ },
];

function lineCount(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

/** The comment that a file begins with. */
function headerOf(text: string): string {
  const lines = text.replace(/^#!.*\n/, '').split('\n');
  const end = lines.findIndex((line) => !line.startsWith('//'));
  return lines.slice(0, end === -1 ? undefined : end).join('\n');
}

function broken(files: readonly SourceFile[], complaint: (file: SourceFile) => string | undefined): readonly string[] {
  return files.flatMap((file) => {
    const found = complaint(file);
    return found === undefined ? [] : [`${file.path}: ${found}`];
  });
}

describe('files', () => {
  it('are kebab-case and named after what they hold', () => {
    const wrong = broken(all, ({ path }) => {
      const name = basename(path);
      if (CONFIGURATION.test(name)) return undefined;
      return FILE_NAME.test(name) && !EMPTY_NAMES.test(name) ? undefined : 'is not a good name';
    });
    expect(wrong).toEqual([]);
  });

  it('of the product begin with a comment that says what they decide', () => {
    expect(
      broken([...product, ...bench], ({ text }) => (headerOf(text).length > 20 ? undefined : 'has no header')),
    ).toEqual([]);
  });

  it('of the product are short, or say why not', () => {
    const long = broken([...product, ...bench], ({ text }) => {
      const lines = lineCount(text);
      if (lines > LINES_MAX) return `has ${lines} lines`;
      const explained = /\b250 lines\b/.test(headerOf(text).replaceAll(/\n\/\/ /g, ' '));
      return lines > LINES_UNEXPLAINED_MAX && !explained
        ? `has ${lines} lines and its header does not say why`
        : undefined;
    });
    expect(long).toEqual([]);
  });

  it('of the tests are short', () => {
    const long = broken(tests, ({ text }) =>
      lineCount(text) > TEST_LINES_MAX ? `has ${lineCount(text)} lines` : undefined,
    );
    expect(long).toEqual([]);
  });

  it.each([...FORBIDDEN_CODE])('hold no code with $name', ({ pattern }) => {
    expect(broken(all, ({ code }) => pattern.exec(code)?.[0])).toEqual([]);
  });

  it.each([...FORBIDDEN_TEXT])('hold nothing of $name', ({ pattern }) => {
    const others = all.filter(({ path }) => path !== 'test/tidy.test.ts');
    expect(broken(others, ({ text }) => pattern.exec(text)?.[0])).toEqual([]);
  });
});

describe('functions', () => {
  it('of the product fit on a screen', () => {
    const run = spawnSync(
      'node_modules/.bin/oxlint',
      ['-c', 'test/function-size.oxlintrc.json', '--format', 'unix', 'src', 'bench'],
      {
        encoding: 'utf8',
      },
    );
    expect(run.error).toBeUndefined();
    expect(run.stdout.split('\n').filter((line) => line.includes('.ts:'))).toEqual([]);
    expect(run.status).toBe(0);
  });
});

describe('rooms', () => {
  const rooms = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory());
  it.each(rooms.map((entry) => entry.name))('%s has a README of one screen', (room) => {
    const path = `src/${room}/README.md`;
    expect(existsSync(path), path).toBe(true);
    expect(lineCount(readFileSync(path, 'utf8'))).toBeLessThanOrEqual(README_LINES_MAX);
  });
});

describe('codeOf', () => {
  const rows: readonly { name: string; text: string; want: string }[] = [
    { name: 'a line comment', text: 'a // b', want: 'a     ' },
    { name: 'a block comment', text: 'a /* b\nc */ d', want: 'a     \n     d' },
    { name: 'a string with a slash', text: "f('//x') // y", want: "f('   ')     " },
    { name: 'a regular expression with a quote', text: "r = /['\"]/g; s = 'x'", want: "r =        ; s = ' '" },
    { name: 'a division', text: 'a / b / c', want: 'a / b / c' },
    { name: 'an escaped quote', text: String.raw`'a\'b' c`, want: "'    ' c" },
  ];
  it.each(rows)('blanks $name', ({ text, want }) => {
    expect(codeOf(text)).toBe(want);
  });
});
