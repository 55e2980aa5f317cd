// A call that is made, or stands.

import type { Call } from '../call';
import { h, icon } from '../dom';
import type { Sounds } from '../sounds';
import { keypad } from './keypad';
import { qualityView } from './quality';

interface Wishes {
  /** Calls `target`, so that the two may be connected afterwards. */
  ask(target: string): void;
  /** The calls that this one may be connected with. */
  others(): Call[];
}

/** How many seconds without a picture make it a still one. */
const STILL = 3;

/** The card of one call, which keeps itself up to date until `stop`. */
export function callView(call: Call, sounds: Sounds, wishes: Wishes) {
  const title = `call-${call.id}`;
  const state = h('p', { class: 'state' });
  const control = (name: string, picture: string, act: () => void) => {
    const label = h('span', { class: 'caption' }, name);
    const button = h('button', { type: 'button', class: 'control', onclick: act }, icon(picture), label);
    return { button, label };
  };
  const mute = control('Mute', 'mic', () => call.toggleMute());
  const keys = control('Keypad', 'keypad', () => open(keys.button, pad));
  const hold = control('Hold', 'hold', () => call.toggleHold());
  const camera = control('Camera', 'camera', () => void call.toggleCamera());
  const transfer = control('Transfer', 'transfer', () => open(transfer.button, passing.element));
  const hangUp = h(
    'button',
    { type: 'button', class: 'stop round large', onclick: () => call.hangUp() },
    icon('hangup'),
  );
  const controls = [mute, hold, camera, keys, transfer].map(({ button }) => button);

  const dialled = h('output', { class: 'tones', 'aria-label': 'Keys pressed' });
  const padKeys = keypad((tone) => {
    sounds.key(tone);
    call.tone(tone);
  });
  const pad = h('div', { class: 'panel', hidden: true }, dialled, padKeys.element);
  const passing = transferPanel();
  const connect = h('div', { class: 'row centre', hidden: true });

  const audio = h('audio', { autoplay: true, class: 'unseen' });
  audio.srcObject = call.remote;
  const theirs = h('video', { class: 'theirs', autoplay: true, playsinline: true, 'aria-label': `${call.name}'s picture` });
  const ours = h('video', { class: 'ours', autoplay: true, playsinline: true, 'aria-label': 'Your own picture' });
  // The sound comes out of the audio element, and one's own voice out of neither.
  for (const video of [theirs, ours]) video.muted = true;
  const stage = h('div', { class: 'stage', hidden: true }, theirs, ours);
  const quality = qualityView(sounds);
  quality.element.hidden = true;

  const element = h(
    'article',
    { class: 'card call', 'aria-labelledby': title },
    h(
      'header',
      {},
      h('span', { class: 'avatar', 'aria-hidden': 'true' }, call.name.slice(0, 1)),
      h('div', {}, h('h2', { id: title }, call.name), h('p', { class: 'address' }, call.address), state),
    ),
    stage,
    h('div', { class: 'controls', role: 'group', 'aria-label': 'Call controls' }, ...controls),
    connect,
    pad,
    passing.element,
    h('div', { class: 'row centre' }, hangUp),
    quality.element,
    audio,
  );

  let still = 0;

  function open(button: HTMLElement, panel: HTMLElement): void {
    const others: [HTMLElement, HTMLElement][] = [
      [keys.button, pad],
      [transfer.button, passing.element],
    ];
    for (const [its, other] of others) {
      other.hidden = other !== panel || !other.hidden;
      its.setAttribute('aria-expanded', String(!other.hidden));
    }
    if (!panel.hidden && button === transfer.button) passing.focus();
  }

  function transferPanel() {
    const target = h('input', {
      autocomplete: 'off',
      autocapitalize: 'off',
      spellcheck: 'false',
      placeholder: 'Name, number or address',
      'aria-label': `Whom ${call.name} is to talk to`,
    });
    const wanted = () => target.value.trim() || void target.focus();
    const form = h(
      'form',
      {
        class: 'panel',
        'aria-label': 'Transfer',
        hidden: true,
        onsubmit: (event: Event) => {
          event.preventDefault();
          const to = wanted();
          if (to) call.transfer(to);
        },
      },
      target,
      h(
        'div',
        { class: 'row' },
        h('button', { type: 'submit', class: 'primary' }, 'Transfer now'),
        h(
          'button',
          {
            type: 'button',
            onclick: () => {
              const to = wanted();
              if (!to) return;
              open(transfer.button, passing.element);
              wishes.ask(to);
            },
          },
          'Ask first',
        ),
      ),
    );
    return { element: form, focus: () => target.focus() };
  }

  /** Who waits may be connected with whom we talk to. */
  function offerConnections(): void {
    const others = call.held.local ? wishes.others() : [];
    const names = others.map((other) => other.id).join();
    if (connect.dataset.names === names) return;
    connect.dataset.names = names;
    connect.replaceChildren(
      ...others.map((other) =>
        h(
          'button',
          { type: 'button', class: 'primary', onclick: () => call.transferTo(other) },
          `Connect ${call.name} with ${other.name}`,
        ),
      ),
    );
  }

  function show(): void {
    const talking = call.state === 'talking';
    const text = stateOf(call);
    if (state.textContent !== text) state.textContent = text;
    element.dataset.state = call.held.local ? 'held' : call.state;
    for (const button of controls) button.disabled = !talking;
    const pressed = (button: HTMLElement, on: boolean) =>
      button.setAttribute('aria-pressed', String(on));
    pressed(mute.button, call.muted);
    mute.button.querySelector('svg')?.replaceWith(icon(call.muted ? 'micoff' : 'mic'));
    pressed(hold.button, call.held.local);
    pressed(camera.button, call.camera !== undefined);
    for (const [button, panel] of [[keys.button, pad], [transfer.button, passing.element]] as const) {
      button.setAttribute('aria-expanded', String(!panel.hidden));
    }
    hangUp.setAttribute('aria-label', `${talking ? 'Hang up' : 'Cancel the call to'} ${call.name}`);
    dialled.textContent = call.tones;
    connect.hidden = !call.held.local || call.transferring !== '';
    offerConnections();
    quality.element.hidden = !talking || call.held.local;
    picture();
  }

  function picture(): void {
    const moving = call.remote.getVideoTracks().some((track) => !track.muted);
    const shown = moving && still < STILL;
    if (shown && theirs.srcObject !== call.remote) theirs.srcObject = call.remote;
    if (call.camera && ours.srcObject !== call.local) ours.srcObject = call.local ?? null;
    if (!call.camera) ours.srcObject = null;
    theirs.hidden = !shown;
    ours.hidden = !call.camera;
    stage.hidden = !shown && !call.camera;
  }

  return {
    element,
    show,
    light: padKeys.light,

    /** Every second. */
    async tick(): Promise<void> {
      show();
      const { connection } = call;
      if (call.state !== 'talking' || !connection) return;
      await quality.sample(connection);
      still = quality.latest?.framesShown ? 0 : still + 1;
      picture();
    },

    /** Several times a second. */
    listen(): void {
      if (call.state === 'talking') quality.listen(call.remote, call.local);
    },

    /** Closes what is open inside; says whether anything was. */
    fold(): boolean {
      const panels = [pad, passing.element].filter((panel) => !panel.hidden);
      for (const panel of panels) panel.hidden = true;
      show();
      return panels.length > 0;
    },

    focus(): void {
      hangUp.focus();
    },

    stop(): void {
      quality.stop();
      audio.srcObject = null;
      theirs.srcObject = null;
      ours.srcObject = null;
      element.remove();
    },
  };
}

function stateOf(call: Call): string {
  if (call.transferring) return `Connecting with ${call.transferring} …`;
  switch (call.state) {
    case 'calling':
      return 'Calling …';
    case 'ringing':
      return 'Ringing …';
    case 'answering':
      return 'Connecting …';
    case 'ended':
      return call.why;
    default:
  }
  const seconds = Math.max(0, Math.round((Date.now() - (call.since?.getTime() ?? Date.now())) / 1000));
  const length = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  if (call.held.local) return `On hold · ${length}`;
  if (call.held.remote) return `You are on hold · ${length}`;
  return call.muted ? `Muted · ${length}` : length;
}
