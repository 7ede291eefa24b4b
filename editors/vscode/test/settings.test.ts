import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LEVELS, drawn, nearest, percentOf } from '../src/levels';
import { onlyOfServer } from '../src/settings';

test('the server is not told of the extension’s own settings', async () => {
  const asked = { items: [{ section: 'dgls' }, { section: 'other' }] };
  const values = [{ server: { command: ['x'] }, show: { automatic: false } }, { server: 1 }];
  const token = { isCancellationRequested: false } as never;
  const answer = await onlyOfServer.configuration?.(asked, token, () => values);
  assert.deepEqual(answer, [{ show: { automatic: false } }, { server: 1 }]);
});

test('a typed strength is a whole number of percent', () => {
  for (const [text, percent] of [['35', 35], [' 7 % ', 7], ['100', 100]] as const) {
    assert.equal(percentOf(text), percent);
  }
  for (const text of ['', '0', '101', '3.5', '-1', 'much']) {
    assert.equal(percentOf(text), undefined);
  }
});

test('the slider starts at the level that is nearest to the last choice', () => {
  assert.equal(nearest(33), 40);
  assert.equal(nearest(1), LEVELS[0]?.[0]);
  assert.equal(drawn(40), '████░░░░░░ 40 %');
});
