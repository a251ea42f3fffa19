// The address of a resource in a request: group, version, namespace, plural, name, subresource.

export interface RequestPath {
  readonly group: string;
  readonly version: string;
  readonly namespace: string | undefined;
  readonly plural: string;
  /** '' = the collection. */
  readonly name: string;
  readonly subresource: string;
}

/** undefined when the path is not one of a resource. `segments` is the decoded path split at '/'. */
export function readRequestPath(segments: readonly string[]): RequestPath | undefined {
  const [root, ...below] = segments;
  const isCore = root === 'api';
  if (!isCore && root !== 'apis') return undefined;
  const group = isCore ? '' : (below.shift() ?? '');
  const [version, ...rest] = below;
  if (version === undefined || rest.length === 0) return undefined;
  const [first = '', second, third] = rest;
  const inNamespace =
    first === 'namespaces' && second !== undefined && third !== undefined && third !== 'status' && third !== 'finalize';
  const [plural = '', name = '', subresource = '', extra] = inNamespace ? rest.slice(2) : rest;
  if (extra !== undefined) return undefined;
  return { group, version, namespace: inNamespace ? second : undefined, plural, name, subresource };
}
