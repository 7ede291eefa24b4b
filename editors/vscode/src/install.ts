/** Messages for a missing server. */

import { commands, window } from 'vscode';

const WALKTHROUGH = 'dgls.dgls#start';
const SETTING = 'dgls.server.command';

/** Report that the program is missing and offer the two solutions. */
export async function tellHowToInstall(): Promise<void> {
  const how = 'How to install it';
  const choose = 'Choose the program';
  const chosen = await window.showWarningMessage(
    'dgls: the program "dgls" is neither in the active Python environment nor in .venv nor on the ' +
      'PATH, so there are no suggestions. Install it, or choose where it is.',
    how,
    choose,
  );
  if (chosen === how) {
    await openWalkthrough();
  } else if (chosen === choose) {
    await openSettings(SETTING);
  }
}

/** Open the walkthrough, which begins with the installation. */
export async function openWalkthrough(): Promise<void> {
  await commands.executeCommand('workbench.action.openWalkthrough', WALKTHROUGH, false);
}

/** Open the settings of the extension, or one of them. */
export async function openSettings(query = '@ext:dgls.dgls'): Promise<void> {
  await commands.executeCommand('workbench.action.openSettings', query);
}
