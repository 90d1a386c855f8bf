/** A page without a browser: for React, which needs a document to take over. */
import { Window } from 'happy-dom';

const NAMES = ['window', 'document', 'navigator', 'Node', 'Element', 'HTMLElement', 'HTMLIFrameElement', 'ShadowRoot', 'Event'] as const;

/** The document of a page, under the global names that React looks for, until `close`. */
export function openPage(html: string): { root: HTMLElement; close(): void } {
  const window = new Window();
  window.document.body.innerHTML = `<div id="root">${html}</div>`;
  const known = window as unknown as Record<string, unknown>;
  const before = new Map(NAMES.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]));
  for (const name of NAMES) Object.defineProperty(globalThis, name, { value: name === 'window' ? window : known[name], configurable: true });
  return {
    root: window.document.getElementById('root') as unknown as HTMLElement,
    close: () => {
      for (const [name, was] of before) if (was) Object.defineProperty(globalThis, name, was); else Reflect.deleteProperty(globalThis, name);
      void window.happyDOM.close();
    },
  };
}
