// Puts the phone and what is seen of it together.

import { type Call, words } from './call';
import { loadConfig, type Account, type Contact } from './config';
import { Phone, type Line } from './phone';
import { Sounds, type Ring } from './sounds';
import { accountView } from './views/account';
import { callView } from './views/call';
import { dialerView } from './views/dialer';
import { incomingView } from './views/incoming';
import { ladderView } from './views/ladder';
import { noticesView } from './views/notices';

const place = (id: string): HTMLElement => {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
};

const config = await loadConfig();
const phone = new Phone();
const sounds = new Sounds();
const pane = place('phone');
const line = place('line');
const accountButton = place('account-button');
const announcer = place('announcer');

const ladder = ladderView(place('ladder'));
const notices = noticesView();
const account = accountView(config, {
  signIn: (wanted) => {
    sounds.wake();
    signIn(wanted);
  },
  signOut: () => phone.signOut(),
});
const dialer = dialerView(contacts, { call: dial, key: (tone) => sounds.key(tone) });
const calls = new Map<Call, ReturnType<typeof callView>>();
const ringing = new Map<Call, HTMLElement>();
let accountShown = true;

pane.append(notices.element, account.element, dialer.element);
accountButton.addEventListener('click', () => {
  accountShown = !accountShown;
  render();
  if (accountShown) account.element.querySelector<HTMLElement>('input, button')?.focus();
});

