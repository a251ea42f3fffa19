// Versions of devices (semver 2.0.0), as the library reads and orders them that kube-scheduler's selectors use
// (blang/semver v4, apiserver cel/library/semverlib, v0.37). Build metadata does not order.

export interface Version {
  readonly major: bigint;
  readonly minor: bigint;
  readonly patch: bigint;
  readonly prerelease: readonly (bigint | string)[];
}

/** What is wrong with the text, in the scheduler's words. */
export interface VersionFault {
  readonly fault: string;
}

const DIGITS = /^[0-9]*$/;
const NAME = /^[0-9A-Za-z-]*$/;
const UINT64_MAX = 2n ** 64n - 1n;

export function parseVersion(text: string): Version | VersionFault {
  if (text === '') return { fault: 'Version string empty' };
  const [majorText = '', minorText, ...rest] = text.split('.');
  if (minorText === undefined || rest.length === 0) return { fault: 'No Major.Minor.Patch elements found' };
  const tail = rest.join('.');
  const plus = tail.indexOf('+');
  const build = plus === -1 ? undefined : tail.slice(plus + 1).split('.');
  const body = plus === -1 ? tail : tail.slice(0, plus);
  const minus = body.indexOf('-');
  const names = minus === -1 ? [] : body.slice(minus + 1).split('.');
  const [major, minor, patch] = [
    parseNumber(majorText, 'major'),
    parseNumber(minorText, 'minor'),
    parseNumber(minus === -1 ? body : body.slice(0, minus), 'patch'),
  ];
  for (const number of [major, minor, patch]) if (typeof number !== 'bigint') return number;
  const prerelease: (bigint | string)[] = [];
  for (const name of names) {
    const parsed = parsePrerelease(name);
    if (typeof parsed === 'object') return parsed;
    prerelease.push(parsed);
  }
  const badBuild = build?.map(buildFault).find((fault) => fault !== undefined);
  if (badBuild !== undefined) return badBuild;
  if (typeof major !== 'bigint' || typeof minor !== 'bigint' || typeof patch !== 'bigint') return { fault: '' };
  return { major, minor, patch, prerelease };
}

/** A leading v, zeros in front and missing parts are forgiven. */
export function parseLooseVersion(text: string): Version | VersionFault {
  const [first = '', second, ...rest] = text.replace(/^v/, '').split('.');
  const parts = [first, ...(second === undefined ? [] : [second]), ...(rest.length === 0 ? [] : [rest.join('.')])];
  const trimmed = parts.map((part) => {
    if (part.length < 2) return part;
    const bare = part.replace(/^0+/, '');
    return /^[0-9]/.test(bare) ? bare : `0${bare}`;
  });
  if (trimmed.length < 3 && /[+-]/.test(trimmed.at(-1) ?? '')) {
    return { fault: 'short version cannot contain PreRelease/Build meta data' };
  }
  while (trimmed.length < 3) trimmed.push('0');
  return parseVersion(trimmed.join('.'));
}

/** Below zero, zero, above zero. A prerelease comes before its release; numbers before names. */
export function compareVersions(left: Version, right: Version): number {
  for (const part of ['major', 'minor', 'patch'] as const) {
    if (left[part] !== right[part]) return left[part] < right[part] ? -1 : 1;
  }
  const [one, other] = [left.prerelease, right.prerelease];
  if (one.length === 0 || other.length === 0) return Math.sign(other.length - one.length);
  for (let at = 0; at < Math.min(one.length, other.length); at += 1) {
    const order = comparePrerelease(one[at] ?? '', other[at] ?? '');
    if (order !== 0) return order;
  }
  return Math.sign(one.length - other.length);
}

function comparePrerelease(left: bigint | string, right: bigint | string): number {
  if (typeof left !== typeof right) return typeof left === 'bigint' ? -1 : 1;
  return left === right ? 0 : left < right ? -1 : 1;
}

function parseNumber(text: string, part: 'major' | 'minor' | 'patch'): bigint | VersionFault {
  if (!DIGITS.test(text)) return { fault: `Invalid character(s) found in ${part} number ${JSON.stringify(text)}` };
  if (text.length > 1 && text.startsWith('0')) {
    const name = `${part.charAt(0).toUpperCase()}${part.slice(1)}`;
    return { fault: `${name} number must not contain leading zeroes ${JSON.stringify(text)}` };
  }
  return uint64(text);
}

function parsePrerelease(text: string): bigint | string | VersionFault {
  if (text === '') return { fault: 'Prerelease is empty' };
  if (!NAME.test(text)) return { fault: `Invalid character(s) found in prerelease ${JSON.stringify(text)}` };
  if (!DIGITS.test(text)) return text;
  if (text.length > 1 && text.startsWith('0')) {
    return { fault: `Numeric PreRelease version must not contain leading zeroes ${JSON.stringify(text)}` };
  }
  return uint64(text);
}

function buildFault(text: string): VersionFault | undefined {
  if (text === '') return { fault: 'Build meta data is empty' };
  if (NAME.test(text)) return undefined;
  return { fault: `Invalid character(s) found in build meta data ${JSON.stringify(text)}` };
}

function uint64(text: string): bigint | VersionFault {
  if (text === '') return { fault: 'strconv.ParseUint: parsing "": invalid syntax' };
  const value = BigInt(text);
  return value <= UINT64_MAX ? value : { fault: `strconv.ParseUint: parsing "${text}": value out of range` };
}
