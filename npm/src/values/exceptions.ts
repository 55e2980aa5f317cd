// The errors that the package throws, by the names, codes and messages that JsSIP gives them.

class BaseError extends Error {
  declare code: number;
}

export class ConfigurationError extends BaseError {
  override code = 1;
  override name = 'CONFIGURATION_ERROR';
  parameter: string;
  value: unknown;
  override message: string;

  constructor(parameter: string, value?: unknown) {
    super();
    this.parameter = parameter;
    this.value = value;
    this.message = value
      ? `Invalid value ${JSON.stringify(value)} for parameter "${parameter}"`
      : `Missing parameter: ${parameter}`;
  }
}

export class InvalidStateError extends BaseError {
  override code = 2;
  override name = 'INVALID_STATE_ERROR';
  status: number;
  override message: string;

  constructor(status: number) {
    super();
    this.status = status;
    this.message = `Invalid status: ${status}`;
  }
}

export class NotSupportedError extends BaseError {
  override code = 3;
  override name = 'NOT_SUPPORTED_ERROR';
  override message: string;

  constructor(message: string) {
    super();
    this.message = message;
  }
}

export class NotReadyError extends BaseError {
  override code = 4;
  override name = 'NOT_READY_ERROR';
  override message: string;

  constructor(message: string) {
    super();
    this.message = message;
  }
}
