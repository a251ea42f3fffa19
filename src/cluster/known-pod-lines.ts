// Knows lines of a list again. Pods of one template are said in the same words but for a few (pod-line.ts): a line that is equal to
// an earlier one, byte by byte, in all but those is the earlier pod with its own name, owner's node and so on, and need not be
// parsed. For one list: what is known is bounded, and is dropped with it.
import type { PodObject } from './cluster-objects.ts';
import { endOfPlainText, endOfValue } from './json-bytes.ts';
import { podOf, type SharedPart, sharedPart } from './pod-columns.ts';
import { BLANK_TEXT_MAX, type Blank, BLANKS, cutPodLine } from './pod-line.ts';
import type { PodShapeInterner } from './pod-shape-interner.ts';

/** Bytes of text that are known; beyond it all is forgotten. Lists come in the order of their keys, so that pods of one
 *  template come together: this is for those that do not, 5,000 templates of 1.6 KiB each. */
const TEXT_BYTES_MAX = 8 * 1024 * 1024;
/** Lines that are known: at some 1 KiB beside their text 8 MiB, should somebody make theirs short. */
const LINES_MAX = 8192;
/** A longer line is parsed each time: few pods have one, and one should not push out many others. */
const LINE_BYTES_MAX = 64 * 1024;
/** Pods of one owner that are said otherwise: starting, waiting, failed, of an earlier revision. */
const LINES_PER_OWNER_MAX = 8;
/** Owners of a pod as text are looked for in so many bytes. One takes some 150. */
const OWNER_BYTES_MAX = 512;

const OWNERS = Buffer.from('"ownerReferences":[');
const CLOSE_LIST = 0x5d;

/** Where a line stands among bytes; its newline is no part of it. */
interface LinePlace {
  readonly from: number;
  readonly to: number;
}

interface KnownLine {
  /** Where its text begins among all text. */
  readonly from: number;
  /** Where the texts between blanks end, counted from `from`. */
  readonly ends: readonly number[];
  readonly blanks: readonly Blank[];
  readonly part: SharedPart;
}

export class KnownPodLines {
  readonly #interner: PodShapeInterner;
  readonly #textBytesMax: number;
  #text: Buffer | undefined;
  #textView: DataView = new DataView(new ArrayBuffer(0));
  #used = 0;
  #count = 0;
  readonly #ofOwner = new Map<string, KnownLine[]>();
  #last: KnownLine | undefined;
  #batch: Buffer | undefined;
  #view: DataView = new DataView(new ArrayBuffer(0));
  /** Where the text of each blank begins and ends in the line that is looked at. */
  readonly #filled = new Int32Array(2 * Object.keys(BLANKS).length);
  #createdText = '';
  #createdMs = 0;
  #missedBytes = 0;

  /** `interner`: of the pods. */
  constructor(interner: PodShapeInterner, options: { readonly textBytesMax?: number } = {}) {
    this.#interner = interner;
    this.#textBytesMax = options.textBytesMax ?? TEXT_BYTES_MAX;
  }

  /** Of all lines that were not known. */
  get missedBytes(): number {
    return this.#missedBytes;
  }

  /** The key and the pod that a line brings, as parsePod would read it; undefined: it has to be parsed. A newline must follow
   *  the line, or nothing. */
  recall(batch: Buffer, line: LinePlace): readonly [key: string, pod: PodObject] | undefined {
    this.#look(batch);
    const known = this.#find(batch, line);
    const said = known && this.#said(known, batch);
    if (said === undefined) this.#missedBytes += line.to - line.from;
    else this.#last = known;
    return said;
  }

