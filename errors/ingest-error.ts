/** What can go wrong, said once: a closed list of codes, each with where it arises and what an operator does about it. */

/** Where in the flow an error arose. */
export type Stage = 'configuring' | 'receiving' | 'processing' | 'committing';

/**
 * What the pipeline does by itself:
 * `retry` soon (inside the activity), `wait` for the other side to recover (the workflow waits on a timer),
 * `block` until an operator acts.
 */
export type Directive = 'retry' | 'wait' | 'block';

interface Policy {
  readonly stage: Stage;
  readonly directive: Directive;
  readonly remedy: string;
}

/** The one table from error code to behaviour and remedy. */
export const policies = {
  'config.invalid': {
    stage: 'configuring',
    directive: 'block',
    remedy: 'correct the setting and apply tenants.yaml again',
  },
  'config.environment': {
    stage: 'configuring',
    directive: 'block',
    remedy: 'correct the environment variable and start the program again',
  },
  'config.endpoint_refused': {
    stage: 'configuring',
    directive: 'block',
    remedy: 'use https and a public host, or set ALLOW_PRIVATE_ENDPOINTS=1 on the workers',
  },
  'secret.missing': {
    stage: 'configuring',
    directive: 'block',
    remedy: 'give the workers the environment variable or file that the reference names, then resume the source',
  },
  'tap.unauthorized': {
    stage: 'receiving',
    directive: 'block',
    remedy:
      'create a new service credential under Settings > Connected Applications of the TAP dashboard, update the secret, then resume the source',
  },
  'tap.forbidden': {
    stage: 'receiving',
    directive: 'block',
    remedy:
      'ask Proofpoint to entitle this service credential to the SIEM API of this customer, then resume the source',
  },
  'tap.bad_request': {
    stage: 'receiving',
    directive: 'block',
    remedy: 'check baseUrl and window of the source; the vendor refused the request',
  },
  'tap.not_found': {
    stage: 'receiving',
    directive: 'block',
    remedy: 'check baseUrl of the source: no SIEM API answers there',
  },
  'tap.too_far_back': {
    stage: 'receiving',
    directive: 'wait',
    remedy: 'nothing to do: the interval is older than the vendor keeps and becomes a recorded gap',
  },
  'tap.throttled': {
    stage: 'receiving',
    directive: 'wait',
    remedy: 'nothing to do: reading resumes when the vendor allows it; look for other clients that use this credential',
  },
  'tap.allowance': {
    stage: 'receiving',
    directive: 'wait',
    remedy:
      'nothing to do: reading resumes when requests of a day ago count no longer; where it comes again, raise every or window of the source, or name fewer ages under settle',
  },
  'tap.unavailable': {
    stage: 'receiving',
    directive: 'retry',
    remedy: 'nothing to do: the vendor failed and is asked again',
  },
  'tap.unreachable': {
    stage: 'receiving',
    directive: 'retry',
    remedy: 'check the network path, proxy and DNS from the workers to the vendor',
  },
  'tap.bad_body': {
    stage: 'receiving',
    directive: 'retry',
    remedy: 'nothing to do: the answer was cut short or malformed and is asked for again',
  },
  's3.unauthorized': {
    stage: 'receiving',
    directive: 'block',
    remedy: 'correct the access key or secret of the source, then resume it',
  },
  's3.no_credentials': {
    stage: 'receiving',
    directive: 'retry',
    remedy:
      'give the workers an identity of AWS, or the source accessKeyId and secretAccessKey; where they have one, nothing to do: it is asked for again',
  },
  's3.forbidden': {
    stage: 'receiving',
    directive: 'block',
    remedy: 'grant s3:ListBucket and s3:GetObject on the bucket and prefix, then resume the source',
  },
  's3.role_refused': {
    stage: 'receiving',
    directive: 'block',
    remedy:
      'let the role trust these credentials with this external id, allow them sts:AssumeRole, or correct assumeRole; then resume the source',
  },
  's3.kms_denied': {
    stage: 'receiving',
    directive: 'block',
    remedy:
      'grant kms:Decrypt on the key that encrypts the objects, in the policies of key and reader, and check that the key is enabled; then resume the source',
  },
  's3.bucket_missing': {
    stage: 'receiving',
    directive: 'block',
    remedy: 'correct bucket, region or endpoint of the source, then resume it',
  },
  's3.unordered': {
    stage: 'receiving',
    directive: 'block',
    remedy:
      'the store does not list in the order of keys: give each directory a source of its own, or use another store; then resume the source',
  },
  's3.object_missing': {
    stage: 'receiving',
    directive: 'wait',
    remedy: 'nothing to do: the object was removed between listing and reading',
  },
  's3.object_changed': {
    stage: 'receiving',
    directive: 'wait',
    remedy: 'nothing to do: the object was overwritten while it was read; its new version is listed again',
  },
  's3.object_archived': {
    stage: 'receiving',
    directive: 'block',
    remedy: 'restore the object from its archive class, then load it with "ppi reprocess"',
  },
  's3.object_refused': {
    stage: 'receiving',
    directive: 'block',
    remedy:
      'see why the store refuses it: what a customer key (SSE-C) encrypts cannot be read; upload it again without, or move it out of the prefix, then resume the source',
  },
  's3.bad_content': {
    stage: 'processing',
    directive: 'block',
    remedy: 'check how the object was compressed and uploaded',
  },
  's3.unavailable': {
    stage: 'receiving',
    directive: 'retry',
    remedy: 'nothing to do: the store failed and is asked again',
  },
  's3.unreachable': {
    stage: 'receiving',
    directive: 'retry',
    remedy: 'check endpoint, network path and DNS from the workers to the store',
  },
  'queue.missing': {
    stage: 'receiving',
    directive: 'block',
    remedy: 'correct queueUrl or region under notifications and apply tenants.yaml again; listing goes on meanwhile',
  },
  'queue.denied': {
    stage: 'receiving',
    directive: 'block',
    remedy:
      'grant sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility and sqs:GetQueueAttributes on the queue, and kms:Decrypt where it is encrypted; listing goes on meanwhile',
  },
  'queue.unavailable': {
    stage: 'receiving',
    directive: 'retry',
    remedy: 'nothing to do: the queue failed and is asked again; listing goes on meanwhile',
  },
  'queue.unreachable': {
    stage: 'receiving',
    directive: 'retry',
    remedy: 'check queueUrl, network path and DNS from the workers to the queue; listing goes on meanwhile',
  },
  'landing.missing': {
    stage: 'processing',
    directive: 'wait',
    remedy: 'read the window again: its landed copy is gone',
  },
  'landing.unsafe': {
    stage: 'configuring',
    directive: 'block',
    remedy: 'use a store that honours If-None-Match on PUT for LANDING_URL',
  },
  'landing.unavailable': {
    stage: 'committing',
    directive: 'retry',
    remedy: 'check LANDING_URL, its credentials and free space',
  },
  'lake.conflict': {
    stage: 'committing',
    directive: 'retry',
    remedy: 'nothing to do: another committer was first and the batch is tried again',
  },
  'lake.unavailable': {
    stage: 'committing',
    directive: 'retry',
    remedy: 'check LAKE_CATALOG and LAKE_DATA, their credentials and free space',
  },
  'lake.memory': {
    stage: 'committing',
    directive: 'retry',
    remedy: 'raise DUCKDB_MEMORY_MB of the workers, or lower MAX_CONCURRENT_ACTIVITIES',
  },
  'temporal.unreachable': {
    stage: 'configuring',
    directive: 'retry',
    remedy: 'start the stack (npm start) or set TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE',
  },
  'source.unknown': {
    stage: 'configuring',
    directive: 'block',
    remedy: 'see "ppi sources list" for those that run, "ppi tenants apply" to add one',
  },
  'queue.unknown': {
    stage: 'configuring',
    directive: 'block',
    remedy: 'see "ppi notifications list" for those that run; name one under notifications in tenants.yaml to add it',
  },
  'source.refused': { stage: 'configuring', directive: 'block', remedy: 'see "ppi sources show" for its state' },
  'backfill.running': {
    stage: 'configuring',
    directive: 'block',
    remedy: 'see "ppi backfill status"; cancel it first to start it anew',
  },
  'backfill.unknown': {
    stage: 'configuring',
    directive: 'block',
    remedy: 'see "ppi backfill status" for those that run; give --from and --to as it was started with',
  },
  'source.silent': {
    stage: 'configuring',
    directive: 'retry',
    remedy: 'start a worker ("ppi worker") and look into its log',
  },
  'lake.query': { stage: 'processing', directive: 'block', remedy: 'correct the query' },
} as const satisfies Record<string, Policy>;

export type ErrorCode = keyof typeof policies;

/** Thrown for every expected failure. The message says what and where; it never holds a secret or an event's content. */
export class IngestError extends Error {
  override readonly name = 'IngestError';
  readonly code: ErrorCode;
  /** When the other side said how long to wait, in seconds. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; retryAfterSeconds?: number | undefined } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get stage(): Stage {
    return policies[this.code].stage;
  }

  get directive(): Directive {
    return policies[this.code].directive;
  }

  get remedy(): string {
    return policies[this.code].remedy;
  }
}
