// The sources as the architecture and tidy tests see them: paths, text, and code without comments and texts.
import { readdirSync, readFileSync } from 'node:fs';

export interface SourceFile {
  /** From the root of the repository, with slashes. */
  readonly path: string;
  readonly text: string;
  /** Same lines; comments and the insides of strings, templates and regular expressions are blank. */
  readonly code: string;
}

/** All TypeScript files below a folder, in order of their paths. */
export function sourceFiles(folder: string): readonly SourceFile[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => `${entry.parentPath}/${entry.name}`)
    .filter((path) => !path.includes('node_modules'))
    .sort()
    .map((path) => {
      const text = readFileSync(path, 'utf8');
      return { path, text, code: codeOf(text) };
    });
}

// One alternative per thing that hides code: line comment, block comment, strings, template without its ${}, and a
// regular expression where a value may begin. Templates are taken whole: code inside ${} is not seen.
const HIDDEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`|(?<=[=(,:[!&|?{};\n]\s*|return\s)\/(?![/*\s])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+\/[a-z]*/g;

/** `text` with what is no code blanked out, line by line as long as before. */
export function codeOf(text: string): string {
  return text.replaceAll(HIDDEN, (hidden) => {
    const blank = hidden.replaceAll(/[^\n]/g, ' ');
    return hidden.startsWith('/') ? blank : `'${blank.slice(2)}'`;
  });
}

export interface ImportStatement {
  /** As written. */
  readonly target: string;
  /** Nothing of it is there at run time. */
  readonly typeOnly: boolean;
}

const STATEMENT =
  /^[ \t]*(?:import|export)\b(?<clause>[^'";()]*?)\bfrom\s*'(?<from>[^']+)'|^[ \t]*import\s*'(?<bare>[^']+)'|\bimport\(\s*'(?<dynamic>[^']+)'/gm;

/** Every import and re-export of a text, static and dynamic. */
export function importsOf(text: string): readonly ImportStatement[] {
  const withoutComments = text.replaceAll(/^\s*\/\/[^\n]*|\/\*[\s\S]*?\*\//gm, '');
  return [...withoutComments.matchAll(STATEMENT)].map(({ groups = {} }) => {
    const target = groups['from'] ?? groups['bare'] ?? groups['dynamic'] ?? '';
    return { target, typeOnly: groups['from'] !== undefined && isTypeOnly(groups['clause'] ?? '') };
  });
}

function isTypeOnly(clause: string): boolean {
  if (/^\s*type\s/.test(clause)) return true;
  const named = /^\s*\{(?<names>[^}]*)\}\s*$/.exec(clause)?.groups?.['names'];
  const names = named?.split(',').filter((name) => name.trim() !== '') ?? [];
  return names.length > 0 && names.every((name) => /^\s*type\s/.test(name));
}
