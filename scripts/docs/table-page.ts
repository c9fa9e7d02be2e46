/** The documentation pages of the tables, made from their definitions. Pure. */
import type { z } from 'zod';
import { dayColumnName } from '../../lake/schema.ts';
import { type ColumnMeta, columnMeta, columnType, type ColumnType, fieldsWithin } from '../../tables/column.ts';
import { envelope } from '../../tables/envelope.ts';
import { ocsfVersion } from '../../tables/ocsf.ts';
import type { Row, Table } from '../../tables/table.ts';

const notice = '<!-- Made by `npm run docs` from the definitions in tables/; edit those. -->';

const identities: Readonly<Record<Table['identity'], string>> = {
  content:
    'The same record, whatever the order of its keys and lists and however often it is read, is one row. A record with another value, such as a changed verdict, is another row.',
  line: 'The same line read again is one row. Identical lines within one object are different rows: the second has `-2` behind its `event_id`, and so on.',
};

/** `rows`: of records that show what the columns hold. */
export function tablePage(table: Table, rows: readonly Row[]): string {
  const {
    name,
    description,
    recordKinds,
    eventTimeFrom,
    dispositionFrom,
    ocsf,
    naturalKey,
    identity,
    kept = [],
  } = table;
  const { classUid, activityId, severityId } = ocsf;
  const columns = Object.entries<z.ZodType>(table.row.shape);
  const own = columns.filter(([column]) => !(column in envelope));
  const shared = columns.filter(([column]) => column in envelope);
  return [
    `# ${name}`,
    notice,
    description,
    grid(
      ['', ''],
      [
        ['Natural key', `${naturalKey.map(code).join(', ')}, within the tenant`],
        ['Identity', identities[identity]],
        ['event_time', eventTimeFrom],
        ['disposition', dispositionFrom],
        ['OCSF', `class ${classUid}, activity ${activityId}, severity ${severityId} (release ${ocsfVersion})`],
        [code(`ocsf_${name}`), 'View: each row as an OCSF event.'],
        [
          code(`latest_${name}`),
          'View: of the rows with the same natural key the latest; rows whose key has a null are all there.',
        ],
      ],
    ),
    '## Records',
    grid(
      ['kind', 'what it is'],
      Object.entries(recordKinds).map(([kind, meaning]) => [code(kind), meaning]),
    ),
    '## Columns of its own',
    columnGrid(own, rows),
    '## Columns of every table',
    columnGrid(shared, rows),
    ...(kept.length === 0
      ? []
      : [
          '## Fields without a column',
          `Known, kept in \`extra\`, and no [drift](../operations.md#drift): ${kept.map(code).join(', ')}.`,
        ]),
  ]
    .join('\n\n')
    .concat('\n');
}

export function indexPage(tables: readonly Table[]): string {
  return [
    '# Tables',
    notice,
    'The predefined schema: eight tables, one per Proofpoint log. Every table begins with the same columns; its own follow.',
    grid(
      ['table', 'rows', 'columns'],
      tables.map((table) => [
        `[${table.name}](${table.name}.md)`,
        table.description,
        String(Object.keys(table.row.shape).length),
      ]),
    ),
    '## Conventions',
    [
      'Null means that the record holds no value: the field is absent, null, or empty text.',
      'Times are UTC with microseconds.',
      'A value that does not fit its column, and every field that has no column, is in `extra` under its path in the record, such as `messageParts[0].newField`; `raw` holds the whole record.',
      'Vendors spell one field in several ways (`threatID`, `threatId`, `threat_id`); the pages name one.',
      'Indicators are searched in the columns `obs_…`, which gather them from all others: addresses, domains and hashes in one form, hashed addresses as addresses of their own.',
      'A URL that URL Defense rewrote is in `obs_url` as given and as it was before, and only the host from before is in `obs_domain`. URLs have no one form: case of the host, default port and fragment stay as given, so a list finds those that are written the same way, and `obs_domain` finds the rest.',
      `Tables are partitioned by \`${dayColumnName}\`, a column that each has besides: the UTC day of \`event_time\`.`,
      `Two views belong to each table: \`ocsf_…\` shows its rows as events of OCSF ${ocsfVersion} (https://schema.ocsf.io/${ocsfVersion}), \`latest_…\` only the latest row of each natural key.`,
    ]
      .map((line) => `- ${line}`)
      .join('\n'),
  ]
    .join('\n\n')
    .concat('\n');
}

type Named = readonly (readonly [string, z.ZodType])[];

function columnGrid(columns: Named, rows: readonly Row[]): string {
  return grid(['column', 'type', 'meaning', 'source', 'OCSF', 'example'], columnRows(columns, rows, ''));
}

/** Fields of structs stand below their column, as they are written in SQL: `parts[].filename`. */
function columnRows(columns: Named, rows: readonly Row[], parent: string): string[][] {
  return columns.flatMap(([name, schema]) => {
    const { description, source, ocsf, observable, example } = columnMeta(schema);
    const type = columnType(schema);
    const path = `${parent}${name}`;
    const values = rows.map((row) => row[name]).filter((value) => value !== null && value !== undefined);
    const fields = Object.entries(fieldsWithin(schema) ?? {});
    const shown = fields.length > 0 ? undefined : (example ?? exampleOf(values, type));
    const row = [
      code(path),
      typeName(type),
      `${description}${feeds(observable)}`,
      source,
      ocsf === undefined ? '' : code(ocsf),
      shown === undefined ? '' : code(shown),
    ];
    return [row, ...columnRows(fields, values.flat() as Row[], type.kind === 'list' ? `${path}[].` : `${path}.`)];
  });
}

function feeds(observable: ColumnMeta['observable']): string {
  switch (observable) {
    case 'ip':
    case 'domain':
    case 'url':
    case 'email':
    case 'hash':
      return ` Feeds \`obs_${observable}\`.`;
    case 'any':
    case 'artifact':
      return ' Feeds the column `obs_…` of its form.';
    default:
      return '';
  }
}

/** Longer ones are cut. */
const exampleLength = 48;

function exampleOf(values: readonly unknown[], type: ColumnType): string | undefined {
  const value = values.find((candidate) => candidate !== '' && !(Array.isArray(candidate) && candidate.length === 0));
  if (value === undefined) return undefined;
  const plain = value instanceof Map ? Object.fromEntries(value) : value;
  const text =
    type.kind === 'timestamp'
      ? new Date((value as number) / 1000).toISOString().replace('T', ' ').replace('Z', '')
      : typeof plain === 'string'
        ? plain
        : JSON.stringify(plain);
  return text.length > exampleLength ? `${text.slice(0, exampleLength)}…` : text;
}

function typeName(type: ColumnType): string {
  return type.kind === 'list' ? `list of ${typeName(type.item)}` : type.kind;
}

function grid(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Text that holds a backtick of its own stands between two. */
const code = (text: string) => (text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``);
