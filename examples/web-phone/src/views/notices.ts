// Sentences that nobody asked for: what went wrong, how a call ended, and questions.

import { h } from '../dom';

/** How long a sentence stays. */
const STAY = 12_000;
/** More than these push the oldest out. */
const MOST = 3;

export function noticesView() {
  const element = h('div', { class: 'notices', role: 'status' });

  function add(words: string, look: string, ...actions: HTMLElement[]): () => void {
    const notice = h('div', { class: `notice ${look}` }, h('p', {}, words), ...actions);
    const remove = () => notice.remove();
    element.append(notice);
    while (element.childElementCount > MOST) element.firstElementChild?.remove();
    return remove;
  }

  return {
    element,

    tell(words: string): void {
      const close = h('button', { type: 'button', class: 'quiet', 'aria-label': 'Dismiss' }, '×');
      const remove = add(words, 'told', close);
      close.addEventListener('click', remove);
      setTimeout(remove, STAY);
    },

    /** Asks until there is an answer. */
    ask(words: string, yes: string, no: string, answer: (agreed: boolean) => void): () => void {
      const button = (text: string, look: string, agreed: boolean) =>
        h('button', { type: 'button', class: look, onclick: () => (remove(), answer(agreed)) }, text);
      const remove = add(words, 'asked', button(no, '', false), button(yes, 'primary', true));
      return remove;
    },
  };
}
