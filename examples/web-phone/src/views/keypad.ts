// The twelve keys.

import { h } from '../dom';

const KEYS: [string, string][] = [
  ['1', ''],
  ['2', 'ABC'],
  ['3', 'DEF'],
  ['4', 'GHI'],
  ['5', 'JKL'],
  ['6', 'MNO'],
  ['7', 'PQRS'],
  ['8', 'TUV'],
  ['9', 'WXYZ'],
  ['*', ''],
  ['0', '+'],
  ['#', ''],
];

const SPOKEN: Record<string, string> = { '*': 'star', '#': 'hash' };

/** A pad whose keys call `press`; `light` shows that a key was pressed on the keyboard. */
export function keypad(press: (tone: string) => void) {
  const buttons = new Map<string, HTMLButtonElement>();
  for (const [key, letters] of KEYS) {
    const button = h(
      'button',
      {
        type: 'button',
        class: 'key',
        'aria-label': SPOKEN[key] ?? key,
        onclick: () => press(key),
      },
      h('span', { class: 'digit' }, key),
      h('span', { class: 'letters', 'aria-hidden': 'true' }, letters),
    );
    buttons.set(key, button);
  }
  const element = h('div', { class: 'keypad', role: 'group', 'aria-label': 'Keypad' });
  element.append(...buttons.values());
  const light = (key: string) => {
    const button = buttons.get(key);
    button?.classList.add('pressed');
    setTimeout(() => button?.classList.remove('pressed'), 150);
  };
  return { element, light };
}
