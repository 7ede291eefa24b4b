/** The menu of the status bar's item. */

import { type QuickPickItem, QuickPickItemKind, commands, window } from 'vscode';
import type { Server } from './server';
import type { StatusBar } from './statusBar';

interface Entry extends QuickPickItem {
  readonly command?: string;
}

const WHILE_RUNNING: readonly Entry[] = [
  { label: '$(sparkle) Fill here', command: 'dgls.fillHere' },
  { label: '$(edit) Rewrite the selection…', command: 'dgls.rewriteSelection' },
  { label: '$(question) Why this suggestion, or why not?', command: 'dgls.explain' },
  { label: '$(debug-pause) Pause suggestions…', command: 'dgls.pause' },
  { label: '$(debug-continue) Resume suggestions', command: 'dgls.unpause' },
];

const ALWAYS: readonly Entry[] = [
  { label: '$(gear) Settings', command: 'dgls.openSettings' },
  { label: '$(output) Log', command: 'dgls.showLog' },
  { label: '$(debug-restart) Restart the server', command: 'dgls.restart' },
  { label: '$(book) Walkthrough', command: 'dgls.openWalkthrough' },
];

/** Show the state and the possible actions, and run the chosen one. */
export async function showMenu(server: Server, bar: StatusBar): Promise<void> {
  const state: Entry = { label: bar.detail, kind: QuickPickItemKind.Separator };
  const version = server.client?.initializeResult?.serverInfo?.version;
  const entries = [state, ...(server.client ? WHILE_RUNNING : []), ...ALWAYS];
  const chosen = await window.showQuickPick(entries, {
    title: version ? `dgls ${version}` : 'dgls',
  });
  // The click left the focus on the status bar, where the next key would reopen the menu.
  await commands.executeCommand('workbench.action.focusActiveEditorGroup');
  if (chosen?.command) {
    await commands.executeCommand(chosen.command);
  }
}
