import { Disposable, window } from 'vscode';

import type { Server } from './server';

const METHOD = 'dgls/cursor';

/** How long the cursor rests before the server is told, in ms. */
const REST_MS = 500;

/**
 * Tells the server where the cursor rests, so that the first suggestion after a jump is as fast as
 * later ones. The server decides whether that is useful.
 */
export class Cursor implements Disposable {
  private readonly subscription: Disposable;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly server: Server) {
    this.subscription = window.onDidChangeTextEditorSelection(() => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.tell(), REST_MS);
    });
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.subscription.dispose();
  }

  private tell(): void {
    const { client } = this.server;
    const editor = window.activeTextEditor;
    if (!client || !editor?.selection.isEmpty) {
      return;
    }
    const converter = client.code2ProtocolConverter;
    client
      .sendRequest(METHOD, {
        textDocument: converter.asTextDocumentIdentifier(editor.document),
        position: converter.asPosition(editor.selection.active),
      })
      // A server of another version does not know the request.
      .catch(() => undefined);
  }
}
