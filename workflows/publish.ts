/** Shows a source's status in the Temporal UI: on its page, and in the search attributes that lists are filtered by. */
import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import {
  consecutiveErrorsKey,
  lastErrorTypeKey,
  pipelineStateKey,
  sourceIdKey,
  sourceKindKey,
  tenantIdKey,
  watermarkKey,
} from './search-attributes.ts';
import type { SourceStatus } from './source-state.ts';
import { statusPage } from './status-page.ts';

/** The page is shown anew each time; search attributes only where they changed, because each change is an event in the history. */
export function createPublisher(status: () => SourceStatus): () => void {
  let shown = '';
  return () => {
    const now = status();
    setCurrentDetails(statusPage(now));
    const attributes = JSON.stringify([now.pipelineState, now.lastError?.code, now.watermark, now.consecutiveErrors]);
    if (attributes === shown) return;
    shown = attributes;
    upsertSearchAttributes([
      { key: tenantIdKey, value: now.tenantId },
      { key: sourceIdKey, value: now.sourceId },
      { key: sourceKindKey, value: now.kind },
      { key: pipelineStateKey, value: now.pipelineState },
      { key: lastErrorTypeKey, value: now.lastError?.code ?? null },
      { key: watermarkKey, value: now.watermark === undefined ? null : new Date(now.watermark) },
      { key: consecutiveErrorsKey, value: now.consecutiveErrors },
    ]);
  };
}
