import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { test } from 'node:test';
import { type Places, findServer } from '../src/discovery';

const NOWHERE: Places = {
  setting: [],
  interpreter: undefined,
  folders: [],
  path: '',
  isWindows: false,
};

const HOME = `${homedir()}/.local/bin/dgls`;

/** What is started, where these programs exist. */
function started(places: Partial<Places>, ...programs: string[]): string | undefined {
  const found = findServer({ ...NOWHERE, ...places }, (path) => programs.includes(path));
  return found && [found.command, ...found.args].join(' ');
}

test('the active environment, the folder’s, the PATH and the home come in this order', () => {
  const places = { interpreter: '/env/bin/python', folders: ['/project'], path: '/bin:/usr/bin' };
  const programs = [
    '/env/bin/dgls',
    '/project/.venv/bin/dgls',
    '/project/venv/bin/dgls',
    '/bin/dgls',
    '/usr/bin/dgls',
    HOME,
  ];
  for (const [index, program] of programs.entries()) {
    assert.equal(started(places, ...programs.slice(index)), `${program} lsp`);
  }
  assert.equal(started(places), undefined);
});

test('a setting is taken at its word, its arguments before the verb', () => {
  assert.equal(started({ setting: ['/x/dgls'] }, HOME), '/x/dgls lsp');
  assert.equal(started({ setting: ['uv', 'run', 'dgls'] }), 'uv run dgls lsp');
  assert.equal(started({ setting: ['~/x/dgls'] }), `${homedir()}/x/dgls lsp`);
});

test('on Windows programs have another folder and name', () => {
  const found = findServer({ ...NOWHERE, folders: ['/project'], isWindows: true }, () => true);
  assert.equal(found?.command, '/project/.venv/Scripts/dgls.exe');
});
