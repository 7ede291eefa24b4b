import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeOf, inOneLine } from '../src/diff';

const CASES: Array<[old: string, now: string, before: number, after: number, come: string]> = [
  // A name is replaced as a whole, though both end alike.
  ['items', 'lines', 0, 0, 'lines'],
  ['', ', log', 0, 0, ', log'],
  ['    run(job, a)', '    run(job, b)', 13, 1, 'b'],
  ['a = f(x)', 'a = await f(x)', 4, 4, 'await '],
  ['import os\n', '', 0, 0, ''],
  // Neither half of a surrogate pair is parted from the other.
  ['x = "😀"', 'x = "😁"', 5, 1, '😁'],
];

test('an inline diff shows what changes, in whole words', () => {
  for (const [old, now, before, after, come] of CASES) {
    const change = changeOf(old, now);
    assert.deepEqual(change, { before, after, come });
    assert.equal(old.slice(0, before) + come + old.slice(old.length - after), now);
  }
});

test('a text of several lines is shown in one', () => {
  assert.equal(inOneLine('a\r\nb\n'), 'a⏎b⏎');
});
