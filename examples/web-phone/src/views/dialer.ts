// Whom to call.

import type { Contact } from '../config';
import { h, icon } from '../dom';
import { keypad } from './keypad';

interface Wishes {
  call(target: string, video: boolean): void;
  /** A key was pressed: it makes a sound. */
  key(tone: string): void;
}

/** The card with the field, the keys, and those who can be called without typing. */
export function dialerView(contacts: () => Contact[], wishes: Wishes) {
  const target = h('input', {
    id: 'target',
    name: 'target',
    autocomplete: 'off',
    autocapitalize: 'off',
    spellcheck: 'false',
    enterkeyhint: 'go',
    placeholder: 'Name, number or address',
    'aria-label': 'Whom to call',
  });
  const erase = h(
    'button',
    { type: 'button', class: 'quiet round', 'aria-label': 'Delete the last character', onclick: backspace },
    icon('erase'),
  );
  const pad = keypad(type);
  const people = h('ul', { class: 'people' });
  const form = h(
    'form',
    {
      class: 'card dialer',
      'aria-label': 'Make a call',
      onsubmit: (event: Event) => {
        event.preventDefault();
        call(false);
      },
    },
    h('div', { class: 'target' }, target, erase),
    people,
    pad.element,
    h(
      'div',
      { class: 'row calls' },
      h(
        'button',
        { type: 'button', class: 'round large', 'aria-label': 'Video call', onclick: () => call(true) },
        icon('camera'),
      ),
      h('button', { type: 'submit', class: 'go round large', 'aria-label': 'Call' }, icon('call')),
      h('span', { class: 'filler' }),
    ),
  );

  function call(video: boolean): void {
    if (target.value.trim()) wishes.call(target.value, video);
    else target.focus();
  }

  function type(tone: string): void {
    wishes.key(tone);
    const at = target.selectionStart ?? target.value.length;
    target.setRangeText(tone, at, target.selectionEnd ?? at, 'end');
  }

  function backspace(): void {
    target.value = target.value.slice(0, -1);
    target.focus();
  }

  function show(): void {
    const buttons = contacts().map((contact) =>
      h(
        'li',
        {},
        h(
          'button',
          {
            type: 'button',
            class: 'person',
            title: contact.about,
            onclick: () => {
              target.value = contact.address;
              wishes.call(contact.address, false);
            },
          },
          h('span', { class: 'avatar', 'aria-hidden': 'true' }, contact.name.slice(0, 1)),
          h('span', {}, h('span', { class: 'unseen' }, 'Call '), contact.name),
        ),
      ),
    );
    people.replaceChildren(...buttons);
    people.hidden = !buttons.length;
  }

  return {
    element: form,
    show,
    /** A key of the keyboard, while no field has it. */
    press(tone: string): void {
      pad.light(tone);
      type(tone);
    },
    erase: backspace,
    submit: () => call(false),
    focus: () => target.focus(),
  };
}
