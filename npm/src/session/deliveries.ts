// The tones and INFOs of a session: those that come, and those of ours until their answer is there.

import type { MessageRow, Originator } from '../engine/rows';
import { IncomingResponse } from '../values/incoming';
import type { Call } from './call';
import { DTMF, tellDelivery } from './dtmf';
import { Info } from './info';

export class Deliveries {
  #call: Call;
  /** In the order in which they are sent. */
  #tones: DTMF[] = [];
  /** By the engine's numbers. */
  #infos = new Map<number, Info>();
  /** Those that `newInfo` has not told yet. */
  #newInfos: Info[] = [];

  constructor(call: Call) {
    this.#call = call;
  }

  expectInfo(number: number, info: Info): void {
    this.#infos.set(number, info);
    this.#newInfos.push(info);
  }

  tone(originator: Originator, tone: string, duration: number, row: MessageRow | undefined): void {
    if (originator === 'local') {
      const dtmf = new DTMF('outgoing', tone, duration);
      this.#tones.push(dtmf);
      return this.#call.emit('newDTMF', { originator, dtmf, request: null });
    }
    if (!row) return;
    const dtmf = new DTMF('incoming', tone, duration);
    const request = this.#call.received(row);
    this.#call.emit('newDTMF', { originator: 'remote', dtmf, request });
  }

  info(originator: Originator, type: string, body: string, row: MessageRow | undefined): void {
    if (originator === 'local') {
      const info = this.#newInfos.shift();
      if (info) this.#call.emit('newInfo', { originator, info, request: undefined });
      return;
    }
    if (!row) return;
    const info = new Info('incoming', type, body);
    const request = this.#call.received(row);
    this.#call.emit('newInfo', { originator: 'remote', info, request });
  }

  toneDelivered(row: MessageRow | undefined): void {
    const tone = this.#tones.shift();
    if (tone) tellDelivery(tone, row && new IncomingResponse(row));
  }

  infoDelivered(number: number, row: MessageRow | undefined): void {
    const info = this.#infos.get(number);
    this.#infos.delete(number);
    if (info) tellDelivery(info, row && new IncomingResponse(row));
  }

  /** Nothing of it is waited for any more. */
  clear(): void {
    this.#tones = [];
    this.#infos.clear();
    this.#newInfos = [];
  }
}
