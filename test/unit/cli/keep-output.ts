// A CommandIo that keeps what a command says.
import type { CommandIo } from '../../../src/cli/command-io.ts';

export interface KeptOutput extends CommandIo {
  readonly out: string;
  readonly err: string;
}

/** An environment may be given; by default it is empty. */
export function keepOutput(env: NodeJS.ProcessEnv = {}): KeptOutput {
  let out = '';
  let err = '';
  return {
    stdout: (text) => {
      out += text;
    },
    stderr: (text) => {
      err += text;
    },
    env,
    get out() {
      return out;
    },
    get err() {
      return err;
    },
  };
}
