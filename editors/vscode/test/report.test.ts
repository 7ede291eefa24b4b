import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Report, labelOf } from '../src/report';

const CASES: Array<[Report, string, string]> = [
  [{ state: 'loading', percent: 40, message: 'weights' }, '$(loading~spin) dgls 40 %', 'weights'],
  [{ state: 'ready' }, '$(check) dgls', ''],
  [
    { state: 'ready', p50_ms: 120, line: 'Small, 2 cores, usually 120 ms' },
    '$(check) dgls',
    'Small, 2 cores, usually 120 ms',
  ],
  [
    { state: 'ready', quiet: 'comment', line: 'Small; quiet here: comment' },
    '$(dash) dgls',
    'Small; quiet here: comment',
  ],
  [
    { state: 'ready', quiet: 'comment', doing: 'filling', line: 'filling now; Small' },
    '$(loading~spin) dgls',
    'filling now; Small',
  ],
  [{ state: 'slow', message: 'it is slow', line: 'slow' }, '$(watch) dgls', 'slow'],
  [{ state: 'off', message: 'paused', model: 'm' }, '$(circle-slash) dgls', 'paused'],
  [{ state: 'failed', message: 'do this' }, '$(error) dgls', 'do this'],
];

test('every state has a mark and says what a person wants to know', () => {
  for (const [report, text, detail] of CASES) {
    const label = labelOf(report);
    assert.deepEqual([label.text, label.detail], [text, detail]);
    assert.equal(label.severity, report.state === 'failed' ? 'error' : 'none');
  }
});
