// Somebody calls.

import type { Call } from '../call';
import { h, icon } from '../dom';

/** The card that rings. */
export function incomingView(call: Call): HTMLElement {
  const title = `incoming-${call.id}`;
  const button = (name: string, look: string, picture: string, act: () => void) =>
    h(
      'span',
      { class: 'labelled' },
      h(
        'button',
        { type: 'button', class: `${look} round large`, 'aria-label': `${name} ${call.name}`, onclick: act },
        icon(picture),
      ),
      h('span', { 'aria-hidden': 'true' }, name),
    );
  return h(
    'article',
    { class: 'card incoming', role: 'group', 'aria-labelledby': title },
    h('p', { class: 'kicker' }, call.offersVideo ? 'Incoming video call' : 'Incoming call'),
    h('h2', { id: title }, call.name),
    h('p', { class: 'address' }, call.address),
    h(
      'div',
      { class: 'row spread' },
      button('Decline', 'stop', 'hangup', () => call.hangUp()),
      call.offersVideo && button('Video', '', 'camera', () => void call.answer(true)),
      button('Answer', 'go', 'call', () => void call.answer(false)),
    ),
  );
}
