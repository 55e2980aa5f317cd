// A tone that was sent or received (`newDTMF`), and what the options of `sendDTMF()` come to.

import { EventEmitter } from '../emitter';
import { DTMF_TRANSPORT } from '../values/constants';
import type { IncomingResponse } from '../values/incoming';
import type { Originator, SessionDirection } from './events';
import { type DTMFOptions, isDecimal } from './options';

const LIMITS = {
  MIN_DURATION: 70,
  MAX_DURATION: 6000,
  DEFAULT_DURATION: 100,
  MIN_INTER_TONE_GAP: 50,
  DEFAULT_INTER_TONE_GAP: 500,
} as const;

/** What became of a request that carried a tone or an INFO. */
export interface DeliveryEvent {
  originator: Originator;
  /** `null` when there was no answer. */
  response: IncomingResponse | null;
}

export interface DeliveryEventMap {
  succeeded: (event: DeliveryEvent) => void;
  failed: (event: DeliveryEvent) => void;
}

export class DTMF extends EventEmitter<DeliveryEventMap> {
  static get C(): typeof LIMITS {
    return LIMITS;
  }

  private _direction: SessionDirection;
  private _tone: string;
  private _duration: number;

  /** @internal */
  constructor(direction: SessionDirection, tone: string, duration: number) {
    super();
    this._direction = direction;
    this._tone = tone;
    this._duration = duration;
  }

  get direction(): SessionDirection {
    return this._direction;
  }

  get tone(): string {
    return this._tone;
  }

  /** Milliseconds. */
  get duration(): number {
    return this._duration;
  }
}

/** Tells the object of a request how it went. */
export function tellDelivery(
  object: EventEmitter<DeliveryEventMap>,
  response: IncomingResponse | undefined,
): void {
  if (!response) {
    object.emit('failed', { originator: 'system', response: null });
    return;
  }
  const name = response.status_code < 300 ? 'succeeded' : 'failed';
  object.emit(name, { originator: 'remote', response });
}

/** Tones that may be sent, and how. */
export interface Tones {
  tones: string;
  duration: number;
  interToneGap: number;
  transport: 'INFO' | 'RFC2833';
}

/** The transport that is asked for; checked before anything else is. */
function transportOf(options: DTMFOptions): 'INFO' | 'RFC2833' {
  const transport = options.transportType || DTMF_TRANSPORT.INFO;
  if (transport !== DTMF_TRANSPORT.INFO && transport !== DTMF_TRANSPORT.RFC2833) {
    throw new TypeError(`invalid transportType: ${transport}`);
  }
  return transport;
}

/** Makes sense of the arguments of `sendDTMF()`, in JsSIP's order. */
export function tonesOf(given: string | number, options: DTMFOptions): Tones {
  const transport = transportOf(options);
  const tones = typeof given === 'number' ? given.toString() : given;
  if (!tones || typeof tones !== 'string' || !/^[0-9A-DR#*,]+$/i.test(tones)) {
    throw new TypeError(`Invalid tones: ${tones}`);
  }
  const { duration, interToneGap } = options;
  if (duration && !isDecimal(duration)) {
    throw new TypeError(`Invalid tone duration: ${duration}`);
  }
  if (interToneGap && !isDecimal(interToneGap)) {
    throw new TypeError(`Invalid interToneGap: ${interToneGap}`);
  }
  const long = Number(duration || LIMITS.DEFAULT_DURATION);
  const gap = Number(interToneGap || LIMITS.DEFAULT_INTER_TONE_GAP);
  return {
    tones,
    duration: Math.min(Math.max(long, LIMITS.MIN_DURATION), LIMITS.MAX_DURATION),
    interToneGap: Math.max(gap, LIMITS.MIN_INTER_TONE_GAP),
    transport,
  };
}
