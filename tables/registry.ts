/** All tables of the predefined schema, and what their columns are. */
import { columnMeta, columnType, type ColumnMeta, type ColumnType } from './column.ts';
import { gatewayFilter } from './gateway-filter.ts';
import { gatewaySendmail } from './gateway-sendmail.ts';
import { podMaillog } from './pod-maillog.ts';
import { podMessage } from './pod-message.ts';
import type { Table, TableName } from './table.ts';
import { tapClicksBlocked } from './tap-clicks-blocked.ts';
import { tapClicksPermitted } from './tap-clicks-permitted.ts';
import { tapMessagesBlocked } from './tap-messages-blocked.ts';
import { tapMessagesDelivered } from './tap-messages-delivered.ts';

export const tables: Readonly<Record<TableName, Table>> = {
  proofpoint_tap_messages_delivered: tapMessagesDelivered,
  proofpoint_tap_messages_blocked: tapMessagesBlocked,
  proofpoint_tap_clicks_permitted: tapClicksPermitted,
  proofpoint_tap_clicks_blocked: tapClicksBlocked,
  proofpoint_on_demand_message: podMessage,
  proofpoint_on_demand_maillog: podMaillog,
  proofpoint_gateway_filter_logs: gatewayFilter,
  proofpoint_gateway_sendmail_logs: gatewaySendmail,
};

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly meta: ColumnMeta;
}

/** The columns of a table in the order of its row schema. */
export function columnsOf(table: Table): Column[] {
  return Object.entries(table.row.shape).map(([name, schema]) => ({
    name,
    type: columnType(schema),
    meta: columnMeta(schema),
  }));
}
