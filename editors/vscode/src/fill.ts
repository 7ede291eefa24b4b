/** Fills and rewrites on request. */

import {
  type CodeAction as EditorAction,
  type ExtensionContext,
  ProgressLocation,
  type TextEditor,
  commands,
  window,
  workspace,
} from 'vscode';
import {
  type CodeAction,
  CodeActionRequest,
  CodeActionResolveRequest,
  type LanguageClient,
} from 'vscode-languageclient/node';
import type { Server } from './server';
import { askStrength } from './strength';

const FILL = 'refactor.rewrite.dgls.fill';
const REWRITE = 'refactor.rewrite.dgls.selection';

/** Fill the hole at the cursor; without one, trigger a suggestion there. */
export async function fillHere(server: Server): Promise<void> {
  const editor = window.activeTextEditor;
  if (!editor || !isRunning(server)) {
    return;
  }
  const holes = await commands.executeCommand<EditorAction[]>(
    'vscode.executeCodeActionProvider',
    editor.document.uri,
    editor.selection,
    FILL,
  );
  if (holes.length > 0) {
    await commands.executeCommand('editor.action.codeAction', { kind: FILL, apply: 'ifSingle' });
  } else {
    await commands.executeCommand('editor.action.inlineSuggest.trigger');
  }
}

/** Ask how much of the selection may change, and rewrite it. */
export async function rewriteSelection(server: Server, context: ExtensionContext): Promise<void> {
  const editor = window.activeTextEditor;
  const client = isRunning(server);
  if (!editor || !client) {
    return;
  }
  const action = await listed(client, editor);
  if (!action) {
    void window.showInformationMessage('dgls: first select the code to rewrite.');
    return;
  }
  const strength = await askStrength(context.globalState);
  if (strength !== undefined) {
    await rewrite(client, { ...action, data: { ...action.data, strength } });
  }
}

/** The action that rewrites the selection, without its edit. */
async function listed(client: LanguageClient, editor: TextEditor): Promise<CodeAction | undefined> {
  const actions = await client.sendRequest(CodeActionRequest.type, {
    textDocument: client.code2ProtocolConverter.asTextDocumentIdentifier(editor.document),
    range: client.code2ProtocolConverter.asRange(editor.selection),
    context: { diagnostics: [], only: [REWRITE] },
  });
  return (actions ?? []).find((action): action is CodeAction => 'data' in action);
}

/** Let the server make the action's edit and apply it; the user may cancel meanwhile. */
async function rewrite(client: LanguageClient, action: CodeAction): Promise<void> {
  await window.withProgress(
    { location: ProgressLocation.Notification, title: 'dgls: rewriting', cancellable: true },
    async (_, token) => {
      try {
        const made = await client.sendRequest(CodeActionResolveRequest.type, action, token);
        // Without an edit the server has shown the reason.
        const edit = await client.protocol2CodeConverter.asWorkspaceEdit(made.edit);
        if (edit && !token.isCancellationRequested) {
          await workspace.applyEdit(edit);
        }
      } catch (error) {
        if (!token.isCancellationRequested) {
          throw error;
        }
      }
    },
  );
}

/** The connection; without one, the user is told. */
function isRunning(server: Server): LanguageClient | undefined {
  if (!server.client) {
    void window.showWarningMessage('dgls: the server is not running; nothing was changed.');
  }
  return server.client;
}
