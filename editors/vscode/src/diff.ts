/** The part of a text that an edit changes, for an inline diff. Knows no VS Code. */

/** `old` is replaced by `come`, `before` characters into the old text and `after` before its end. */
export interface Change {
  readonly before: number;
  readonly after: number;
  readonly come: string;
}

const WORD = /[\p{L}\p{N}_]/u;

/** The change without the common beginning and end; no word is split. */
export function changeOf(old: string, now: string): Change {
  const before = shared(old, now);
  const after = shared(reversed(old.slice(before)), reversed(now.slice(before)));
  return { before, after, come: now.slice(before, now.length - after) };
}

/** How many leading UTF-16 units two texts share, up to the last word boundary. */
function shared(one: string, other: string): number {
  let count = 0;
  while (count < Math.min(one.length, other.length) && one[count] === other[count]) {
    count += 1;
  }
  while (count > 0 && (cutsWord(one, count) || cutsWord(other, count))) {
    count -= 1;
  }
  return count;
}

function cutsWord(text: string, at: number): boolean {
  const [left = '', right = ''] = [text[at - 1], text[at]];
  // A surrogate counts as part of a word, so that a pair is not split.
  return isOfWord(left) && isOfWord(right);
}

function isOfWord(unit: string): boolean {
  return WORD.test(unit) || /[\ud800-\udfff]/.test(unit);
}

function reversed(text: string): string {
  return text.split('').reverse().join('');
}

/** A text of several lines in one line, for a decoration. */
export function inOneLine(text: string): string {
  return text.replace(/\r?\n/g, '⏎');
}
