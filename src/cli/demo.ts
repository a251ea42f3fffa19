// `sluice demo`: the real controller against an embedded Kubernetes and OpenStack on loopback, with a story to watch.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Playground, PlaygroundCluster } from '../playground/playground.ts';
import { startPlayground } from '../playground/start-playground.ts';
import { type CommandIo, parseOutput, type Output } from './command-io.ts';
import {
  DEMO_CLUSTER,
  DEMO_NAMESPACE,
  DEMO_PRICES,
  deployment,
  managementObjects,
  pod,
  poolObjects,
} from './demo-objects.ts';
import { StoryFailure, tellStory } from './demo-story.ts';
import { DemoTimeline } from './demo-timeline.ts';
import { startController, type RunningController } from './start-controller.ts';

const HELP = `Usage: sluice demo [options]

Starts an embedded Kubernetes API, an OpenStack API and kubelets on loopback, runs the real controller against them,
deploys an application that needs nodes, takes it away again, and prints what happens. Needs no network and no rights.

  --once           end when the story is over; exit code 0 only if every pod ran, the pools came back to their minimum
                   and no server or port is left
  --output FORMAT  text (default) or json: the timeline goes to stderr, the last line on stdout is the books as JSON
  -v, --verbose    the controller's log, on stderr
  --help

Without --once it goes on after the story, so that you can try it with kubectl; Ctrl-C ends it.
`;

interface DemoOptions {
  readonly once: boolean;
  readonly output: Output;
  readonly verbose: boolean;
}

