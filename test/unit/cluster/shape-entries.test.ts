// Lists of entries in chunks must hold what a plain list would, and leave the lists that they were made of alone.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Entries, entriesAfter, inChunks } from '../../../src/cluster/shape-entries.ts';

function sorted(entries: Entries): readonly number[] {
  return entries.flat().toSorted((left, right) => left - right);
}

const ENTRY_MAX = 700;

describe('entries of a shape', () => {
  test('hold what came and not what went, over any number of changes', () => {
    const change = fc.array(fc.tuple(fc.nat(ENTRY_MAX), fc.integer({ min: -2, max: 2 })), { maxLength: 40 });
    fc.assert(
      fc.property(
        fc.array(fc.nat(ENTRY_MAX), { maxLength: 1200 }),
        fc.array(change, { maxLength: 6 }),
        (first, turns) => {
          let plain = [...first];
          let entries = inChunks(first);
          for (const turn of turns) {
            const counts = new Map(turn);
            const left = new Map<number, number>();
            for (const entry of plain) left.set(entry, (left.get(entry) ?? 0) + 1);
            // No more than there are.
            for (const [entry, count] of counts) counts.set(entry, Math.max(count, -(left.get(entry) ?? 0)));
            const before = [...plain];
            for (const [entry, count] of counts) {
              for (let took = count; took < 0; took += 1) plain.splice(plain.indexOf(entry), 1);
              plain = [...plain, ...Array.from({ length: Math.max(count, 0) }, () => entry)];
            }
            const after = entriesAfter(entries, counts);
            expect(sorted(entries)).toEqual(before.toSorted((a, b) => a - b));
            expect(sorted(after)).toEqual(plain.toSorted((a, b) => a - b));
            // Full but for the last: lists do not fray.
            expect(after.slice(0, -1).every((chunk) => chunk.length === after[0]?.length)).toBe(true);
            expect(after.every((chunk) => chunk.length > 0)).toBe(true);
            entries = after;
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('are the same object when nothing changed', () => {
    const entries = inChunks([1, 2, 3]);
    expect(entriesAfter(entries, new Map([[2, 0]]))).toBe(entries);
  });

  test('cannot lose what they do not have', () => {
    expect(() => entriesAfter(inChunks([1]), new Map([[2, -1]]))).toThrow('must have been counted');
  });
});
