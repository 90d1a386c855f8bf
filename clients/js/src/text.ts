/** The most that the server stores of a text, in bytes of UTF-8. */
const MAX_BYTES = 65_536;

/**
 * @internal A text as the server takes it. Pasted line and page breaks become line feeds, other control characters
 * spaces, and halves of torn characters U+FFFD.
 */
export function tidied(text: string): string {
  return text.replace(/[\v\f\x85]/g, '\n').replace(/(?![\t\n\r])\p{Cc}/gu, ' ').replace(/\p{Cs}/gu, '\uFFFD');
}

/** @internal Whether nothing of it can be seen: white space, and characters without a shape such as U+200B. */
export function isBlank(text: string): boolean {
  // U+2800 is a Braille pattern without dots.
  return !/[^\s\p{Cc}\p{DI}\u2800]/u.test(text);
}

/** @internal Whether the server takes so much, where it allows this many characters. */
export function isTooLong(text: string, maxChars = Infinity): boolean {
  const count = (pattern: RegExp) => text.match(pattern)?.length ?? 0;
  // A character takes one byte, two from U+0080 on, three from U+0800 on; four for two UTF-16 units.
  const bytes = text.length + count(/[^\0-\x7f]/g) + count(/[\u0800-\ud7ff\ue000-\uffff]/g);
  return bytes > MAX_BYTES || (text.length > maxChars && [...text].length > maxChars);
}
