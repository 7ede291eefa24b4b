/** Why there is, or is no, suggestion at the cursor. The server shows what it found. */

import { window } from 'vscode';
import { ExecuteCommandRequest } from 'vscode-languageclient/node';
import type { Server } from './server';

/** Ask the server about the place at the cursor; without an editor, about its last suggestion. */
export async function explain(server: Server): Promise<void> {
  const client = server.client;
  const editor = window.activeTextEditor;
  const place = client && editor && [
    client.code2ProtocolConverter.asUri(editor.document.uri),
    client.code2ProtocolConverter.asPosition(editor.selection.active),
  ];
  await client?.sendRequest(ExecuteCommandRequest.type, {
    command: 'dgls.why',
    arguments: place || [],
  });
}