function signIn(wanted: Account): void {
  try {
    phone.signIn(wanted);
  } catch (error) {
    account.complain(
      `This account cannot be used: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** Everybody who can be called without typing, but not oneself. */
function contacts(): Contact[] {
  const own = phone.line.state === 'off' ? '' : phone.line.account.address;
  const others = config.accounts.map(({ address }) => ({
    name: address.replace(/^sips?:/, '').split('@')[0] ?? address,
    address,
  }));
  return [...config.numbers, ...others].filter(({ address }) => address !== own);
}

function dial(target: string, video: boolean): void {
  sounds.wake();
  phone.call(target, video).catch((error: unknown) => {
    const invalid = error instanceof TypeError || /invalid/i.test(String(error));
    notices.tell(invalid ? `${target} is nothing that can be called.` : words(error));
  });
}

function announce(text: string): void {
  // The same words twice are read twice only when they are new to the page.
  announcer.textContent = '';
  setTimeout(() => (announcer.textContent = text), 50);
}

phone.on('line', (now) => {
  if (now.state === 'ready' && accountShown) {
    accountShown = false;
    announce('Signed in');
    if (matchMedia('(pointer: fine)').matches) setTimeout(() => dialer.focus());
  }
  if (now.state === 'refused' || now.state === 'off') accountShown = true;
  render();
});
phone.on('calls', render);
phone.on('message', (message) => ladder.add(message));
phone.on('notice', (text) => notices.tell(text));
phone.on('incoming', (call) => {
  announce(`${call.offersVideo ? 'Incoming video call' : 'Incoming call'} from ${call.name}`);
  // Nobody is interrupted while typing.
  if (!isTyping(document.activeElement)) {
    ringing.get(call)?.querySelector<HTMLElement>('button.go')?.focus();
  }
});
phone.on('ended', (call) => {
  announce(call.why);
  if (call.why !== 'Call ended') notices.tell(call.why);
});
phone.on('referral', ({ call, referral }) => {
  const question = `${call.name} wants to connect you with ${referral.target}.`;
  announce(question);
  const withdraw = notices.ask(question, 'Connect', 'Stay', (agreed) => {
    if (!agreed) return referral.decline();
    referral.accept().catch((error: unknown) => {
      notices.tell(words(error));
      referral.decline();
    });
  });
  call.on('ended', withdraw);
});

const states = new Map<Call, string>();

/** Says what has changed about a call, to those who do not see it. */
function announceState(call: Call): void {
  const now = call.held.local ? 'held' : call.held.remote ? 'held by them' : call.state;
  const before = states.get(call);
  if (before === now) return;
  states.set(call, now);
  const text: Partial<Record<typeof now, string>> = {
    calling: `Calling ${call.name}`,
    ringing: `It rings at ${call.name}`,
    talking: before?.startsWith('held') ? 'The call goes on' : `Talking to ${call.name}`,
    held: `${call.name} is on hold`,
    'held by them': `${call.name} has put you on hold`,
  };
  const said = text[now];
  if (said) announce(said);
}

function render(): void {
  account.show(phone.line);
  showLine(phone.line);
  const incoming = phone.calls.filter((call) => call.state === 'incoming');
  const others = phone.calls.filter((call) => call.state !== 'incoming');
  reconcile(ringing, incoming, incomingView, (element) => element.remove(), (element) => element);
  reconcile(
    calls,
    others,
    (call) =>
      callView(call, sounds, {
        ask: (target) => dial(target, false),
        others: () => phone.calls.filter((other) => other !== call && other.state === 'talking'),
      }),
    (view) => view.stop(),
    (view) => view.element,
  );
  for (const call of others) announceState(call);
  for (const call of states.keys()) if (call.isOver) states.delete(call);
  for (const view of calls.values()) view.show();
  const free = others.every((call) => call.held.local);
  const usable = phone.line.state !== 'off' && phone.line.state !== 'refused';
  account.element.hidden = !accountShown;
  accountButton.hidden = !usable;
  accountButton.setAttribute('aria-expanded', String(accountShown));
  const wasHidden = dialer.element.hidden;
  dialer.element.hidden = accountShown || !usable || !free || incoming.length > 0;
  if (wasHidden && !dialer.element.hidden) dialer.show();
  sounds.ring(ring(incoming, others));
  document.title = incoming[0] ? `${incoming[0].name} calls` : 'Offhook phone';
}

function ring(incoming: Call[], others: Call[]): Ring {
  if (incoming.length) return others.some((call) => call.state === 'talking') ? 'none' : 'here';
  // What the other end plays before it answers is heard instead.
  const waiting = others.find((call) => call.state === 'ringing');
  return waiting && !waiting.remote.getAudioTracks().some((track) => !track.muted) ? 'there' : 'none';
}

/** Makes and removes views so that there is one for each call, and keeps the focus somewhere. */
function reconcile<View>(
  views: Map<Call, View>,
  wanted: Call[],
  make: (call: Call) => View,
  remove: (view: View) => void,
  elementOf: (view: View) => HTMLElement,
): void {
  for (const [call, view] of views) {
    if (wanted.includes(call)) continue;
    const focused = elementOf(view).contains(document.activeElement);
    views.delete(call);
    remove(view);
    if (focused) setTimeout(refocus);
  }
  for (const call of wanted) {
    if (views.has(call)) continue;
    const view = make(call);
    views.set(call, view);
    dialer.element.before(elementOf(view));
    if (!isTyping(document.activeElement) || dialer.element.contains(document.activeElement)) {
      setTimeout(refocus);
    }
  }
}

/** To where one goes on from here. */
function refocus(): void {
  const first = ringing.values().next().value?.querySelector<HTMLElement>('button.go');
  if (first) first.focus();
  else if (current()) calls.get(current() as Call)?.focus();
  else if (!dialer.element.hidden && matchMedia('(pointer: fine)').matches) dialer.focus();
}

function showLine(now: Line): void {
  const name = now.state === 'off' ? '' : now.account.address.replace(/^sips?:/, '');
  const text = {
    off: '',
    connecting: 'Connecting …',
    ready: name,
    lost: 'No connection',
    refused: 'Not signed in',
  }[now.state];
  line.dataset.state = now.state;
  if (line.textContent !== text) line.textContent = text;
  if (now.state === 'ready') line.title = `Registered at ${now.account.server}`;
}

/** The call that keys go to. */
function current(): Call | undefined {
  const all = [...calls.keys()];
  return all.findLast((call) => !call.held.local) ?? all.at(-1);
}

function isTyping(element: EventTarget | null): boolean {
  return (
    (element instanceof HTMLInputElement && element.type !== 'checkbox') ||
    element instanceof HTMLSelectElement
  );
}

document.addEventListener('keydown', (event) => {
  const busy = event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented;
  if (busy || document.querySelector('dialog[open]')) return;
  const { key, target } = event;
  const call = current();
  const waiting = ringing.keys().next().value;
  if (key === 'Escape') {
    if (waiting) waiting.hangUp();
    else if (call && !calls.get(call)?.fold()) call.hangUp();
    else if (!call && accountShown && phone.line.state === 'ready') accountButton.click();
    return;
  }
  if (isTyping(target)) return;
  const dialing = !dialer.element.hidden;
  if (/^[0-9*#]$/.test(key)) {
    if (call?.state === 'talking' && !call.held.local) {
      sounds.key(key);
      calls.get(call)?.light(key);
      call.tone(key);
    } else if (dialing) {
      dialer.press(key);
    }
  } else if (key === 'Backspace' && dialing) {
    dialer.erase();
  } else if (key === 'Enter' && !(target instanceof Element && target.closest('button, summary, a'))) {
    if (waiting) void waiting.answer(false);
    else if (dialing) dialer.submit();
  }
});

setInterval(() => {
  for (const view of calls.values()) {
    // A connection that closes meanwhile gives no numbers any more.
    view.tick().catch(() => {});
  }
}, 1000);
setInterval(() => {
  for (const view of calls.values()) view.listen();
}, 100);

// Whoever closes the page hangs up.
window.addEventListener('pagehide', () => phone.signOut());

render();
document.documentElement.dataset.ready = '';
