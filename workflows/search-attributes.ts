/** The search attributes that operators filter workflows by. The namespace must know them before a worker starts. */
import { defineSearchAttributeKey } from '@temporalio/common';

/** Name to type, as `temporal operator search-attribute create` takes them. */
export const searchAttributeTypes = {
  TenantId: 'Keyword',
  SourceId: 'Keyword',
  SourceKind: 'Keyword',
  PipelineState: 'Keyword',
  LastErrorType: 'Keyword',
  BackfillId: 'Keyword',
  Watermark: 'Datetime',
  ConsecutiveErrors: 'Int',
} as const;

export const tenantIdKey = defineSearchAttributeKey('TenantId', 'KEYWORD');
export const sourceIdKey = defineSearchAttributeKey('SourceId', 'KEYWORD');
export const sourceKindKey = defineSearchAttributeKey('SourceKind', 'KEYWORD');
export const pipelineStateKey = defineSearchAttributeKey('PipelineState', 'KEYWORD');
export const lastErrorTypeKey = defineSearchAttributeKey('LastErrorType', 'KEYWORD');
export const backfillIdKey = defineSearchAttributeKey('BackfillId', 'KEYWORD');
export const watermarkKey = defineSearchAttributeKey('Watermark', 'DATETIME');
export const consecutiveErrorsKey = defineSearchAttributeKey('ConsecutiveErrors', 'INT');