  #find(batch: Buffer, line: LinePlace): KnownLine | undefined {
    if (this.#last !== undefined && this.#equals(this.#last, line)) return this.#last;
    return this.#ofOwner
      .get(ownerText(batch, line))
      ?.findLast((known) => known !== this.#last && this.#equals(known, line));
  }

  /** A line that was not known, and the pod that it brought. */
  learn(batch: Buffer, { line, object: pod }: { readonly line: LinePlace; readonly object: PodObject }): void {
    if (line.to - line.from > Math.min(LINE_BYTES_MAX, this.#textBytesMax) || saysNameElsewhere(pod)) return;
    const cut = cutPodLine(batch, line);
    if (cut === undefined) return;
    this.#text ??= Buffer.alloc(this.#textBytesMax);
    if (this.#used === 0) this.#textView = viewOf(this.#text);
    if (this.#used + line.to - line.from > this.#textBytesMax || this.#count >= LINES_MAX) this.#forget();
    const from = this.#used;
    const ends: number[] = [];
    for (let index = 0; index < cut.texts.length; index += 2) {
      this.#used += batch.copy(this.#text, this.#used, cut.texts[index], cut.texts[index + 1]);
      ends.push(this.#used - from);
    }
    const known: KnownLine = { from, ends, blanks: cut.blanks, part: sharedPart(pod) };
    this.#add(ownerText(batch, line), known);
  }

  #add(owner: string, known: KnownLine): void {
    const others = this.#ofOwner.get(owner);
    if (others === undefined) this.#ofOwner.set(owner, [known]);
    else {
      if (others.length >= LINES_PER_OWNER_MAX) others.shift();
      others.push(known);
    }
    this.#count += 1;
    this.#last = known;
  }

  #forget(): void {
    this.#ofOwner.clear();
    this.#last = undefined;
    this.#used = 0;
    this.#count = 0;
  }

  #look(batch: Buffer): void {
    if (this.#batch === batch) return;
    this.#batch = batch;
    this.#view = viewOf(batch);
  }

  /** Whether the line is that one but for blanks, which are noted. */
  #equals({ from, ends, blanks }: KnownLine, line: LinePlace): boolean {
    let at = line.from;
    let known = from;
    for (const [index, end] of ends.entries()) {
      const length = from + end - known;
      if (at + length > line.to || !this.#sameText({ known, at, length })) return false;
      at += length;
      known += length;
      const blank = blanks[index];
      if (blank === undefined) continue;
      const filled = this.#fill(blank, at);
      if (filled === -1) return false;
      at = filled;
    }
    return at === line.to;
  }

  /** The place after what fills a blank; −1: it cannot be. */
  #fill(blank: Blank, at: number): number {
    const bytes = this.#batch;
    if (bytes === undefined) return -1;
    if (blank === BLANKS.unread) return endOfValue(bytes, at);
    const end = endOfPlainText(bytes, at);
    if (end <= at || end - at > BLANK_TEXT_MAX) return -1;
    this.#filled[2 * blank] = at;
    this.#filled[2 * blank + 1] = end;
    return end;
  }

  /** Four bytes at a time: this is most of what is done for a pod. */
  #sameText({ known, at, length }: { readonly known: number; readonly at: number; readonly length: number }): boolean {
    const [view, textView] = [this.#view, this.#textView];
    const words = length & ~3;
    for (let byte = 0; byte < words; byte += 4) {
      if (view.getInt32(at + byte) !== textView.getInt32(known + byte)) return false;
    }
    for (let byte = words; byte < length; byte += 1) {
      if (view.getUint8(at + byte) !== textView.getUint8(known + byte)) return false;
    }
    return true;
  }

  #said({ part, blanks }: KnownLine, batch: Buffer): readonly [key: string, pod: PodObject] | undefined {
    const own = { uid: '', name: '', createdMs: 0, version: 0, nodeName: '' };
    for (const blank of blanks) {
      if (blank === BLANKS.unread) continue;
      const text = batch.toString('latin1', this.#filled[2 * blank] ?? 0, this.#filled[2 * blank + 1] ?? 0);
      if (blank === BLANKS.name) own.name = text;
      else if (blank === BLANKS.uid) own.uid = text;
      else if (blank === BLANKS.node) own.nodeName = this.#interner.text(text);
      else if (blank === BLANKS.version) own.version = Number(text) || 0;
      else own.createdMs = this.#created(text);
    }
    if (own.nodeName !== '') own.version = 0;
    if (Number.isNaN(own.createdMs)) return undefined;
    return [part.namespace === '' ? own.name : `${part.namespace}/${own.name}`, podOf(part, own)];
  }

  /** Pods of one template are made together. */
  #created(text: string): number {
    if (text !== this.#createdText) {
      this.#createdText = text;
      this.#createdMs = Date.parse(text);
    }
    return this.#createdMs;
  }
}

/** Claims that are made for one pod have its name or its uid: its shape is its own. */
function saysNameElsewhere({ shape }: PodObject): boolean {
  return shape.resourceClaims !== undefined || shape.volumes.some(({ ephemeral }) => ephemeral);
}

/** Where a line is looked for; whatever it is, only an equal one is found. */
function ownerText(batch: Buffer, { from, to }: LinePlace): string {
  const start = batch.indexOf(OWNERS, from);
  if (start === -1 || start >= to) return '';
  const end = batch.indexOf(CLOSE_LIST, start);
  return batch.toString('latin1', start + OWNERS.length, Math.min(end === -1 ? to : end, to, start + OWNER_BYTES_MAX));
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
