/** Next edits, one at a time: requested after a pause, shown, accepted. */

import {
  type Disposable,
  type Position,
  type TextDocument,
  TextEditorRevealType,
  Selection,
  WorkspaceEdit,
  commands,
  window,
  workspace,
} from 'vscode';
import {
  type Command,
  ExecuteCommandRequest,
  type LanguageClient,
  type Range as LspRange,
} from 'vscode-languageclient/node';
import { NextEditView, type Shown } from './nextEditView';
import type { Server } from './server';

const METHOD = 'textDocument/copilotInlineEdit';
const SHOWN = 'textDocument/didShowInlineEdit';

/** The pause in typing before the server is asked, in ms. */
const PAUSE_MS = 150;

/** `here` if the cursor is in a line of the offered edit, otherwise `elsewhere`. */
const CONTEXT = 'dgls.nextEdit';

/** An offered edit; the title of its command is the reason. */
interface Edit {
  readonly text: string;
  readonly range: LspRange;
  readonly textDocument: { readonly uri: string; readonly version: number };
  readonly command: Command;
}

/** The edit on the screen, and the document whose edits led to it. */
interface Offer extends Shown {
  readonly edit: Edit;
  readonly document: TextDocument;
  readonly origin: TextDocument;
}

export class NextEdit implements Disposable {
  private readonly view = new NextEditView();
  private readonly subscriptions: Disposable[];
  private readonly dismissed = new WeakMap<TextDocument, Set<string>>();
  private offer: Offer | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Whether a change of the text is the acceptance of an offer. */
  private isApplying = false;

  constructor(private readonly server: Server) {
    this.subscriptions = [
      workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.length > 0 && !this.isApplying) {
          this.changed(document);
        }
      }),
      window.onDidChangeTextEditorSelection(() => this.tell()),
      window.onDidChangeVisibleTextEditors(() => this.offer && this.view.show(this.offer)),
    ];
  }

  /** Move the cursor to the offered edit. */
  async jump(): Promise<void> {
    const offer = this.current();
    if (offer) {
      const editor = await window.showTextDocument(offer.document);
      editor.selection = new Selection(offer.range.start, offer.range.start);
      editor.revealRange(offer.range, TextEditorRevealType.InCenterIfOutsideViewport);
    }
  }

  /** Apply the offered edit, and ask for the next one. */
  async accept(): Promise<void> {
    const offer = this.current();
    if (!offer) {
      return;
    }
    this.clear();
    const edit = new WorkspaceEdit();
    edit.replace(offer.uri, offer.range, offer.text);
    this.isApplying = true;
    try {
      await workspace.applyEdit(edit);
    } finally {
      this.isApplying = false;
    }
    const { command, arguments: given } = offer.edit.command;
    await this.server.client?.sendRequest(ExecuteCommandRequest.type, {
      command,
      arguments: given ?? [],
    });
    await this.ask(offer.origin);
  }

  /** Stop offering this change, at all its places. */
  dismiss(): void {
    const offer = this.current();
    if (offer) {
      const refused = this.dismissed.get(offer.origin) ?? new Set();
      this.dismissed.set(offer.origin, refused.add(nameOf(offer.edit)));
      this.clear();
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.clear();
    this.view.dispose();
    for (const each of this.subscriptions) {
      each.dispose();
    }
  }

  /** The text has changed, so the offer is no longer valid. */
  private changed(document: TextDocument): void {
    if (!window.visibleTextEditors.some((editor) => editor.document === document)) {
      return;
    }
    this.clear();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.ask(document), PAUSE_MS);
  }

  private async ask(document: TextDocument): Promise<void> {
    const { client } = this.server;
    if (!client || document.isClosed) {
      return;
    }
    const { version } = document;
    const answer = await client
      .sendRequest<{ edits: Edit[] } | null>(METHOD, {
        textDocument: client.code2ProtocolConverter.asVersionedTextDocumentIdentifier(document),
        position: client.code2ProtocolConverter.asPosition(cursorIn(document)),
      })
      // A server of another version does not know the request.
      .catch(() => null);
    if (answer && document.version === version) {
      this.take(answer.edits, document, client);
    }
  }

  /** Show the nearest edit that was not dismissed. */
  private take(edits: readonly Edit[], origin: TextDocument, client: LanguageClient): void {
    this.clear();
    if (edits.length === 0) {
      this.dismissed.delete(origin);
    }
    const refused = this.dismissed.get(origin);
    for (const edit of edits.filter((each) => !refused?.has(nameOf(each)))) {
      const offer = offerOf(edit, origin, client);
      if (offer) {
        this.offer = offer;
        this.view.show(offer);
        this.tell();
        void client.sendNotification(SHOWN, { item: { command: edit.command } });
        return;
      }
    }
  }

  /** The offer on the screen, unless its document has changed since. */
  private current(): Offer | undefined {
    const { offer } = this;
    if (offer && offer.document.version !== offer.edit.textDocument.version) {
      this.clear();
    }
    return this.offer;
  }

  private clear(): void {
    this.offer = undefined;
    this.view.clear();
    this.tell();
  }

  /** Tell the key bindings whether the cursor is at the offered edit. */
  private tell(): void {
    void commands.executeCommand('setContext', CONTEXT, this.offer && placeOf(this.offer));
  }
}

/** The offer of an edit; undefined if its document has changed since or is not open. */
function offerOf(edit: Edit, origin: TextDocument, client: LanguageClient): Offer | undefined {
  const uri = client.protocol2CodeConverter.asUri(edit.textDocument.uri);
  const document = workspace.textDocuments.find((each) => each.uri.toString() === uri.toString());
  if (document?.version !== edit.textDocument.version) {
    return undefined;
  }
  const range = client.protocol2CodeConverter.asRange(edit.range);
  return { edit, origin, document, uri, range, text: edit.text, why: edit.command.title };
}

function nameOf(edit: Edit): string {
  return JSON.stringify([edit.command.title, edit.text]);
}

function cursorIn(document: TextDocument): Position {
  const editor = window.visibleTextEditors.find((each) => each.document === document);
  return editor?.selection.active ?? document.positionAt(0);
}

function placeOf(offer: Offer): 'here' | 'elsewhere' {
  const editor = window.activeTextEditor;
  const line = editor?.selection.active.line ?? -1;
  const { start, end } = offer.range;
  const last = end.character === 0 && end.line > start.line ? end.line - 1 : end.line;
  const isHere = editor?.document === offer.document && start.line <= line && line <= last;
  return isHere ? 'here' : 'elsewhere';
}
