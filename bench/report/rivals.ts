// rivals.yaml as data, and the look-up by input: a key stands for the inputs that are it or begin with it and a dash.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { WorkloadFigures } from '../packing/measure-workload.ts';

export const RIVALS = ['ca', 'karpenter'] as const;
export type Rival = (typeof RIVALS)[number];
type Mode = WorkloadFigures['mode'];

export interface RivalFigures {
  readonly nodes?: number;
  readonly cost?: number;
  readonly seconds: number;
  /** Pods without a node when it was stopped. */
  readonly left?: number;
}

export interface Bar {
  readonly nodes?: number;
  /** Share over the bound. */
  readonly over?: number;
  readonly p99?: number;
}

interface RivalFile {
  readonly sources: Readonly<Record<Rival, { readonly name: string; readonly version: string; readonly how: string }>>;
  readonly 'one-type': Readonly<Record<string, Partial<Record<Rival, RivalFigures>>>>;
  /** File of the node types that the mixed entries are for. */
  readonly mixedTypes: string;
  readonly mixed: Readonly<Record<string, Partial<Record<Rival, RivalFigures>>>>;
  readonly bounds: Readonly<Record<Mode, Readonly<Record<string, number>>>>;
  readonly bars: Readonly<Record<Mode, Readonly<Record<string, Bar>>>>;
}

const FILE = fileURLToPath(new URL('./rivals.yaml', import.meta.url));

export function readRivals(): RivalFile {
  return parse(readFileSync(FILE, 'utf8')) as RivalFile;
}

/** The entry for `input`. */
export function entryFor<T>(entries: Readonly<Record<string, T>>, input: string): T | undefined {
  const key = Object.keys(entries).find((name) => input === name || input.startsWith(`${name}-`));
  return key === undefined ? undefined : entries[key];
}
