/** The outermost page, this one or `/duo`; none inside that of another server, which cannot be asked. */
const outermost = ((): Window | undefined => {
  try {
    return window.top?.document && window.top;
  } catch {
    return undefined;
  }
})();

/** Whether a person looks at this page; in `/duo`, at either half of it. */
export const isWatched = (): boolean => (outermost ? outermost.document.hasFocus() : document.visibilityState === 'visible');

/** In `/duo`, the page around this one is that which gets the focus: says so here as well, until the returned function is called. */
export function shareFocus(): () => void {
  const focused = () => void dispatchEvent(new Event('focus'));
  if (outermost && outermost !== window) outermost.addEventListener('focus', focused);
  return () => outermost?.removeEventListener('focus', focused);
}
