// Takes out of a service's error what was secret in the request that it answers: some quote what they were sent.

/** Fields of requests whose values are secret, wherever they stand in a body. */
const SECRET_FIELDS: ReadonlySet<string> = new Set(['password', 'secret', 'user_data', 'adminPass']);
/** Shorter values would be found in ordinary words. */
const SECRET_CHARS_MIN = 4;
/** Bodies of ours are four levels deep. */
const DEPTH_MAX = 8;

/** `text` with the token and the secret fields of the request replaced, also where they are quoted as JSON once or twice. */
export function withholdSecrets(
  text: string,
  request: { readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown },
): string {
  const secrets = secretsIn(request.body, '', 0);
  const token = request.headers?.['x-auth-token'];
  if (token !== undefined) secrets.push(token);
  let out = text;
  for (const secret of secrets) {
    if (secret.length < SECRET_CHARS_MIN) continue;
    const once = JSON.stringify(secret).slice(1, -1);
    const twice = JSON.stringify(once).slice(1, -1);
    for (const form of new Set([twice, once, secret])) out = out.replaceAll(form, '(withheld)');
  }
  return out;
}

/** A token to log in with is the only id that is secret. */
function secretsIn(value: unknown, name: string, depth: number): string[] {
  if (typeof value !== 'object' || value === null || depth > DEPTH_MAX) return [];
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
    if (typeof inner !== 'string') return secretsIn(inner, key, depth + 1);
    return SECRET_FIELDS.has(key) || (name === 'token' && key === 'id') ? [inner] : [];
  });
}
