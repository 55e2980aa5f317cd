// A frame of its own for each party: its library, its sockets, its peer connections, its clock.

const SECOND_PARTY = '/jssip.js';

/**
 * Opens a frame and loads `script`, a bundle of app.js, in it. What goes over its sockets is shown
 * to `taps.socket` and may be changed there; calls of its peer connections go to `taps.connection`.
 * `skip(ms)` sets its clock forward.
 */
export async function openFrame({ script = SECOND_PARTY, taps }) {
  const element = document.createElement('iframe');
  element.src = '/party.html';
  const loaded = new Promise((resolve) => element.addEventListener('load', resolve));
  document.body.append(element);
  await loaded;
  const frame = element.contentWindow;
  tapSockets(frame, taps.socket);
  tapConnections(frame, taps.connection);
  const skip = windClock(frame);
  await new Promise((resolve, reject) => {
    const tag = frame.document.createElement('script');
    tag.src = script;
    tag.onload = resolve;
    tag.onerror = () => reject(new Error(`${script} cannot be loaded`));
    frame.document.head.append(tag);
  });
  return { frame, skip, close: () => element.remove() };
}

const textOf = (data) => (typeof data === 'string' ? data : new TextDecoder().decode(data));

/** `tap` has `opened(socket, url, protocols)`, `sent(text, socket)`, `received(text, socket)`. */
function tapSockets(frame, tap) {
  frame.WebSocket = class extends frame.WebSocket {
    constructor(url, protocols) {
      super(url, protocols);
      tap.opened(this, url, protocols);
      // Before any listener of the library's.
      this.addEventListener('message', (event) => {
        const text = tap.received(textOf(event.data), this);
        if (text === event.data) return;
        event.stopImmediatePropagation();
        if (text) this.inject(text);
      });
      this.addEventListener('close', () => tap.closed(this));
    }

    send(data) {
      const text = tap.sent(textOf(data), this);
      if (text) super.send(text);
    }

    /** Sends past the tap. */
    sendUntapped(text) {
      super.send(text);
    }

    /** Lets the library hear `text`, as if it had come in. */
    inject(text) {
      this.onmessage?.({ data: text });
    }
  };
}

/** `tap` is called with a connection, the name of what is called on it, and the arguments. */
function tapConnections(frame, tap) {
  const Original = frame.RTCPeerConnection;
  frame.RTCPeerConnection = class RTCPeerConnection extends Original {
    constructor(...args) {
      super(...args);
      tap(this, 'constructor', args);
    }
  };
  const tapped = [
    'createOffer', 'createAnswer', 'setLocalDescription', 'setRemoteDescription', 'addTrack',
    'removeTrack', 'addTransceiver', 'addIceCandidate', 'restartIce', 'setConfiguration',
    'createDataChannel', 'close',
  ];
  for (const name of tapped) {
    frame.RTCPeerConnection.prototype[name] = function call(...args) {
      tap(this, name, args);
      return Original.prototype[name].apply(this, args);
    };
  }
}

/**
 * Gives a frame a clock that can be set forward: the function returned skips so many milliseconds,
 * and what was to happen in them happens now, in its order.
 */
function windClock(frame) {
  const { setTimeout, clearTimeout, Date, performance } = frame;
  const monotonic = performance.now.bind(performance);
  const timers = new Map();
  let skipped = 0;
  let last = 0;
  const wait = (timer) => {
    timer.real = setTimeout.call(frame, () => {
      if (timer.every === undefined) timers.delete(timer.id);
      else {
        timer.due += timer.every;
        wait(timer);
      }
      timer.run();
    }, timer.due - performance.now());
  };
  const start = (run, ms, args, repeats) => {
    const after = Number(ms) || 0;
    // Ids of a kind of their own: some code asks whether there is a timer.
    const timer = { id: (last += 1), due: performance.now() + after, run: () => run(...args) };
    if (repeats) timer.every = Math.max(after, 1);
    timers.set(timer.id, timer);
    wait(timer);
    return timer.id;
  };
  const stop = (id) => {
    clearTimeout.call(frame, timers.get(id)?.real);
    timers.delete(id);
  };
  performance.now = () => monotonic() + skipped;
  frame.Date = class extends Date {
    constructor(...args) {
      super(...(args.length ? args : [frame.Date.now()]));
    }

    static now() {
      return Date.now() + skipped;
    }
  };
  frame.setTimeout = (run, ms, ...args) => start(run, ms, args, false);
  frame.setInterval = (run, ms, ...args) => start(run, ms, args, true);
  frame.clearTimeout = stop;
  frame.clearInterval = stop;
  return (ms) => {
    skipped += ms;
    for (const timer of [...timers.values()].sort((one, two) => one.due - two.due)) {
      clearTimeout.call(frame, timer.real);
      wait(timer);
    }
  };
}
