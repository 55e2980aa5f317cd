// Making elements without a framework.

type Child = Node | string | null | undefined | false;

interface Properties {
  class?: string;
  /** Attributes as they stand in HTML; `false` and `undefined` leave one out, `true` is empty. */
  [attribute: string]: string | number | boolean | undefined | EventListener;
}

/** An element with attributes, listeners (`onclick`, …) and children. Text is text, never HTML. */
export function h<T extends keyof HTMLElementTagNameMap>(
  tag: T,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[T] {
  const element = document.createElement(tag);
  apply(element, properties);
  element.append(...children.filter((child): child is Node | string => Boolean(child)));
  return element;
}

/** The same in SVG. */
export function svg<T extends keyof SVGElementTagNameMap>(
  tag: T,
  properties: Properties = {},
  ...children: Child[]
): SVGElementTagNameMap[T] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  apply(element, properties);
  element.append(...children.filter((child): child is Node | string => Boolean(child)));
  return element;
}

function apply(element: Element, properties: Properties): void {
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? '' : String(value));
    }
  }
}

const PATHS: Record<string, string> = {
  call: 'M6.6 3.5 9 8 7.2 9.8a13 13 0 0 0 7 7L16 15l4.5 2.4-.6 2.7c-.2.7-.8 1.2-1.5 1.1C10.6 20.6 3.4 13.4 2.8 5.6c0-.7.4-1.3 1.1-1.5z',
  hangup: 'M3 13.5c0-3 4-5.5 9-5.5s9 2.5 9 5.5v1.8c0 .8-.6 1.3-1.4 1.2l-3.5-.6c-.6-.1-1-.6-1-1.2v-2c-2-.7-4.2-.7-6.2 0v2c0 .6-.4 1.1-1 1.2l-3.5.6c-.8.1-1.4-.4-1.4-1.2z',
  hold: 'M8 5h3v14H8zM14 5h3v14h-3z',
  mic: 'M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3M5.5 10.5a6.5 6.5 0 0 0 13 0M12 17v4M8.5 21h7',
  micoff: 'M9 9v2a3 3 0 0 0 4.6 2.5M15 10V6a3 3 0 0 0-5.8-1M5.5 10.5a6.5 6.5 0 0 0 10 5.5M18.5 10.5c0 1-.2 1.9-.6 2.7M12 17v4M8.5 21h7M3.5 3.5l17 17',
  camera: 'M3 7.5A1.5 1.5 0 0 1 4.5 6h9A1.5 1.5 0 0 1 15 7.5v9a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 3 16.5zM15 10.5l6-3.5v10l-6-3.5',
  keypad: 'M6 5.5h.01M12 5.5h.01M18 5.5h.01M6 11.5h.01M12 11.5h.01M18 11.5h.01M6 17.5h.01M12 17.5h.01M18 17.5h.01',
  transfer: 'M3 16V12a4 4 0 0 1 4-4h13M16 4l4 4-4 4',
  erase: 'M8.5 5H20v14H8.5L2.5 12zM11.5 9.5l5 5M16.5 9.5l-5 5',
};

/** A drawing that says nothing by itself: the control around it has a name. */
export function icon(name: string): SVGSVGElement {
  const solid = ['call', 'hangup', 'hold'].includes(name);
  return svg(
    'svg',
    { class: solid ? 'icon solid' : 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true' },
    svg('path', { d: PATHS[name] ?? '' }),
  );
}
