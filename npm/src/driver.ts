// Feeds the engine and drains it: the one place that polls it and holds its timer. It knows no
// protocol; what comes out goes to whom it concerns.

import { type Answers, Command, type CommandRow, Query } from './engine/commands';
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

/** What the user agent (`UA`) is told: all that belongs to no session, and what concerns it even
 * inside one (`newMessage`, `newOptions`, `newSubscribe`). */
export interface AgentSink {
  /**
   * The object of a session that a peer has started; none where it is not wanted, and then it has
   * been refused. It is known by its number from here on, and gets the question that has announced
   * it, `newRTCSession`, as it gets every other: a listener may answer it at once.
   */
  newSession(session: number): SessionSink | undefined;
  ask(ask: number, ...question: QuestionRow): void;
  row(row: Row): void;
}

export type RequestSink = (...result: ResultRow) => void;
export type SubscriberSink = (...event: SubscriberRow) => void;
export type NotifierSink = (...event: NotifierRow) => void;

/** The longest that a timer of a browser can wait. */
const LONGEST_TIMEOUT = 0x7fff_ffff;

/** Stands for an engine that is gone: it knows of nothing. */
const GONE = new Proxy({} as Engine, { get: () => () => undefined });

export class Driver {
  /** Vue puts no proxy around it, through which private members could not be seen. */
  readonly __v_skip = true;
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

  /** What can be asked without changing anything; `undefined` to all when this is closed. */
  query<Q extends Query>(query: Q, id = 0): Answers[Q] | undefined {
    return this.#engine.query(query, id);
  }

  /** How many of each live thing the engine holds, by name. */
  live(): Record<string, number> {
    return Object.fromEntries(this.query(Query.Live) ?? []);
  }

  /**
   * Carries out a command, and then all that follows from it: a listener is called before this
   * returns, and may call this again. Throws what the engine throws, an `ErrorRow`.
   */
  tell(...command: CommandRow): number {
    return this.run(() => this.put(...command));
  }

  /**
   * The same for some steps together, each a `put`. What a command has made (a session, a request)
   * is put into its map there, so that it is known when the first row about it comes.
   */
  run<T>(steps: () => T): T {
    const result = steps();
    this.drain();
    return result;
  }

  /** Carries out a command; what follows is left to whoever runs this, or has called a listener. */
  put(...command: CommandRow): number {
    if (this.#engine === GONE) throw ['stopped'];
    return this.#engine.command(performance.now(), command);
  }

  /** Carries out all that the engine wants done by now. */
  drain(): void {
    let row: Row | undefined;
    try {
      // A row may close this driver; nothing more comes then.
      while ((row = this.#engine.poll())) this.#dispatch(row);
    } finally {
      this.#sleep();
    }
  }

  /** Lets the engine go. Nothing happens any more. */
  close(): void {
    if (this.#engine === GONE) return;
    this.#wake();
    const engine = this.#engine;
    this.#engine = GONE;
    engine.free();
  }

  #wake(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due = undefined;
  }

  #sleep(): void {
    const due = this.#engine.nextTimeout();
    if (due === this.#due) return;
    this.#wake();
    if (due === undefined) return;
    this.#due = due;
    // A timer may come a little early; the engine then names the rest.
    const wait = Math.min(Math.max(0, Math.ceil(due - performance.now())), LONGEST_TIMEOUT);
    this.#timer = setTimeout(() => {
      this.#due = undefined;
      this.tell(Command.Tick);
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
    switch (question[0]) {
      case 'newMessage':
      case 'newOptions':
      case 'newSubscribe':
        return this.#agent.ask(ask, ...question);
    }
    if (session === undefined) return this.#agent.ask(ask, ...question);
    let known = this.sessions.get(session);
    if (!known && question[0] === 'newRTCSession') {
      known = this.#agent.newSession(session);
      if (known) this.sessions.set(session, known);
    }
    if (known) known.ask(ask, ...question);
    else this.tell(Command.Proceed, ask);
  }
}
