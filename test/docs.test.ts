// The pages that people write by hand, held to what the code says: every reason, placeholder and command, no dead link.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path/posix';
import { describe, expect, it } from 'vitest';
import { REASONS } from '../src/api/conditions.ts';
import { ANNOTATIONS } from '../src/api/names.ts';
import { USER_DATA_PLACEHOLDERS } from '../src/lifecycle/render-user-data.ts';

const pages = [
  'README.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

function read(page: string): string {
  return readFileSync(page, 'utf8');
}

describe('pages', () => {
  it('the runbooks answer every reason of a condition', () => {
    const text = read('docs/runbooks.md');
    expect(REASONS.filter((reason) => !text.includes(`\`${reason}\``))).toEqual([]);
  });

  it('the runbooks and concepts name the annotations that people may set', () => {
    const text = read('docs/runbooks.md') + read('docs/concepts.md');
    const { acceptVanishedUntil, safeToEvict, scaleDownDisabled, doNotDisrupt } = ANNOTATIONS;
    const own = [acceptVanishedUntil, safeToEvict, scaleDownDisabled, doNotDisrupt];
    expect(own.filter((name) => !text.includes(name))).toEqual([]);
  });

  it('the concepts list every placeholder of user data and no other', () => {
    const listed = [...read('docs/concepts.md').matchAll(/`\{\{(\w+)\}\}`/g)].map((match) => match[1]);
    expect(new Set(listed)).toEqual(new Set(USER_DATA_PLACEHOLDERS));
  });

  it.each(pages)('%s has no dead link', (page) => {
    const dead = [...read(page).matchAll(/\]\((?<target>[^)#\s]+)/g)]
      .map((match) => match.groups?.['target'] ?? '')
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => !existsSync(normalize(join(dirname(page), target))));
    expect(dead).toEqual([]);
  });
});
