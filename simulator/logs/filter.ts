/** The gateway's filter log of one mail: one line for each step of its session, joined by `s=`, `qid=`, `guid=` and `hdr_mid=`. */
import { type Mail, passes } from '../mail.ts';
import { type Random, seeded } from '../random.ts';
import { policyRoutes } from '../world.ts';
import { type LogLine, logLine } from './line.ts';

type Pair = readonly [key: string, value: string | number];

/** Lines in the order they were written, over one to three seconds. */
export function filterLines(mail: Mail): LogLine[] {
  const random = seeded(mail.guid, 'filter');
  const program = `filter_instance${random.int(1, 3)}[${random.int(1000, 99_999)}]`;
  let timeMicros = mail.startMicros;
  return [...steps(mail, random).map(stepText), ...incident(mail)].map((words) => {
    timeMicros += random.int(200, 120_000);
    return logLine(mail, timeMicros, program, words);
  });
}

const stepText = ({ level, pairs }: Step) => `${level} ${pairs.map(([key, value]) => `${key}=${value}`).join(' ')}`;

/** Lines of the gateway itself, or with words that are no pairs: one with every third mail. */
function incident(mail: Mail): string[] {
  switch (mail.number % 18) {
    case 1:
      return [`warn s=${mail.sid} mod=session cmd=throttle rule=default ip=${mail.senderIp} rate=10 crate=12 limit=10`];
    case 4:
      return [`info s=${mail.sid} m=1 x=${mail.sid}-1 mod=batv cmd=run policy=default address=${mail.sender}`];
    case 7:
      return [
        'info mod=spam cmd=refresh engine=8.19.0-2409140000 definitions=main-2411240000 raw=1 tests=4711 duration=0.914',
      ];
    case 10:
      return ['info mod=av cmd=load vendor=fsecure version="engine 2.50, database 2026-11-24" duration=12.5'];
    case 13:
      return [`info eid=${mail.number} status="deferred, retry in 60 s"`];
    case 16:
      return [`err s=${mail.sid} m=1 x=${mail.sid}-1 mod=dkimv cmd=run unexpected response type=5`];
    default:
      return [];
  }
}

interface Step {
  readonly level: 'info' | 'rprt' | 'warn';
  readonly pairs: readonly Pair[];
}

function steps(mail: Mail, random: Random): Step[] {
  const session: Pair[] = [['s', mail.sid]];
  const message: Pair[] = [...session, ['m', 1], ['x', `${mail.sid}-1`]];
  const step = (mod: string, cmd: string, pairs: readonly Pair[], level: Step['level'] = 'rprt'): Step => ({
    level,
    pairs: [...(mod === 'session' || cmd === 'helo' ? session : message), ['mod', mod], ['cmd', cmd], ...pairs],
  });
  const duration = (): Pair => ['duration', random.next().toFixed(3)];
  const routes = policyRoutes.slice(0, random.int(1, 4));
  // The real log ends some lists with a comma.
  const routed: Pair[] = [
    ['routes', routes.map((route) => `${route},`).join('')],
    ['notroutes', policyRoutes.filter((route) => !routes.includes(route)).join(',')],
  ];
  const { module, rule, action } = verdictOf(mail);
  const verdict: Pair[] = [
    ['module', module],
    ['rule', rule],
  ];

  return [
    step('session', 'connect', [
      ['ip', mail.senderIp],
      ['country', mail.country],
      ['lip', '192.0.2.25'],
      ['prot', 'smtp:smtp'],
      ['hops_active', 'f'],
      ['routes', ''],
      ['notroutes', policyRoutes.join(',')],
      ['perlwait', random.next().toFixed(3)],
    ]),
    step('session', 'resolve', [['host', mail.senderHost], ['resolve', 'ok'], ['reverse', 'ok'], ...routed]),
    step('mail', 'helo', [
      ['value', mail.senderHost],
      ['routes', ''],
    ]),
    step('mail', 'env_from', [
      ['value', mail.sender],
      ['ofrom', mail.sender],
      ['qid', mail.qid],
      ['tls', 'TLSv1.3'],
      ...routed,
      ['host', mail.senderHost],
      ['ip', mail.senderIp],
    ]),
    ...mail.recipients.map((recipient, index) =>
      step('mail', 'env_rcpt', [
        ['r', index + 1],
        ['value', recipient],
        ['verified', 1],
        ['routes', 'default_inbound'],
      ]),
    ),
    step('session', 'data', [
      ['from', mail.sender],
      ['suborg', ''],
    ]),
    step('session', 'headers', routed, 'info'),
    ...mail.parts.map((part, index) =>
      step('mail', 'attachment', [
        ['id', index],
        ['file', quoted(part.filename)],
        ['mime', part.contentType],
        ['type', part.extension],
        ['omime', part.contentType],
        ['oext', part.extension],
        ['corrupted', 0],
        ['protected', 0],
        ['size', part.sizeBytes],
        ['virtual', 0],
        ['a', part.sha256],
      ]),
    ),
    ...scans(mail, random, step, duration),
    ...(mail.fate === 'phish' || mail.fate === 'impostor'
      ? [
          step('session', 'store', [
            ...verdict,
            ['folder', mail.fate === 'phish' ? 'Phish' : 'Impostor'],
            ['pri', 1],
            duration(),
          ]),
        ]
      : []),
    step('session', 'judge', verdict),
    step('session', 'dispose', [...verdict, ['action', action]]),
    step('mail', 'msg', [
      ...verdict,
      ['action', action],
      ['attachments', mail.parts.length],
      ['rcpts', mail.recipients.length],
      ...routed,
      ['size', mail.sizeBytes],
      ['guid', mail.guid],
      ['hdr_mid', mail.messageId],
      ['qid', mail.qid],
      ['subject', quoted(mail.subject)],
      ['spamscore', mail.fate === 'spam' ? 100 : 0],
      ...(mail.fate === 'malware' ? [['virusname', 'Sim/Dropper.A'] as const] : []),
      duration(),
      ['elapsed', random.next().toFixed(3)],
    ]),
    ...(action === 'continue'
      ? [
          {
            level: 'info' as const,
            pairs: [
              ...message,
              ['cmd', 'send'],
              ['profile', 'mail'],
              ['qid', mail.qid],
              ['rcpts', mail.recipients.join(',')],
            ] as const,
          },
        ]
      : []),
    step('session', 'disconnect', [
      ['module', ''],
      ['rule', ''],
      ['action', ''],
      ['helo', mail.senderHost],
      ['msgs', 1],
      ['rcpts', mail.recipients.length],
      ...routed.slice(0, 1),
      duration(),
      ['elapsed', (1 + random.next()).toFixed(3)],
    ]),
  ];
}

