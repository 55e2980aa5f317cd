// Feeds the engine and drains it: the one place that polls it and holds its timer. It knows no
// protocol; what comes out goes to whom it concerns.

import type { Engine, Row } from './engine/engine';
import type { MediaRow, QuestionRow, ReferRow, ResultRow, SessionRow } from './engine/rows';
import type { NotifierRow, SubscriberRow } from './engine/rows';

/** What a session (`RTCSession`) is told. */
export interface SessionSink {
  media(...request: MediaRow): void;
  ask(ask: number, ...question: QuestionRow): void;
  event(...event: SessionRow): void;
  refer(refer: number, ...state: ReferRow): void;
  referred(call: number): void;
  closed(): void;
}

/** What the user agent (`UA`) is told: all that belongs to no session it knows. */
export interface AgentSink {
  /** Makes the object of a session that a peer has started, or a REFER. */
  newSession(ask: number, session: number, ...question: QuestionRow): SessionSink | undefined;
  ask(ask: number, ...question: QuestionRow): void;
  row(row: Row): void;
}

export type RequestSink = (...result: ResultRow) => void;
export type SubscriberSink = (...event: SubscriberRow) => void;
export type NotifierSink = (...event: NotifierRow) => void;

/** The longest that a timer of a browser can wait. */
const LONGEST_TIMEOUT = 0x7fff_ffff;

export class Driver {
  readonly sessions = new Map<number, SessionSink>();
  readonly requests = new Map<number, RequestSink>();
  readonly subscribers = new Map<number, SubscriberSink>();
  readonly notifiers = new Map<number, NotifierSink>();

  #engine: Engine;
  #agent: AgentSink;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due: number | undefined;

  constructor(engine: Engine, agent: AgentSink) {
    this.#engine = engine;
    this.#agent = agent;
  }

  /** What can be asked without changing anything. */
  get engine(): Engine {
    return this.#engine;
  }

  /**
   * Carries out a command, and then all that follows from it: a listener is called before this
   * returns, and may call this again. Throws what the engine throws, an `ErrorRow`.
   */
  run<T>(command: (engine: Engine, now: number) => T): T {
    const result = command(this.#engine, performance.now());
    this.drain();
    return result;
  }

  /** Carries out all that the engine wants done by now. */
  drain(): void {
    let row: Row | undefined;
    while ((row = this.#engine.poll())) this.#dispatch(row);
    this.#sleep();
  }

  /** Stops the timer; nothing happens any more. */
  halt(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due = undefined;
  }

  #sleep(): void {
    const due = this.#engine.nextTimeout();
    if (due === this.#due) return;
    this.halt();
    if (due === undefined) return;
    this.#due = due;
    // A timer may come a little early; the engine then names the rest.
    const wait = Math.min(Math.max(0, Math.ceil(due - performance.now())), LONGEST_TIMEOUT);
    this.#timer = setTimeout(() => {
      this.#due = undefined;
      this.run((engine, now) => engine.tick(now));
    }, wait);
  }

  #dispatch(row: Row): void {
    switch (row[0]) {
      case 'media': {
        const [, session, ...request] = row;
        return this.sessions.get(session)?.media(...request);
      }
      case 'ask': {
        const [, ask, session, ...question] = row;
        return this.#ask(ask, session, question);
      }
      case 'session': {
        const [, session, ...event] = row;
        return this.sessions.get(session)?.event(...event);
      }
      case 'refer': {
        const [, session, refer, ...state] = row;
        return this.sessions.get(session)?.refer(refer, ...state);
      }
      case 'referred':
        return this.sessions.get(row[1])?.referred(row[2]);
      case 'sessionClosed': {
        const session = this.sessions.get(row[1]);
        this.sessions.delete(row[1]);
        return session?.closed();
      }
      case 'requestOver': {
        const [, request, ...result] = row;
        const sink = this.requests.get(request);
        this.requests.delete(request);
        return sink?.(...result);
      }
      case 'subscriber': {
        const [, subscription, ...event] = row;
        const sink = this.subscribers.get(subscription);
        if (event[0] === 'terminated') this.subscribers.delete(subscription);
        return sink?.(...event);
      }
      case 'notifier': {
        const [, subscription, ...event] = row;
        const sink = this.notifiers.get(subscription);
        if (event[0] === 'terminated') this.notifiers.delete(subscription);
        return sink?.(...event);
      }
      default:
        return this.#agent.row(row);
    }
  }

  #ask(ask: number, session: number | undefined, question: QuestionRow): void {
    if (session === undefined) return this.#agent.ask(ask, ...question);
    const known = this.sessions.get(session);
    if (known) return known.ask(ask, ...question);
    const made = this.#agent.newSession(ask, session, ...question);
    if (made) this.sessions.set(session, made);
    else this.run((engine, now) => engine.proceed(now, ask));
  }
}
