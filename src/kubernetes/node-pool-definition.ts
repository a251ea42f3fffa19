// Installs our NodePool definition in a workload cluster and waits until the API serves it. An older Sluice never puts
// its definition over a newer one: each carries an integer, and the higher one stays.
import { DEFINITION_VERSION_ANNOTATION } from '../api/custom-resource-definition.ts';
import type { Clock } from '../controllers/ports.ts';
import { ApiError } from './api-error.ts';
import { applyObject, getObject } from './api-requests.ts';
import { listAt, textAt, textMapAt } from './raw-fields.ts';
import { RESOURCES } from './resource-path.ts';
import type { Transport } from './transport.ts';

const MANAGER = 'sluice';
/** A definition is served within 1 s (measured on 1.37); longer means that the server is sick. */
const ESTABLISHED_TIMEOUT_MS = 10_000;
const POLL_MS = 250;

/** Applies `definition` unless a newer one stands, and waits until it is served. `deleting`: the standing one is on its
 *  way out, nothing was done. Rejects with PortError; unavailable when it is not served in time. */
export async function ensureDefinition(
  transport: Transport,
  options: { readonly definition: Readonly<Record<string, unknown>>; readonly clock: Clock },
): Promise<'ready' | 'deleting'> {
  const { definition, clock } = options;
  const name = textAt(definition, 'metadata', 'name') ?? '';
  const address = { resource: RESOURCES.customResourceDefinitions, name };
  let live = await getObject(transport, address);
  if (isDeleting(live)) return 'deleting';
  if (live === undefined || versionOf(live) <= versionOf(definition)) {
    live = await applyObject(transport, address, { body: withPrecondition(definition, live), manager: MANAGER });
  }
  const deadlineMs = clock.monotonicMs() + ESTABLISHED_TIMEOUT_MS;
  while (!isEstablished(live)) {
    if (clock.monotonicMs() >= deadlineMs) {
      throw new ApiError('unavailable', `Cannot use CustomResourceDefinition '${name}' as it must be Established`, {
        fault: 'timeout',
      });
    }
    await new Promise<void>((resolve) => {
      clock.setTimer(POLL_MS, resolve);
    });
    live = await getObject(transport, address);
    if (isDeleting(live)) return 'deleting';
  }
  return 'ready';
}

/** With the resourceVersion that was judged: a newer definition that lands in between is a conflict, not overwritten. */
function withPrecondition(definition: Readonly<Record<string, unknown>>, live: unknown): unknown {
  const resourceVersion = textAt(live, 'metadata', 'resourceVersion');
  if (resourceVersion === undefined) return definition;
  const metadata = definition['metadata'];
  return { ...definition, metadata: { ...(typeof metadata === 'object' ? metadata : {}), resourceVersion } };
}

/** A definition without the mark is the oldest. */
function versionOf(definition: unknown): number {
  const text = textMapAt(definition, 'metadata', 'annotations').get(DEFINITION_VERSION_ANNOTATION) ?? '';
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}

function isDeleting(definition: unknown): boolean {
  return textAt(definition, 'metadata', 'deletionTimestamp') !== undefined;
}

function isEstablished(definition: unknown): boolean {
  return listAt(definition, 'status', 'conditions').some(
    (condition) => textAt(condition, 'type') === 'Established' && textAt(condition, 'status') === 'True',
  );
}
