/** What became of a message, click or session, in one vocabulary for all tables. */

export const dispositions = [
  'allowed',
  'delivered',
  'blocked',
  'quarantined',
  'dropped',
  'rejected',
  'delayed',
  'other',
] as const;

export type Disposition = (typeof dispositions)[number];

/** As OCSF numbers them: https://schema.ocsf.io/1.8.0/profiles/security_control */
export const dispositionIds: Readonly<Record<Disposition, number>> = {
  allowed: 1,
  delivered: 1,
  blocked: 2,
  quarantined: 3,
  dropped: 6,
  delayed: 14,
  rejected: 25,
  other: 99,
};

/** A Map: the word comes from the record, and an object would know `constructor`. */
const byAction: ReadonlyMap<string, Disposition> = new Map([
  ['accept', 'allowed'],
  ['continue', 'allowed'],
  ['discard', 'dropped'],
  ['quarantine', 'quarantined'],
  ['reject', 'rejected'],
  ['retry', 'delayed'],
  ['tempfail', 'delayed'],
]);

/** By the word with which a Protection Server says what it does with a message. */
export function dispositionOfAction(action: string | null): Disposition | null {
  return action === null ? null : (byAction.get(action) ?? 'other');
}
