/** Edits by instruction: a box for the instruction, then the difference, which the user confirms. */

import {
  ProgressLocation,
  Range,
  type TextDocument,
  Uri,
  WorkspaceEdit,
  window,
  workspace,
} from 'vscode';
import {
  type ClientCapabilities,
  ExecuteCommandRequest,
  type LanguageClient,
  type StaticFeature,
  type TextEdit,
  type Range as WireRange,
} from 'vscode-languageclient/node';
import type { Server } from './server';

/** Tells the server that this editor asks for instructions and shows the resulting edits. */
export class InstructionWanted implements StaticFeature {
  fillClientCapabilities(capabilities: ClientCapabilities): void {
    capabilities.experimental = { ...capabilities.experimental, dglsInstruction: true };
  }

  getState(): { kind: 'static' } {
    return { kind: 'static' };
  }

  initialize(): void {}

  clear(): void {}
}

interface Made {
  readonly edit: TextEdit;
  readonly model: string;
}

/** Ask for an instruction for a range, else for the selection, and edit by it. */
export async function editByInstruction(
  server: Server,
  uri?: string,
  range?: WireRange,
): Promise<void> {
  const client = server.client;
  if (!client) {
    void window.showWarningMessage('dgls: the server is not running; nothing was changed.');
    return;
  }
  const place = placeOf(client, uri, range);
  if (!place || place.range.isEmpty) {
    void window.showInformationMessage('dgls: first select the code to edit.');
    return;
  }
  const instruction = await window.showInputBox({
    title: 'dgls: edit by instruction',
    placeHolder: 'Such as: add types',
  });
  const document = await workspace.openTextDocument(place.uri);
  const { version } = document;
  const made = instruction?.trim() && (await ask(client, document, place.range, instruction));
  if (!made) {
    return;
  }
  if (document.version !== version) {
    void window.showWarningMessage(
      'dgls: the document has changed meanwhile, so it was left as it is; ask again.',
    );
    return;
  }
  const edit = new WorkspaceEdit();
  edit.replace(
    document.uri,
    client.protocol2CodeConverter.asRange(made.edit.range),
    made.edit.newText,
    // Shown as a difference (Refactor Preview) before it is applied.
    { needsConfirmation: true, label: `dgls: ${instruction}`, description: made.model },
  );
  await workspace.applyEdit(edit);
}

function placeOf(
  client: LanguageClient,
  uri?: string,
  range?: WireRange,
): { uri: Uri; range: Range } | undefined {
  if (uri && range) {
    return { uri: Uri.parse(uri), range: client.protocol2CodeConverter.asRange(range) };
  }
  const editor = window.activeTextEditor;
  return editor && { uri: editor.document.uri, range: editor.selection };
}

/** The server's edit; undefined if there is none, which the user is told. */
async function ask(
  client: LanguageClient,
  document: TextDocument,
  range: Range,
  instruction: string,
): Promise<Made | undefined> {
  const convert = client.code2ProtocolConverter;
  const wanted = {
    command: 'dgls.edit',
    arguments: [convert.asUri(document.uri), convert.asRange(range), instruction],
  };
  return window.withProgress(
    { location: ProgressLocation.Notification, title: `dgls: ${instruction}`, cancellable: true },
    async (_, token) => {
      try {
        return (await client.sendRequest(ExecuteCommandRequest.type, wanted, token)) as Made;
      } catch (error) {
        if (!token.isCancellationRequested) {
          const why = error instanceof Error ? error.message : String(error);
          void window.showWarningMessage(`dgls: ${why}`);
        }
        return undefined;
      }
    },
  );
}
