// Signing in.

import {
  type Account,
  forget,
  remember,
  remembered,
  type ServerConfig,
  type Tones,
} from '../config';
import { h } from '../dom';
import type { Line } from '../phone';

interface Wishes {
  signIn(account: Account): void;
  signOut(): void;
}

/** The card that asks who you are, and where. */
export function accountView(config: ServerConfig, wishes: Wishes) {
  const known = remembered();
  const [first] = config.accounts;

  const server = field('Server', {
    name: 'server',
    type: 'url',
    inputmode: 'url',
    required: true,
    placeholder: 'wss://sip.example.com',
    value: known.server || config.server,
  });
  const address = field('Address', {
    name: 'address',
    required: true,
    inputmode: 'email',
    autocomplete: 'username',
    placeholder: `sip:you@${config.domain}`,
    value: known.address || first?.address,
  });
  const password = field('Password', {
    name: 'password',
    type: 'password',
    autocomplete: 'current-password',
    value: known.password ?? '',
  });
  const displayName = field('Your name, as others see it', {
    name: 'name',
    autocomplete: 'name',
    value: known.displayName ?? '',
  });
  const iceServers = field('STUN or TURN servers, where you need some', {
    name: 'ice',
    inputmode: 'url',
    placeholder: 'stun:stun.example.com',
    value: (known.iceServers ?? []).join(' '),
  });
  const tones = h(
    'select',
    { name: 'tones' },
    h('option', { value: 'INFO' }, 'as SIP INFO requests'),
    h('option', { value: 'RFC2833', selected: known.tones === 'RFC2833' }, 'in the sound (RTP)'),
  );
  const keep = h('input', { type: 'checkbox', name: 'keep', checked: Boolean(known.password) });
  const status = h('p', { class: 'problem', role: 'alert', hidden: true });
  const submit = h('button', { class: 'primary', type: 'submit' }, 'Sign in');
  const out = h(
    'button',
    { type: 'button', class: 'quiet', hidden: true, onclick: () => wishes.signOut() },
    'Sign out',
  );
  const forgetAll = h(
    'button',
    {
      type: 'button',
      class: 'quiet',
      onclick: () => {
        forget();
        for (const input of form.querySelectorAll('input')) input.value = '';
        keep.checked = false;
        server.input.value = config.server;
      },
    },
    'Forget this account',
  );

  const account = (): Account => ({
    server: server.input.value.trim(),
    address: withScheme(address.input.value.trim()),
    password: password.input.value,
    displayName: displayName.input.value.trim(),
    tones: tones.value as Tones,
    iceServers: iceServers.input.value.split(/[\s,]+/).filter(Boolean),
  });

  const form = h(
    'form',
    {
      class: 'card account',
      onsubmit: (event: Event) => {
        event.preventDefault();
        const wanted = account();
        remember(wanted, keep.checked);
        wishes.signIn(wanted);
      },
    },
    h('h2', {}, 'Sign in'),
    demo(),
    server.element,
    address.element,
    password.element,
    h('label', { class: 'check' }, keep, 'Keep the password in this browser'),
    h(
      'details',
      {},
      h('summary', {}, 'More settings'),
      displayName.element,
      h('label', { class: 'field' }, h('span', {}, 'Send key tones'), tones),
      iceServers.element,
      forgetAll,
    ),
    status,
    h('div', { class: 'row' }, submit, out),
  );

  /** One press and one is in, where the server offers accounts to try. */
  function demo(): HTMLElement | undefined {
    const open = config.accounts.filter((entry) => entry.password);
    if (!open.length) return undefined;
    const buttons = open.map((entry) => {
      const name = entry.address.replace(/^sips?:/, '').split('@')[0] ?? entry.address;
      const signIn = () => {
        server.input.value = config.server;
        address.input.value = entry.address;
        password.input.value = entry.password ?? '';
        // Of another run of the server it would be wrong.
        keep.checked = false;
        wishes.signIn(account());
      };
      return h('button', { type: 'button', class: 'primary', onclick: signIn }, `Try it as ${name}`);
    });
    return h(
      'div',
      { class: 'demo' },
      h('p', {}, 'This server has accounts to try. Open the page twice to call yourself.'),
      h('div', { class: 'row' }, ...buttons),
      h('p', { class: 'or' }, 'or sign in with your own'),
    );
  }

  function show(line: Line): void {
    const busy = line.state === 'connecting';
    submit.disabled = busy;
    submit.textContent = busy ? 'Signing in …' : 'Sign in';
    out.hidden = line.state === 'off' || line.state === 'refused';
    const problem = trouble(line);
    status.hidden = !problem;
    if (status.textContent !== problem) status.textContent = problem;
  }

  return { element: form, show, complain };

  function complain(words: string): void {
    status.hidden = false;
    status.textContent = words;
  }
}

function trouble(line: Line): string {
  switch (line.state) {
    case 'refused':
      return line.why;
    case 'lost':
      return `There is no connection to ${line.account.server}. It is tried again and again.`;
    default:
      return '';
  }
}

const withScheme = (address: string) =>
  /^sips?:/i.test(address) || !address ? address : `sip:${address}`;

function field(label: string, properties: Record<string, string | boolean | undefined>) {
  const input = h('input', { autocomplete: 'off', spellcheck: 'false', ...properties });
  return { input, element: h('label', { class: 'field' }, h('span', {}, label), input) };
}
