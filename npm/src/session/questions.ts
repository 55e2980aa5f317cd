// Where the application may step in: asks the listeners, and gives the engine their answer. What
// nobody decides gets the default in the same turn.

import { Command, type ReplyRow } from '../engine/commands';
import type { MessageRow, QuestionRow } from '../engine/rows';
import { report } from '../emitter';
import { OutgoingRequest } from '../values/outgoing';
import { awaitSession } from './awaited';
import type { Call } from './call';
import { toError } from './errors';
import type { ReferEvent, ReInviteEvent, ReplacesEvent, SDPEvent } from './events';
import {
  type CallOptions,
  type RejectOptions,
  callConstraints,
  checkStatusCode,
  engineCallOptions,
  headersOf,
} from './options';
import type { InitCallback } from './rtc_session';

export class Questions {
  #call: Call;
  /** What a listener of `reinvite` or `update` wants called after the 200. */
  #reoffer: ReInviteEvent | undefined;

  constructor(call: Call) {
    this.#call = call;
  }

  ask(ask: number, ...question: QuestionRow): void {
    switch (question[0]) {
      case 'newRTCSession':
        return this.#newSession(ask, question[1] === 'local', question[2]);
      case 'peerconnection':
        this.#call.announcePeer();
        return this.proceed(ask);
      case 'sdp':
        return this.#sdp(ask, question[1] === 'local', question[2], question[3]);
      case 'sending':
        return this.#sending(ask, question[1]);
      case 'icecandidate':
        return this.#iceCandidate(ask, question[1]);
      case 'reinvite':
      case 'update':
        return this.#reoffered(ask, question[0], question[1]);
      case 'refer':
        return this.#refer(ask, question[1]);
      case 'replaces':
        return this.#replaces(ask, question[1]);
      default:
        return this.proceed(ask);
    }
  }

  /** The answer to a re-INVITE or UPDATE has been sent. */
  answered(): void {
    const callback = this.#reoffer?.callback;
    this.#reoffer = undefined;
    if (typeof callback !== 'function') return;
    try {
      callback();
    } catch (error) {
      report(error);
    }
  }

  proceed(ask: number): void {
    this.#reply(Command.Proceed, ask);
  }

  #newSession(ask: number, local: boolean, row: MessageRow): void {
    const call = this.#call;
    if (!local) {
      const request = call.received(row);
      // Applications make a Replaces header of it.
      request.to_tag = call.localTag;
      call.introduce(request);
      return this.proceed(ask);
    }
    call.invite = OutgoingRequest.fromRow(call.ua, row);
    call.introduce(call.invite);
    this.#replyInvite(ask, call.invite);
  }

  #sending(ask: number, row: MessageRow): void {
    const invite = this.#call.invite;
    if (!invite) return this.proceed(ask);
    // With what was changed since `newRTCSession`.
    invite.update(row);
    this.#call.isSending = true;
    this.#call.emit('sending', { request: invite });
    this.#replyInvite(ask, invite);
    this.#call.isSending = false;
  }

  #replyInvite(ask: number, invite: OutgoingRequest): void {
    if (!invite.isChanged) return this.proceed(ask);
    const uri = String(invite.ruri);
    const body = invite.body ?? '';
    const lines = invite.lines();
    const taken = this.#reply(Command.ReplyRequest, ask, uri, lines, body);
    // What cannot be sent was reported; the call goes on as it was.
    if (!taken) this.proceed(ask);
  }

  #sdp(ask: number, local: boolean, type: RTCSdpType, sdp: string): void {
    const event: SDPEvent = {
      originator: local ? 'local' : 'remote',
      type: type === 'offer' ? 'offer' : 'answer',
      sdp,
    };
    this.#call.emit('sdp', event);
    const changed = event.sdp;
    if (typeof changed !== 'string' || changed === sdp) return this.proceed(ask);
    this.#reply(Command.ReplySdp, ask, changed);
  }

  #iceCandidate(ask: number, text: string): void {
    const peer = this.#call.peer;
    if (!peer) return;
    const gathering = peer.gathering;
    let isReady = false;
    const ready = (): void => {
      // It is about the description that was gathered for then, and about no later one.
      if (isReady || this.#call.isOver || peer.gathering !== gathering) return;
      isReady = true;
      this.#reply(Command.ReplyReady, ask);
    };
    const candidate = peer.candidate ?? ({ candidate: text } as RTCIceCandidate);
    this.#call.emit('icecandidate', { candidate, ready });
  }

  /** The listeners decide while the event is delivered. */
  #reoffered(ask: number, name: 'reinvite' | 'update', row: MessageRow): void {
    let refusal: RejectOptions | undefined;
    let decided = false;
    const event: ReInviteEvent = {
      request: this.#call.received(row),
      callback: undefined,
      reject: (options) => {
        if (decided) return;
        checkStatusCode(options?.status_code, 300);
        refusal = options ?? {};
      },
    };
    this.#reoffer = event;
    this.#call.emit(name, event);
    decided = true;
    if (!refusal) return this.proceed(ask);
    this.#reoffer = undefined;
    this.#reject(ask, refusal.status_code || 403, refusal);
  }

  #refer(ask: number, row: MessageRow): void {
    const decide = this.#once();
    const event: ReferEvent = {
      request: this.#call.received(row),
      accept: (initCallback, options) =>
        decide(() => this.#accept(ask, options ?? {}, initCallback)),
      reject: () => decide(() => this.#reject(ask, 603, {})),
    };
    this.#call.emit('refer', event, () => decide(() => this.proceed(ask)));
    if (!this.#call.isHeard('refer')) decide(() => this.proceed(ask));
  }

  #replaces(ask: number, row: MessageRow): void {
    const decide = this.#once();
    const event: ReplacesEvent = {
      request: this.#call.received(row),
      accept: (initCallback) => decide(() => this.#accept(ask, undefined, initCallback)),
      reject: () => decide(() => this.#reject(ask, 486, {})),
    };
    this.#call.emit('replaces', event, () => decide(() => this.proceed(ask)));
    if (!this.#call.isHeard('replaces')) decide(() => this.proceed(ask));
  }

  /** Lets one decision through, and none after the end. */
  #once(): (decision: () => void) => void {
    let decided = false;
    return (decision) => {
      if (decided || this.#call.isOver) return;
      decided = true;
      decision();
    };
  }

  /** Makes the call of a REFER, with options; or lets an INVITE take this session's place. */
  #accept(
    ask: number,
    options: CallOptions | undefined,
    initCallback: InitCallback | null | undefined,
  ): void {
    const constraints = callConstraints(options ?? {});
    const accepted = engineCallOptions(options ?? {}, constraints);
    awaitSession(
      { options, initCallback: initCallback ?? undefined },
      () => this.#reply(Command.ReplyAccept, ask, accepted),
    );
  }

  #reject(ask: number, status: number, options: RejectOptions): void {
    const headers = headersOf(options);
    const reason = options.reason_phrase || undefined;
    this.#reply(Command.ReplyReject, ask, headers, undefined, undefined, status, reason);
  }

  /** Gives an answer; whether the engine could take it. */
  #reply(...reply: ReplyRow): boolean {
    try {
      this.#call.driver.tell(...reply);
      return true;
    } catch (error) {
      // Not the fault of whoever runs the driver now.
      report(toError(error));
      return false;
    }
  }
}
