// The SIP messages as they go to and fro: an arrow each, drawn when it happens.

import { h, svg } from '../dom';
import type { WireMessage } from '../trace';

/** Older ones go. */
const MOST = 300;
/** The colours that tell calls apart; see the style sheet. */
const COLOURS = 6;

interface Rung {
  message: WireMessage;
  element: HTMLLIElement;
  button: HTMLButtonElement;
}

/** Draws into `pane`. */
export function ladderView(pane: HTMLElement) {
  const rungs: Rung[] = [];
  const calls = new Map<string, number>();
  const list = h('ol', { class: 'rungs', 'aria-label': 'SIP messages, the newest last' });
  const onlyCalls = h('input', { type: 'checkbox', checked: true });
  const empty = h('p', { class: 'empty' }, 'Messages appear here as they are sent and received.');
  const full = fullText();
  const clear = h('button', { type: 'button', class: 'quiet' }, 'Clear');
  const scroller = h(
    'div',
    { class: 'scroller' },
    h(
      'div',
      { class: 'ends', 'aria-hidden': 'true' },
      svg(
        'svg',
        { width: '100%', height: 34 },
        svg('text', { x: '9%', y: 22, 'text-anchor': 'middle' }, 'This phone'),
        svg('text', { x: '91%', y: 22, 'text-anchor': 'middle' }, 'Server'),
      ),
    ),
    empty,
    list,
  );
  pane.append(
    h(
      'header',
      {},
      h('h2', { id: 'ladder-title' }, 'SIP ladder'),
      h('label', { class: 'check' }, onlyCalls, 'Calls only'),
      clear,
    ),
    scroller,
    full.dialog,
  );

  onlyCalls.addEventListener('change', filter);
  clear.addEventListener('click', () => {
    rungs.length = 0;
    calls.clear();
    list.replaceChildren();
    filter();
  });
  // One stop for the Tab key; the arrow keys walk.
  list.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    const shown = rungs.filter(({ element }) => !element.hidden);
    const at = shown.findIndex(({ button }) => button === document.activeElement);
    if (step === undefined || at < 0) return;
    event.preventDefault();
    const next = shown[Math.min(shown.length - 1, Math.max(0, at + step))];
    if (next) focusable(next.button);
    next?.button.focus();
  });

  function focusable(button: HTMLButtonElement): void {
    for (const rung of rungs) rung.button.tabIndex = rung.button === button ? 0 : -1;
  }

  function filter(): void {
    for (const { element, message } of rungs) element.hidden = !wanted(message);
    empty.hidden = rungs.some(({ element }) => !element.hidden);
  }

  const wanted = ({ method }: WireMessage) =>
    !onlyCalls.checked || !['REGISTER', 'OPTIONS'].includes(method);

  function colour(callId: string): number {
    const known = calls.get(callId);
    if (known !== undefined) return known;
    calls.set(callId, calls.size % COLOURS);
    return calls.get(callId) ?? 0;
  }

  function add(message: WireMessage): void {
    const atEnd = scroller.scrollTop + scroller.clientHeight > scroller.scrollHeight - 24;
    const button = h(
      'button',
      {
        type: 'button',
        class: 'rung',
        'aria-label': spoken(message),
        'aria-haspopup': 'dialog',
        onclick: () => {
          focusable(button);
          full.show(message);
        },
      },
      h('span', { class: 'time', 'aria-hidden': 'true' }, time(message.at)),
      arrow(message),
    );
    const look = ['entry', message.sent ? 'sent' : 'received', kind(message)].join(' ');
    const element = h('li', { class: look, 'data-call': colour(message.callId) }, button);
    element.hidden = !wanted(message);
    rungs.push({ message, element, button });
    list.append(element);
    if (rungs.length > MOST) rungs.shift()?.element.remove();
    if (!list.contains(document.activeElement)) focusable(button);
    empty.hidden = rungs.some((rung) => !rung.element.hidden);
    if (atEnd) scroller.scrollTop = scroller.scrollHeight;
  }

  return { add };
}

function kind({ status }: WireMessage): string {
  if (status === undefined) return 'request';
  if (status < 200) return 'provisional';
  return status < 300 ? 'success' : status === 401 || status === 407 ? 'challenge' : 'failure';
}

/** The arrow of one message, between the two lines of the ladder. */
function arrow(message: WireMessage): SVGSVGElement {
  const { sent, title, status, method, brings } = message;
  const [from, to] = sent ? ['9%', '91%'] : ['91%', '9%'];
  const small = [status && method, brings].filter(Boolean).join(' · ');
  return svg(
    'svg',
    { class: 'arrow', width: '100%', height: '46', 'aria-hidden': 'true' },
    ...['9%', '91%'].map((x) => svg('line', { class: 'life', x1: x, x2: x, y1: 0, y2: '100%' })),
    svg('line', { class: 'shaft', x1: from, x2: to, y1: 33, y2: 33, pathLength: 1 }),
    svg(
      'svg',
      { x: to, y: 33, overflow: 'visible', width: 1, height: 1 },
      svg('path', { class: 'head', d: sent ? 'M0 0l-10 -5v10z' : 'M0 0l10 -5v10z' }),
    ),
    svg(
      'text',
      { x: '50%', y: 23, 'text-anchor': 'middle' },
      // The whole of it stands in the message.
      svg('tspan', { class: 'title' }, title.replace('Authentication', 'Auth')),
      small && svg('tspan', { class: 'detail', dx: 8 }, small),
    ),
  );
}

function spoken({ sent, title, status, method, brings, at }: WireMessage): string {
  const what = status ? `${title} for ${method}` : title;
  return `${sent ? 'Sent' : 'Received'} ${what}${brings ? ` with ${brings}` : ''} at ${time(at)}`;
}

function time(at: Date): string {
  const two = (number: number) => String(number).padStart(2, '0');
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':');
  return `${clock}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

/** The whole message, over the page. */
function fullText() {
  const title = h('h3', { id: 'message-title' });
  const text = h('pre', { tabindex: 0, 'aria-label': 'The message' });
  const copy = h('button', { type: 'button', class: 'quiet' }, 'Copy');
  const close = h('button', { type: 'button', class: 'primary' }, 'Close');
  const dialog = h(
    'dialog',
    { class: 'message', 'aria-labelledby': 'message-title' },
    title,
    text,
    h('div', { class: 'row' }, copy, close),
  );
  close.addEventListener('click', () => dialog.close());
  copy.addEventListener('click', () => {
    navigator.clipboard.writeText(text.textContent ?? '').then(
      () => (copy.textContent = 'Copied'),
      () => (copy.textContent = 'Not copied'),
    );
  });
  // A click beside it closes it, as everywhere.
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  return {
    dialog,
    show(message: WireMessage): void {
      title.textContent = `${message.sent ? 'Sent' : 'Received'} ${message.title}`;
      text.textContent = message.text.replaceAll('\r\n', '\n');
      copy.textContent = 'Copy';
      dialog.showModal();
      text.scrollTop = 0;
    },
  };
}
