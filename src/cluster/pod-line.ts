// Cuts the line of a watch that brings a pod into what all pods of one template say alike and blanks: places where each
// says something of its own (its name, its node), or something that nobody here reads (managed fields, addresses, times).
// What stands here is said of parsePod: a field is a blank only when parsePod reads it as one text and puts it into one
// field of the pod, or not at all.
import { ANNOTATIONS } from '../api/names.ts';
import { endOfPlainText, endOfText, endOfValue } from './json-bytes.ts';
import { MIRROR_ANNOTATION, SAFE_LOCAL_VOLUMES_ANNOTATION } from './parse-pod.ts';

/** What a blank is filled with: any value that nobody reads, or text, none of it empty, that is read as what it says here. Of
 *  each that is read a line has at most one. */
export const BLANKS = { unread: 0, name: 1, uid: 2, version: 3, created: 4, node: 5 } as const;
export type Blank = (typeof BLANKS)[keyof typeof BLANKS];

/** Longest text of a blank: names are no longer. */
export const BLANK_TEXT_MAX = 253;

export interface CutLine {
  /** Where the texts between blanks begin and end, in turn: always one more of them than blanks. */
  readonly texts: readonly number[];
  readonly blanks: readonly Blank[];
}

/** What is looked at within a value; everything else is text that pods must have alike. */
interface Rule {
  readonly blank?: Blank;
  /** By the length of their names. */
  readonly fields?: readonly (readonly NamedRule[] | undefined)[];
  /** For fields of an object that are not named. */
  readonly others?: Rule;
  readonly items?: Rule;
  /** An object that has one of these is text as it stands. */
  readonly unless?: readonly string[];
  /** An object that has one of these is a blank. */
  readonly unreadWith?: readonly string[];
}

interface NamedRule {
  readonly name: Buffer;
  readonly rule: Rule;
}

const UNREAD: Rule = { blank: BLANKS.unread };
const TEXT: Rule = {};

function fields(of: Readonly<Record<string, Rule>>): Rule {
  const byLength: NamedRule[][] = [];
  for (const [name, rule] of Object.entries(of)) (byLength[name.length] ??= []).push({ name: Buffer.from(name), rule });
  return { fields: byLength };
}

function unread(...names: readonly string[]): Rule {
  return fields(Object.fromEntries(names.map((name) => [name, UNREAD])));
}

function containers(): Rule {
  return { items: fields({ volumeMounts: { items: unread('name') } }) };
}

function containerStatuses(): Rule {
  const names = ['containerID', 'imageID', 'lastState', 'ready', 'restartCount', 'started', 'state', 'volumeMounts'];
  return { items: unread(...names) };
}

const METADATA = fields({
  name: { blank: BLANKS.name },
  uid: { blank: BLANKS.uid },
  resourceVersion: { blank: BLANKS.version },
  creationTimestamp: { blank: BLANKS.created },
  annotations: {
    ...fields({
      [MIRROR_ANNOTATION]: TEXT,
      [SAFE_LOCAL_VOLUMES_ANNOTATION]: TEXT,
      [ANNOTATIONS.safeToEvict]: TEXT,
      [ANNOTATIONS.doNotDisrupt]: TEXT,
    }),
    others: UNREAD,
  },
  // Nobody reads them. Pods of one template have them alike, and text is compared faster than a value is gone through; but for
  // those of the status, which name addresses.
  managedFields: { items: { ...unread('time'), unreadWith: ['subresource'] } },
});

const SPEC = fields({
  nodeName: { blank: BLANKS.node },
  hostname: UNREAD,
  // A token's has a name of its own in each pod. Names of the volumes left out here are read.
  volumes: {
    items: {
      ...unread('name'),
      unless: ['emptyDir', 'hostPath', 'ephemeral'],
    },
  },
  containers: containers(),
  initContainers: containers(),
});

const STATUS = fields({
  hostIP: UNREAD,
  hostIPs: UNREAD,
  podIP: UNREAD,
  podIPs: UNREAD,
  startTime: UNREAD,
  conditions: { items: unread('lastProbeTime', 'lastTransitionTime', 'message') },
  containerStatuses: containerStatuses(),
  initContainerStatuses: containerStatuses(),
});

const EVENT = fields({ object: fields({ metadata: METADATA, spec: SPEC, status: STATUS }) });

/** The line from `from` to `to`, which JSON.parse has read; undefined: it is not written as API servers write, or says
 *  a thing twice. */
