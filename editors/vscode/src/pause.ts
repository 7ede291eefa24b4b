/** Turns suggestions off for a while, for a language or for everything, and on again. */

import { ConfigurationTarget, type QuickPickItem, window, workspace } from 'vscode';
import { ExecuteCommandRequest } from 'vscode-languageclient/node';
import type { Server } from './server';
import { SECTION } from './settings';

interface Choice extends QuickPickItem {
  readonly act: () => Promise<void>;
}

/** Ask for how long or for which language, and pause. */
export async function pause(server: Server): Promise<void> {
  const language = window.activeTextEditor?.document.languageId;
  const choices: Choice[] = [
    { label: 'For 15 minutes', act: () => snooze(server, 15) },
    { label: 'For an hour', act: () => snooze(server, 60) },
    { label: 'For the day', act: () => snooze(server, 12 * 60) },
    { label: 'Until I resume', act: () => set('show.automatic', false) },
  ];
  if (language) {
    choices.push({ label: `In ${language} files`, act: () => setLanguageOff(language, true) });
  }
  const chosen = await window.showQuickPick(choices, { title: 'Pause suggestions' });
  await chosen?.act();
}

/** End every pause by `pause` that affects the visible file. */
export async function unpause(server: Server): Promise<void> {
  await snooze(server, 0);
  if (!workspace.getConfiguration(SECTION).get('show.automatic', true)) {
    await set('show.automatic', undefined);
  }
  const language = window.activeTextEditor?.document.languageId;
  if (language) {
    await setLanguageOff(language, false);
  }
}

async function snooze(server: Server, minutes: number): Promise<void> {
  await server.client?.sendRequest(ExecuteCommandRequest.type, {
    command: minutes > 0 ? 'dgls.snooze' : 'dgls.resume',
    arguments: minutes > 0 ? [minutes] : [],
  });
}

async function setLanguageOff(language: string, off: boolean): Promise<void> {
  const before = workspace.getConfiguration(SECTION).get<string[]>('show.languages_off', []);
  if (before.includes(language) !== off) {
    const others = before.filter((each) => each !== language);
    await set('show.languages_off', off ? [...others, language] : others);
  }
}

/** Write a setting into the user's settings; undefined removes it. */
async function set(name: string, value: unknown): Promise<void> {
  await workspace.getConfiguration(SECTION).update(name, value, ConfigurationTarget.Global);
}
