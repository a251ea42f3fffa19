// The log: one JSON object a line, or one line of text for people; to stderr by default, through redaction. Output of commands goes to stdout, never here.
import { destination, type Logger, pino, stdTimeFunctions } from 'pino';
import { redactFields, redactText } from './redact.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** `text` is for a person at a terminal: `time level message key=value …`. */
export type LogFormat = 'json' | 'text';

export interface LogWriter {
  write(level: Exclude<LogLevel, 'silent'>, message: string, fields?: Readonly<Record<string, unknown>>): void;
}

const STDERR = 2;

/** A writer of log lines. Written synchronously: what was said before a crash must be there after it. */
export function createLogger(options: {
  readonly level: LogLevel;
  readonly format?: LogFormat;
  readonly destination?: 'stderr' | NodeJS.WritableStream | undefined;
}): LogWriter {
  const wanted = options.destination ?? 'stderr';
  const stream = wanted === 'stderr' ? destination({ fd: STDERR, sync: true }) : wanted;
  const target = options.format === 'text' ? { write: (line: string) => void stream.write(textLine(line)) } : stream;
  const logger: Logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      // redact.ts has made data of errors already
      serializers: { err: (value: unknown) => value },
      formatters: { level: (label) => ({ level: label }) },
    },
    target,
  );
  return {
    write(level, message, fields) {
      if (!logger.isLevelEnabled(level)) return;
      logger[level](fields === undefined ? {} : redactFields(fields), redactText(message));
    },
  };
}

/** The text form of one line of JSON that pino made. */
function textLine(line: string): string {
  const { time, level, msg, ...fields }: Readonly<Record<string, unknown>> = JSON.parse(line);
  const rest = Object.entries(fields).map(
    ([key, value]) => ` ${key}=${typeof value === 'string' && !/[\s"=]/.test(value) ? value : JSON.stringify(value)}`,
  );
  return `${String(time)} ${String(level).padEnd(5)} ${String(msg)}${rest.join('')}\n`;
}
