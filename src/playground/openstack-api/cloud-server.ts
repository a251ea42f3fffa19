// The HTTP server in front of the cloud: one port, the four services below it as paths, errors in each service's shape.
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { closeServer, listenOnLoopback, readBodyText } from '../loopback-http.ts';
import type { CloudAnswer, CloudRequest } from './cloud-request.ts';
import { CloudError, type CloudOptions } from './cloud-objects.ts';
import { CloudState } from './cloud-state.ts';
import { Keystone } from './keystone.ts';
import { answerGlance, answerNeutron } from './neutron.ts';
import { answerNova, MICROVERSION_MAX, MICROVERSION_MIN, novaVersion } from './nova.ts';

/** User data is at most 64 KiB of it; nothing else comes near. */
const BODY_BYTES_MAX = 1_048_576;

export interface CloudServer {
  readonly url: string;
  readonly state: CloudState;
  readonly keystone: Keystone;
  close(): Promise<void>;
}

/** Starts it on a free port of 127.0.0.1. */
export async function startCloudServer(options: CloudOptions): Promise<CloudServer> {
  const state = new CloudState(options);
  const keystone = new Keystone(state);
  let url = '';
  const server = createServer((request, response) => {
    answer(request, { state, keystone, rootUrl: url })
      .then((done) => send(response, done))
      .catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  url = await listenOnLoopback(server);
  return {
    url,
    state,
    keystone,
    close: async () => {
      state.close();
      await closeServer(server);
    },
  };
}

interface Parts {
  readonly state: CloudState;
  readonly keystone: Keystone;
  readonly rootUrl: string;
}

/** Who asks: the headers X-Auth-Token and X-Subject-Token. */
interface Caller {
  readonly parts: Parts;
  readonly token: string | undefined;
  readonly subject: string | undefined;
}

async function answer(request: IncomingMessage, parts: Parts): Promise<CloudAnswer> {
  const url = new URL(request.url ?? '/', parts.rootUrl);
  const [service = '', ...segments] = url.pathname
    .split('/')
    .filter((segment) => segment !== '')
    .map(decodeURIComponent);
  try {
    const body = await readJson(request);
    const below: CloudRequest = {
      method: request.method ?? 'GET',
      segments,
      query: url.searchParams,
      body,
      baseUrl: `${parts.rootUrl}/${service}`,
      microversion: readMicroversion(request),
    };
    const done = route(service, below, {
      parts,
      token: headerOf(request, 'x-auth-token'),
      subject: headerOf(request, 'x-subject-token'),
    });
    return service === 'compute' ? namingVersion(done, below.microversion) : done;
  } catch (error) {
    if (error instanceof CloudError) return asAnswer(service, error);
    throw error;
  }
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const text = await readBodyText(request, BODY_BYTES_MAX);
  if (text === undefined) throw new CloudError(413, 'Request is too large.', { kind: 'overLimit' });
  if (text === '') return undefined;
  try {
    const body: unknown = JSON.parse(text);
    return body;
  } catch {
    throw new CloudError(400, 'Malformed request body', { kind: 'badRequest' });
  }
}

/** Nova says in every answer which version it spoke. */
function namingVersion(done: CloudAnswer, microversion: string): CloudAnswer {
  return { ...done, headers: { ...done.headers, 'openstack-api-version': `compute ${microversion}` } };
}

/** Throws CloudError 406 when Nova does not speak it. */
function readMicroversion(request: IncomingMessage): string {
  const text = headerOf(request, 'openstack-api-version') ?? '';
  const asked = /^compute (\d+\.\d+|latest)$/.exec(text)?.[1] ?? MICROVERSION_MIN;
  if (asked === 'latest') return MICROVERSION_MAX;
  const minor = (version: string): number => Number(version.split('.')[1]);
  if (!asked.startsWith('2.') || minor(asked) < minor(MICROVERSION_MIN) || minor(asked) > minor(MICROVERSION_MAX)) {
    throw new CloudError(
      406,
      `Version ${asked} is not supported by the API. Minimum is ${MICROVERSION_MIN} and maximum is ${MICROVERSION_MAX}.`,
      { kind: 'computeFault' },
    );
  }
  return asked;
}

function route(service: string, request: CloudRequest, { parts, token, subject }: Caller): CloudAnswer {
  const { state, keystone } = parts;
  const [version, ...below] = request.segments;
  const inVersion = { ...request, segments: below };
  if (service === 'identity') return keystone.answer(inVersion, { rootUrl: parts.rootUrl, token, subject });
  if (service === 'compute' && below.length === 0) {
    const one = novaVersion(request.baseUrl);
    return { code: 200, body: version === undefined ? { versions: [one['version']] } : one };
  }
  keystone.checkToken(token);
  if (service === 'compute' && version === 'v2.1') {
    const [project, ...path] = below;
    if (project !== state.projectId) {
      throw new CloudError(
        400,
        `Malformed request URL: URL's project_id '${project ?? ''}' doesn't match Context's project_id '${state.projectId}'`,
        { kind: 'badRequest' },
      );
    }
    return answerNova(state, { ...request, segments: path, baseUrl: `${request.baseUrl}/v2.1/${project}` });
  }
  if (service === 'network' && version === 'v2.0') return answerNeutron(state, inVersion);
  if (service === 'image' && version === 'v2') return answerGlance(state, inVersion);
  throw new CloudError(404, 'The resource could not be found.', { kind: 'itemNotFound' });
}

/** Each service has a shape of its own for errors. */
function asAnswer(service: string, error: CloudError): CloudAnswer {
  const { code, message, kind, headers } = error;
  if (code === 401) {
    const body = { error: { code, title: 'Unauthorized', message } };
    return { code, body, headers: { 'www-authenticate': 'Keystone uri="/identity"' } };
  }
  if (service === 'network') {
    return { code, body: { NeutronError: { type: kind, message, detail: '' } }, headers };
  }
  if (service === 'image') return { code, body: `<html><body>${code} ${message}</body></html>`, headers };
  if (service === 'identity') return { code, body: { error: { code, title: 'Not Found', message } }, headers };
  return { code, body: { [kind]: { code, message } }, headers };
}

function send(response: ServerResponse, done: CloudAnswer): void {
  if (done.drop === true) {
    response.destroy();
    return;
  }
  const { body } = done;
  const isText = typeof body === 'string';
  const text = body === undefined ? '' : isText ? body : JSON.stringify(body);
  response.writeHead(done.code, {
    'content-type': isText ? 'text/html; charset=UTF-8' : 'application/json',
    'content-length': Buffer.byteLength(text),
    'x-openstack-request-id': `req-${randomUUID()}`,
    ...done.headers,
  });
  response.end(text);
}
