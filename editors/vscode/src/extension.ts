/** The entry points for VS Code: puts the parts together. */

import { type ExtensionContext, commands, window, workspace } from 'vscode';
import type { Range } from 'vscode-languageclient/node';
import { Cursor } from './cursor';
import { explain } from './explain';
import { fillHere, rewriteSelection } from './fill';
import { openSettings, openWalkthrough } from './install';
import { editByInstruction } from './instruct';
import { onOtherInterpreter } from './interpreter';
import { languagesOf } from './languages';
import { showMenu } from './menu';
import { NextEdit } from './nextEdit';
import { pause, unpause } from './pause';
import { Server } from './server';
import { SECTION } from './settings';
import { StatusBar } from './statusBar';

let running: Server | undefined;

export async function activate(context: ExtensionContext): Promise<void> {
  const log = window.createOutputChannel('dgls', { log: true });
  const bar = new StatusBar();
  const languages = languagesOf(context.extension.packageJSON);
  const server = new Server(log, bar, languages);
  running = server;
  const nextEdit = new NextEdit(server);
  context.subscriptions.push(log, bar, nextEdit, new Cursor(server));
  // The editor's menus depend on this.
  void commands.executeCommand('setContext', `${SECTION}.languages`, languages);

  const register = (name: string, callback: () => unknown): void => {
    context.subscriptions.push(commands.registerCommand(`${SECTION}.${name}`, callback));
  };
  register('fillHere', () => fillHere(server));
  register('rewriteSelection', () => rewriteSelection(server, context));
  context.subscriptions.push(
    commands.registerCommand(`${SECTION}.editByInstruction`, (uri?: string, range?: Range) =>
      editByInstruction(server, uri, range),
    ),
  );
  register('nextCandidate', () => commands.executeCommand('editor.action.inlineSuggest.showNext'));
  register('nextEdit.jump', () => nextEdit.jump());
  register('nextEdit.accept', () => nextEdit.accept());
  register('nextEdit.dismiss', () => nextEdit.dismiss());
  register('explain', () => explain(server));
  register('pause', () => pause(server));
  register('unpause', () => unpause(server));
  register('menu', () => showMenu(server, bar));
  register('showLog', () => log.show());
  register('restart', () => server.restart());
  register('openSettings', () => openSettings());
  register('openWalkthrough', () => openWalkthrough());

  context.subscriptions.push(
    workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration(`${SECTION}.server`)) {
        void server.refresh();
      }
    }),
  );
  await server.restart();
  const watched = await onOtherInterpreter(() => void server.refresh());
  if (watched) {
    context.subscriptions.push(watched);
  }
}

/** VS Code waits for the server's end, so that no process is left. */
export async function deactivate(): Promise<void> {
  await running?.stop();
}
