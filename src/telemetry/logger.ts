// The log: one JSON object a line, to stderr by default, through redaction. Output of commands goes to stdout, never here.
import { destination, type Logger, pino, stdTimeFunctions } from 'pino';
import { redactFields, redactText } from './redact.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LogWriter {
  write(level: Exclude<LogLevel, 'silent'>, message: string, fields?: Readonly<Record<string, unknown>>): void;
}

const STDERR = 2;

/** A writer of log lines. Written synchronously: what was said before a crash must be there after it. */
export function createLogger(options: {
  readonly level: LogLevel;
  readonly destination?: 'stderr' | NodeJS.WritableStream | undefined;
}): LogWriter {
  const target = options.destination ?? 'stderr';
  const logger: Logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      // redact.ts has made data of errors already
      serializers: { err: (value: unknown) => value },
      formatters: { level: (label) => ({ level: label }) },
    },
    target === 'stderr' ? destination({ fd: STDERR, sync: true }) : target,
  );
  return {
    write(level, message, fields) {
      if (!logger.isLevelEnabled(level)) return;
      logger[level](fields === undefined ? {} : redactFields(fields), redactText(message));
    },
  };
}