/** What the modules said about the message. */
function scans(
  mail: Mail,
  random: Random,
  step: (mod: string, cmd: string, pairs: readonly Pair[], level?: Step['level']) => Step,
  duration: () => Pair,
): Step[] {
  const { fate } = mail;
  const score = (kind: string) => (fate === kind ? random.int(80, 100) : random.int(0, 15));
  const passed = passes(mail);
  return [
    step('access', 'run', [['rule', 'notroute'], duration()], 'info'),
    step('av', 'run', [
      ['rule', fate === 'malware' ? 'virus' : 'clean'],
      ['name', fate === 'malware' ? 'Sim/Dropper.A' : ''],
      ['vendor', 'fsecure'],
      // Real fsecure lines hold this unquoted blank.
      ['version', quoted('vendor=fsecure engine=2.50.10434:6.0.216, 18.0.687')],
      duration(),
    ]),
    step('zerohour', 'run', [['rule', 'clean'], ['count', 0], ['name', 'unknown'], duration()]),
    // One real line has `cmd` twice.
    step('spf', 'run', [['cmd', 'run'], ['result', passed ? 'pass' : 'softfail'], duration()]),
    step('dkimv', 'run', [
      ['signature', 1],
      ['identity', `@${mail.senderDomain}`],
      ['host', mail.senderDomain],
      ['result', passed ? 'pass' : 'none'],
      ['result_detail', quoted(passed ? '' : 'no signature, "d=" absent')],
    ]),
    step('dmarc', 'run', [['result', passed ? 'pass' : 'fail'], ['header.from', mail.senderDomain], duration()]),
    step('pdr', 'run', [['reply', quoted(`rscore=${random.int(0, 100)} "${passed ? 'pass' : 'block'}"`)]]),
    step('urldefense', 'run', [['rule', 'default'], ['rewritten', mail.urls.length], duration()]),
    step(
      'spam',
      'run',
      [
        ['rule', passed || fate === 'malware' ? 'notspam' : fate],
        ['policy', 'default'],
        ['score', score('spam')],
        ['ndrscore', 0],
        ['kscore.is_bulkscore', '0.0001'],
        ['kscore.compositescore', '0.95'],
        ['cotscore', -2_147_483_648],
        ['phishscore', score('phish')],
        ['malwarescore', score('malware')],
        ['bulkscore', random.int(0, 5)],
        ['adultscore', 0],
        ['classifier', fate === 'spam' ? 'spam' : 'typeunknown'],
        ['adjust', 0],
        ['reason', 'mlx'],
        ['scancount', 1],
        ['engine', '8.19.0-2409140000'],
        ['definitions', 'main-2411240000'],
        duration(),
      ],
      fate === 'spam' ? 'warn' : 'rprt',
    ),
  ];
}

function verdictOf({ fate }: Mail): { module: string; rule: string; action: 'continue' | 'discard' } {
  switch (fate) {
    case 'clean':
    case 'missed':
      return { module: '', rule: '', action: 'continue' };
    case 'malware':
      return { module: 'av', rule: 'virus', action: 'discard' };
    case 'spam':
    case 'phish':
    case 'impostor':
      return { module: 'spam', rule: fate, action: 'discard' };
  }
}

const quoted = (text: string) => `"${text.replaceAll('"', '\\"')}"`;
