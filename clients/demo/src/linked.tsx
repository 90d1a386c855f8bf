import type { ComponentChildren } from 'preact';

/** An address of the web, and nothing else: `javascript:` and its like stay text. */
const ADDRESS = /(?<![\p{L}\p{N}])https?:\/\/[^\s<>"]+/giu;
/** What ends a sentence, and not the address in it. */
const ENDS = /[.,;:!?'’”»…]+$/u;

/** A text in which addresses can be clicked. */
export function Linked({ text }: { text: string }) {
  const parts: ComponentChildren[] = [];
  let at = 0;
  for (const { 0: found, index } of text.matchAll(ADDRESS)) {
    const address = trimmed(found);
    if (!URL.canParse(address)) continue;
    parts.push(text.slice(at, index), <a key={index} href={address} target="_blank" rel="noopener noreferrer">{address}</a>);
    at = index + address.length;
  }
  return <>{parts}{text.slice(at)}</>;
}

/** Without what follows the address: the end of a sentence, or of brackets around it. */
function trimmed(found: string): string {
  const address = found.replace(ENDS, '');
  const count = (bracket: string) => address.split(bracket).length;
  const isAround = (address.endsWith(')') && count(')') > count('(')) || (address.endsWith(']') && count(']') > count('['));
  return isAround ? trimmed(address.slice(0, -1)) : address;
}
