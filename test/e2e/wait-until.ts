// Waiting with a limit and a reason: the only way in which the end-to-end run waits.

/** Some hundred waits in a run, each late by half of this; a look costs the servers some 50 ms of CPU. */
const POLL_MS = 300;

/** Polls `look` until it gives something other than undefined; the error names what was waited for and what was seen. */
export async function waitUntil<T>(
  what: string,
  limitMs: number,
  look: () => Promise<T | undefined>,
  seen: () => Promise<string> = () => Promise.resolve(''),
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`waited ${limitMs / 1000} s for ${what}; seen: ${await seen()}`);
    await sleep(POLL_MS);
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