function parseDemoOptions(argv: readonly string[]): DemoOptions | 'help' {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      once: { type: 'boolean' },
      output: { type: 'string' },
      verbose: { type: 'boolean', short: 'v' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return 'help';
  return { once: values.once === true, output: parseOutput(values.output), verbose: values.verbose === true };
}

/** Runs the demo. Exit code 0 done, 1 the story did not come to its end, 2 wrong usage. */
export async function runDemo(argv: readonly string[], io: CommandIo): Promise<number> {
  const options = parseDemoOptions(argv);
  if (options === 'help') {
    io.stdout(HELP);
    return 0;
  }
  const startedMs = performance.now();
  const elapsedMs = (): number => performance.now() - startedMs;
  const toStdout = options.output === 'text';
  const stream = toStdout ? process.stdout : process.stderr;
  const timeline = new DemoTimeline({
    write: (line) => (toStdout ? io.stdout(`${line}\n`) : io.stderr(`${line}\n`)),
    colour: stream.isTTY && io.env['NO_COLOR'] === undefined,
    prices: DEMO_PRICES,
    elapsedMs,
  });
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    return await playDemo(options, { io, timeline, signal: interrupted.signal, elapsedMs });
  } finally {
    timeline.close();
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

interface Stage {
  readonly io: CommandIo;
  readonly timeline: DemoTimeline;
  readonly signal: AbortSignal;
  readonly elapsedMs: () => number;
}

async function playDemo(options: DemoOptions, stage: Stage): Promise<number> {
  const { timeline, signal } = stage;
  const playground = await startPlayground();
  let controller: RunningController | undefined;
  try {
    const workload = await playground.addWorkloadCluster('shop');
    timeline.say('playground', `OpenStack at ${playground.cloudUrl}, Kubernetes of 'shop' at ${workload.url}`, 'dim');
    playground.on((event) => timeline.saw(event));
    await playground.apply(managementObjects(playground, workload));
    await workload.apply(poolObjects());
    timeline.say('installed', "WorkloadCluster 'shop', NodePools 'general' and 'memory' (0 nodes each)", 'dim');
    controller = await startController({
      management: { kind: 'kubeconfigText', text: playground.managementKubeconfig },
      namespaces: [DEMO_NAMESPACE],
      listen: '127.0.0.1:0',
      logLevel: options.verbose ? 'info' : 'silent',
      identity: 'demo',
      onDecision: (entry) => timeline.decided(entry),
    });
    timeline.say('controller', `runs; metrics at ${controller.url ?? 'nowhere'}/metrics`, 'dim');
    const failure = await storyFailure({ playground, workload, timeline, signal });
    if (failure !== undefined && !signal.aborted) timeline.say('FAILED', failure, 'red');
    if (!options.once && !signal.aborted) await stayUp(playground, { workload, stage });
    await controller.close();
    controller = undefined;
    finish(options, { playground, stage });
    return options.once && failure !== undefined ? 1 : 0;
  } finally {
    await controller?.close();
    await playground.close();
  }
}

/** undefined: the story came to its good end. */
async function storyFailure(stage: Parameters<typeof tellStory>[0]): Promise<string | undefined> {
  try {
    await tellStory(stage);
    return undefined;
  } catch (error) {
    if (error instanceof StoryFailure) return error.message;
    throw error;
  }
}

/** Until Ctrl-C: everything stays there for kubectl. The kubeconfigs lie in a directory that goes with the demo. */
async function stayUp(
  playground: Playground,
  { workload, stage }: { readonly workload: PlaygroundCluster; readonly stage: Stage },
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-demo-'));
  try {
    const workloadPath = join(directory, 'shop.kubeconfig');
    const managementPath = join(directory, 'management.kubeconfig');
    const helloPath = join(directory, 'hello.json');
    const hello = deployment('hello', { replicas: 3, requests: { cpu: '500m', memory: '1Gi' } });
    await writeFile(helloPath, `${JSON.stringify(hello, undefined, 2)}\n`);
    const hugePath = join(directory, 'huge.json');
    await writeFile(hugePath, `${JSON.stringify(pod('huge', { cpu: '64' }), undefined, 2)}\n`);
    const mode = 0o600; // they hold administrators' tokens
    await writeFile(workloadPath, workload.kubectlKubeconfig, { mode });
    await writeFile(managementPath, playground.management.kubectlKubeconfig, { mode });
    stage.io.stderr(
      [
        '',
        'Try it; Ctrl-C ends it:',
        `  export KUBECONFIG=${workloadPath}`,
        '  kubectl get nodepools,nodes,pods',
        '  kubectl get events.events.k8s.io',
        `  kubectl apply --validate=false -f ${helloPath}`,
        '  kubectl scale nodepool general --replicas=2',
        `  kubectl --kubeconfig ${managementPath} get nodeclaims`,
        `  npm run sluice -- plan --kubeconfig ${managementPath} --cluster ${DEMO_CLUSTER}`,
        '',
        'A pod that no pool can take, and why:',
        `  kubectl apply --validate=false -f ${hugePath}`,
        `  npm run sluice -- explain pod default/huge --kubeconfig ${managementPath} --cluster ${DEMO_CLUSTER}`,
        '',
        '',
      ].join('\n'),
    );
    await new Promise<void>((resolve) => {
      if (stage.signal.aborted) resolve();
      stage.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The books, as a table for people or as one line for programs. */
function finish(options: DemoOptions, { playground, stage }: { playground: Playground; stage: Stage }): void {
  const books = playground.books();
  const { podsRun, serversCreated, serversDeleted, portsLeft, serversLeft, decisions } = books;
  const seconds = Math.round(stage.elapsedMs() / 100) / 10;
  stage.timeline.flush();
  if (options.output === 'json') {
    const line = { podsRun, serversCreated, serversDeleted, portsLeft, serversLeft, decisions, seconds };
    stage.io.stdout(`${JSON.stringify(line)}\n`);
    return;
  }
  const rows: readonly (readonly [string, number | string])[] = [
    ['pods that ran', podsRun],
    ['pods evicted', books.podsEvicted],
    ['servers created', serversCreated],
    ['servers deleted', serversDeleted],
    ['servers left', serversLeft],
    ['ports left', portsLeft],
    ['decisions', decisions],
    ['cost in €', stage.timeline.costSoFar().toFixed(4)],
    ['seconds', seconds],
  ];
  const table = rows.map(([name, value]) => `  ${name.padEnd(16)}${String(value).padStart(8)}`);
  stage.io.stdout(`\nThe playground's books:\n${table.join('\n')}\n`);
}
