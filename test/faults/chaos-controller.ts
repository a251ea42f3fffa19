// The controller of a chaos run, in two ways: as a process of its own that is killed with SIGKILL, and, for the quick run,
// in this process, where its death is the loss of every connection that it has.
import { startController, type RunningController } from '../../src/cli/start-controller.ts';
import { ControllerProcess } from '../e2e/controller-process.ts';
import { CutRelay } from './cut-relay.ts';
import type { FaultProxy } from './fault-proxy.ts';
import type { TimeLapse } from './time-lapse.ts';

export interface ChaosController {
  start(): Promise<void>;
  /** At once, with no chance to do anything more. False: it was dead already. */
  kill(): boolean;
  /** Resolves when what was killed is gone for good. */
  buried(): Promise<void>;
  stop(): Promise<void>;
}

const TIME_LAPSE = new URL('./time-lapse.ts', import.meta.url).href;
/** In real time; what is asked for is milliseconds of the lapse. */
const START_MS = 60_000;

/** `sluice run` from the bundle, in the time of this process. */
export function processController(options: {
  readonly kubeconfigPath: string;
  readonly logFile: string;
  readonly lapse: TimeLapse;
}): ChaosController {
  const { kubeconfigPath, logFile, lapse } = options;
  let running: ControllerProcess | undefined;
  return {
    start: async () => {
      running = await ControllerProcess.start({
        kubeconfig: kubeconfigPath,
        namespaces: ['default'],
        logFile,
        podName: 'sluice-chaos',
        nodeArguments: [`--import=${TIME_LAPSE}`],
        environment: lapse.environment,
        readyWithinMs: START_MS * lapse.factor,
      });
    },
    kill: () => {
      if (running?.alive !== true) return false;
      running.kill();
      return true;
    },
    buried: async () => {
      await running?.exited();
    },
    stop: async () => {
      await running?.stop();
    },
  };
}

/** In this process, behind relays to the two API servers. `kubeconfig` is the text for the management cluster;
 *  `relayed` puts a URL's relay in its place. */
export async function localController(options: {
  readonly kubeconfig: string;
  readonly urls: readonly string[];
  readonly proxy: FaultProxy;
}): Promise<ChaosController & { readonly relayed: (text: string) => string; readonly close: () => Promise<void> }> {
  const relays = options.urls.map((url) => ({ url, relay: new CutRelay(url), address: '' }));
  for (const each of relays) each.address = await each.relay.start();
  const relayed = (text: string): string =>
    relays.reduce((done, { url, address }) => done.replaceAll(url, address), text);
  let running: RunningController | undefined;
  let dying = Promise.resolve();
  return {
    relayed,
    start: async () => {
      for (const { relay } of relays) relay.mend();
      options.proxy.mend();
      running = await startController({
        management: { kind: 'kubeconfigText', text: relayed(options.kubeconfig) },
        namespaces: ['default'],
        listen: undefined,
        logLevel: process.env['SLUICE_TEST_LOG'] === undefined ? 'silent' : 'debug',
        identity: 'sluice-chaos',
      });
    },
    kill: () => {
      if (running === undefined) return false;
      for (const { relay } of relays) relay.cut();
      options.proxy.cut();
      dying = running.close();
      running = undefined;
      return true;
    },
    buried: () => dying,
    stop: async () => {
      await running?.close();
    },
    close: async () => {
      for (const { relay } of relays) await relay.stop();
    },
  };
}
