import { describe, expect, test } from 'vitest';
import { ApiError } from '../../../src/kubernetes/api-error.ts';
import { lineBatches, linesOf } from '../../../src/kubernetes/line-batches.ts';

async function* chunksOf(...texts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function read(chunks: AsyncIterable<Uint8Array>, lineBytesMax = 16): Promise<string[][]> {
  const batches: string[][] = [];
  for await (const batch of lineBatches(chunks, lineBytesMax)) batches.push([...linesOf(batch)]);
  return batches;
}

describe('lineBatches', () => {
  const euro = Buffer.from('€\n');
  test.each<[string, readonly (string | Uint8Array)[], string[][]]>([
    ['lines of one chunk come together', ['a\nb\n'], [['a', 'b']]],
    ['a line over several chunks', ['a', 'b', 'c\nd\ne', 'f\n'], [[], [], ['abc'], ['d'], ['ef']]],
    ['a character cut in two', [euro.subarray(0, 1), euro.subarray(1)], [[], ['€']]],
    ['empty lines are skipped', ['\n\r\na\n'], [['a']]],
    ['what was cut off at the end is dropped', ['a\nb'], [['a']]],
  ])('%s', async (_name, chunks, want) => {
    expect(await read(chunksOf(...chunks))).toEqual(want);
  });

  test.each([
    ['within one chunk', ['x'.repeat(17)]],
    ['over chunks', ['x'.repeat(9), 'x'.repeat(9)]],
  ])('a line that is too long is an error %s', async (_name, chunks) => {
    await expect(read(chunksOf(...chunks))).rejects.toMatchObject({ fault: 'tooLarge' });
    await expect(read(chunksOf(...chunks))).rejects.toBeInstanceOf(ApiError);
  });

  test('many lines of the longest length are fine', async () => {
    const line = 'x'.repeat(16);
    expect(await read(chunksOf(`${line}\n${line}\n`))).toEqual([[line, line]]);
  });

  test.each([
    ['lines that make many pieces', Array.from({ length: 3000 }, (_, index) => `${index} €`.padEnd(index % 97, 'x'))],
    ['lines longer than a piece', ['a', 'y'.repeat(70_000), 'ü'.repeat(100_000), 'b']],
    ['lines of a piece and of one byte more', ['z'.repeat(65_535), 'z'.repeat(65_536), 'z'.repeat(65_537), 'c']],
  ])('%s stay whole', (_name, lines) => {
    expect(linesOf(Buffer.from(`${lines.join('\n')}\n`))).toEqual(lines);
    expect(linesOf(Buffer.from(lines.join('\n\n')))).toEqual(lines);
  });
});