export function cutPodLine(bytes: Buffer, line: { readonly from: number; readonly to: number }): CutLine | undefined {
  const cutter = new LineCutter(bytes, line.from);
  return cutter.cut(EVENT) && cutter.at === line.to ? cutter.end() : undefined;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const OPEN_OBJECT = 0x7b;
const CLOSE_LIST = 0x5d;
const CLOSE_OBJECT = 0x7d;

class LineCutter {
  readonly #bytes: Buffer;
  readonly #texts: number[];
  readonly #blanks: Blank[] = [];
  at: number;

  constructor(bytes: Buffer, from: number) {
    this.#bytes = bytes;
    this.#texts = [from];
    this.at = from;
  }

  end(): CutLine {
    return { texts: [...this.#texts, this.at], blanks: this.#blanks };
  }

  /** Goes past the value here; false: it cannot be cut. */
  cut(rule: Rule): boolean {
    const first = this.#bytes[this.at];
    if (rule.blank !== undefined) return this.#cutBlank(rule.blank);
    if (rule.items !== undefined && first === OPEN_LIST) return this.#cutItems(rule.items);
    if (rule.fields !== undefined && first === OPEN_OBJECT) {
      if (rule.unreadWith !== undefined && this.#hasOneOf(rule.unreadWith)) return this.#cutBlank(BLANKS.unread);
      if (rule.unless === undefined || !this.#hasOneOf(rule.unless)) return this.#cutFields(rule);
    }
    return this.#pass(endOfValue(this.#bytes, this.at));
  }

  #cutBlank(blank: Blank): boolean {
    if (blank === BLANKS.unread) {
      const end = endOfValue(this.#bytes, this.at);
      if (end !== -1) this.#blank(blank, { from: this.at, to: end });
      return this.#pass(end);
    }
    const end = endOfText(this.#bytes, this.at);
    const isText = end > this.at + 2;
    // What is no text, or none to speak of, is part of what pods must have alike.
    if (!isText) return this.#pass(endOfValue(this.#bytes, this.at));
    const closing = endOfPlainText(this.#bytes, this.at + 1);
    if (closing !== end - 1 || closing - this.at - 1 > BLANK_TEXT_MAX) return false;
    this.#blank(blank, { from: this.at + 1, to: closing });
    return this.#pass(end);
  }

  #blank(blank: Blank, place: { readonly from: number; readonly to: number }): void {
    this.#blanks.push(blank);
    this.#texts.push(place.from, place.to);
  }

  #cutItems(item: Rule): boolean {
    if (this.#bytes[this.at + 1] === CLOSE_LIST) return this.#pass(this.at + 2);
    do {
      this.at += 1;
      if (!this.cut(item)) return false;
    } while (this.#bytes[this.at] === COMMA);
    return this.#bytes[this.at] === CLOSE_LIST && this.#pass(this.at + 1);
  }

  #cutFields(rule: Rule): boolean {
    if (this.#bytes[this.at + 1] === CLOSE_OBJECT) return this.#pass(this.at + 2);
    const seen: Rule[] = [];
    do {
      this.at += 1;
      const found = this.#key(rule);
      // Of two that are equal the last one counts: such a line is nobody's template.
      if (found === undefined || seen.includes(found)) return false;
      if (found !== TEXT && found !== UNREAD) seen.push(found);
      if (!this.cut(found)) return false;
    } while (this.#bytes[this.at] === COMMA);
    return this.#bytes[this.at] === CLOSE_OBJECT && this.#pass(this.at + 1);
  }

  /** Goes past a key and its colon: the rule for its value; undefined: it is written in other words. */
  #key({ fields: named, others = TEXT }: Rule): Rule | undefined {
    const from = this.at + 1;
    const closing = this.#bytes[this.at] === QUOTE ? endOfPlainText(this.#bytes, from) : -1;
    if (closing === -1) return undefined;
    this.at = closing + 2;
    for (const { name, rule } of named?.[closing - from] ?? []) if (this.#says(name, from)) return rule;
    return others;
  }

  #says(name: Buffer, from: number): boolean {
    for (let index = 0; index < name.length; index += 1) if (name[index] !== this.#bytes[from + index]) return false;
    return true;
  }

  /** Names within it count too: then it is text, or a blank, for nothing. One in other words is found when it is cut. */
  #hasOneOf(names: readonly string[]): boolean {
    const end = endOfValue(this.#bytes, this.at);
    const text = this.#bytes.toString('latin1', this.at, end === -1 ? this.at : end);
    return names.some((name) => text.includes(`"${name}":`));
  }

  #pass(end: number): boolean {
    if (end === -1) return false;
    this.at = end;
    return true;
  }
}
