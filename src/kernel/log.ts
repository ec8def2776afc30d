import pino from 'pino';

/** What the rooms see of the logger; fields are plain data, and secrets are `Secret`, which prints as `[redacted]`. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** JSON lines on stderr, so that stdout stays free for what a command answers. */
export function createLogger(level: string): Logger & { readonly pino: pino.Logger } {
  const instance = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
  return {
    pino: instance,
    debug: (fields, message) => instance.debug(fields, message),
    info: (fields, message) => instance.info(fields, message),
    warn: (fields, message) => instance.warn(fields, message),
    error: (fields, message) => instance.error(fields, message),
  };
}
