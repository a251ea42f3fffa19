// Bootstrap tokens: what a new server shows to join the cluster. A Secret of Kubernetes' own type, for authentication
// only (it signs no cluster-info), with an end date. The secret never comes back from here, not even in an error.
import { BOOTSTRAP_TOKEN_GROUP, BOOTSTRAP_TOKEN_NAMESPACE } from '../api/names.ts';
import type { BootstrapToken } from '../controllers/ports.ts';
import { PortError } from '../controllers/port-errors.ts';
import { RESOURCES, resourcePath } from './resource-path.ts';
import type { Transport } from './transport.ts';

/** Writes the token. Rejects with conflict when one of this id stands, outcomeUnknown when the answer was lost. */
export async function createBootstrapToken(transport: Transport, token: BootstrapToken): Promise<void> {
  if (!/^[a-z0-9]{6}$/.test(token.id) || !/^[a-z0-9]{16}$/.test(token.secret)) {
    throw new PortError('invalidSpec', 'A bootstrap token must have an id of 6 and a secret of 16 characters [a-z0-9]');
  }
  await transport.request({
    method: 'POST',
    path: resourcePath(RESOURCES.secrets, { namespace: BOOTSTRAP_TOKEN_NAMESPACE }),
    secretBody: true,
    body: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: secretName(token.id), namespace: BOOTSTRAP_TOKEN_NAMESPACE },
      type: 'bootstrap.kubernetes.io/token',
      stringData: {
        'token-id': token.id,
        'token-secret': token.secret,
        expiration: token.expiresAt,
        description: token.description,
        'usage-bootstrap-authentication': 'true',
        'auth-extra-groups': BOOTSTRAP_TOKEN_GROUP,
      },
    },
  });
}

/** Deletes the token; that it is gone already is done. */
export async function deleteBootstrapToken(transport: Transport, id: string): Promise<void> {
  const path = resourcePath(RESOURCES.secrets, { namespace: BOOTSTRAP_TOKEN_NAMESPACE, name: secretName(id) });
  try {
    await transport.request({ method: 'DELETE', path, secretBody: true });
  } catch (error) {
    if (!(error instanceof PortError) || error.code !== 'notFound') throw error;
  }
}

function secretName(id: string): string {
  return `bootstrap-token-${id}`;
}
