/** Shows in a dialog why there is, or is not, a suggestion at the cursor. */

import { ProgressLocation, window } from 'vscode';
import { ExecuteCommandRequest } from 'vscode-languageclient/node';
import type { Server } from './server';

const ASKING = { location: ProgressLocation.Notification, title: 'dgls: asking the model twice' };

/** Ask the server about the place at the cursor; without an editor, about its last suggestion. */
export async function explain(server: Server): Promise<void> {
  const client = server.client;
  const editor = window.activeTextEditor;
  const place = client && editor && [
    client.code2ProtocolConverter.asUri(editor.document.uri),
    client.code2ProtocolConverter.asPosition(editor.selection.active),
  ];
  const asked = { command: 'dgls.why', arguments: place || [] };
  const found = (await window.withProgress(ASKING, async () =>
    client?.sendRequest(ExecuteCommandRequest.type, asked),
  )) as { text: string } | null | undefined;
  if (found) {
    // A notification has one line and disappears after a moment.
    const [outcome = '', ...details] = found.text.split('\n');
    void window.showInformationMessage(outcome, { modal: true, detail: details.join('\n') });
  }
}
