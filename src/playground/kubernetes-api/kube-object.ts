// An object as the API server stores it, and the errors that it answers with.
import { fieldsOf, isFields, textOf, type Fields } from '../untyped.ts';

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
}

export interface KubeMetadata {
  name: string;
  namespace?: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  creationTimestamp: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: ManagedFields[];
}

export interface ManagedFields {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  time: string;
  fieldsType: 'FieldsV1';
  fieldsV1: Fields;
  subresource?: string;
}

/** Stored objects are never changed in place: whoever writes clones first. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: KubeMetadata;
  [field: string]: unknown;
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  410: 'Expired',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

export interface ErrorDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly retryAfterSeconds?: number;
  readonly causes?: readonly { readonly reason: string; readonly message: string; readonly field?: string }[];
}

/** A refusal in the API server's own shape. */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: ErrorDetails;

  constructor(code: number, message: string, options: { reason?: string; details?: ErrorDetails } = {}) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.reason = options.reason ?? REASONS[code] ?? 'Unknown';
    this.details = options.details ?? {};
  }

  /** The body of kind Status. */
  toStatus(): Fields {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      details: { ...this.details },
      code: this.code,
    };
  }
}

/** Checks that a body is an object of the wanted kind with usable metadata. Server-owned metadata is filled in later.
 *  Throws ApiError 400. */
export function readKubeObject(
  raw: unknown,
  wanted: { readonly apiVersion: string; readonly kind: string },
): KubeObject {
  if (!isFields(raw)) throw new ApiError(400, 'the body must be a JSON object');
  const apiVersion = textOf(raw['apiVersion']) || wanted.apiVersion;
  const kind = textOf(raw['kind']) || wanted.kind;
  if (kind !== wanted.kind || apiVersion !== wanted.apiVersion) {
    throw new ApiError(
      400,
      `the object provided is ${apiVersion} ${kind}, expected ${wanted.apiVersion} ${wanted.kind}`,
    );
  }
  const metadata = fieldsOf(raw['metadata']);
  return {
    ...raw,
    apiVersion,
    kind,
    metadata: {
      ...metadata,
      name: textOf(metadata['name']),
      uid: textOf(metadata['uid']),
      resourceVersion: textOf(metadata['resourceVersion']),
      creationTimestamp: textOf(metadata['creationTimestamp']),
    },
  };
}
