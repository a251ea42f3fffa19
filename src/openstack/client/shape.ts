// Checks that an answer has the documented form, once, at the edge: inside, types are true.
import type { Static, TSchema } from 'typebox';
import { Check, Errors } from 'typebox/schema';
import type { HttpAnswer } from './http.ts';
import { OpenStackError } from './openstack-error.ts';

/** The body of `answer` as `schema` says. Throws an OpenStackError of kind `malformed` that names the first wrong field
 *  (never its value). */
export function readBodyAs<S extends TSchema>(schema: S, answer: HttpAnswer, what: string): Static<S> {
  const body: unknown = answer.body;
  if (Check(schema, body)) return body;
  const [, [first]] = Errors(schema, body);
  const where = first === undefined ? '' : ` at ${first.instancePath || '/'}: ${first.message}`;
  throw new OpenStackError('malformed', `${what}: the answer does not have the documented form${where}`, {
    service: answer.service,
    method: answer.method,
    status: answer.status,
    requestId: answer.requestId,
  });
}
