/** An offered edit on the screen: the old text struck through, the new text, and the reason. */

import {
  type DecorationOptions,
  type Disposable,
  MarkdownString,
  Range,
  StatusBarAlignment,
  type StatusBarItem,
  type TextEditor,
  ThemeColor,
  Uri,
  window,
} from 'vscode';
import { changeOf, inOneLine } from './diff';

/** The shown edit: in the document `uri`, `range` becomes `text`, because of `why`. */
export interface Shown {
  readonly uri: Uri;
  readonly range: Range;
  readonly text: string;
  readonly why: string;
}

const COMMANDS = {
  Jump: 'dgls.nextEdit.jump',
  Accept: 'dgls.nextEdit.accept',
  Dismiss: 'dgls.nextEdit.dismiss',
};

export class NextEditView implements Disposable {
  private readonly goes = window.createTextEditorDecorationType({
    textDecoration: 'line-through',
    backgroundColor: new ThemeColor('diffEditor.removedTextBackground'),
  });
  private readonly comes = window.createTextEditorDecorationType({});
  private readonly reason = window.createTextEditorDecorationType({});
  private readonly item: StatusBarItem;

  constructor() {
    this.item = window.createStatusBarItem('dgls.nextEdit', StatusBarAlignment.Right, 89);
    this.item.name = 'dgls: next edit';
    this.item.command = COMMANDS.Jump;
  }

  /** Show an edit in the editors that have its document, and in the status bar. */
  show(shown: Shown): void {
    for (const editor of window.visibleTextEditors) {
      if (editor.document.uri.toString() === shown.uri.toString()) {
        this.draw(editor, shown);
      }
    }
    const line = shown.range.start.line + 1;
    const isHere = window.activeTextEditor?.document.uri.toString() === shown.uri.toString();
    const place = isHere ? `line ${line}` : `${shown.uri.path.split('/').pop()}:${line}`;
    this.item.text = `$(arrow-right) ${place}`;
    this.item.tooltip = hoverOf(shown);
    this.item.accessibilityInformation = { label: `dgls: next edit in ${place}: ${shown.why}` };
    this.item.show();
  }

  /** Remove everything from the screen. */
  clear(): void {
    for (const editor of window.visibleTextEditors) {
      for (const type of [this.goes, this.comes, this.reason]) {
        editor.setDecorations(type, []);
      }
    }
    this.item.hide();
  }

  dispose(): void {
    for (const each of [this.goes, this.comes, this.reason, this.item]) {
      each.dispose();
    }
  }

  private draw(editor: TextEditor, shown: Shown): void {
    const { document } = editor;
    const start = document.offsetAt(shown.range.start);
    const end = document.offsetAt(shown.range.end);
    const change = changeOf(document.getText(shown.range), shown.text);
    const first = document.positionAt(start + change.before);
    const last = document.positionAt(end - change.after);
    const hoverMessage = hoverOf(shown);
    const goes = first.isEqual(last) ? [] : [{ range: new Range(first, last), hoverMessage }];
    const comes = change.come ? [attached(new Range(last, last), change.come, 'new')] : [];
    const lineEnd = document.lineAt(first.line).range.end;
    editor.setDecorations(this.goes, goes);
    editor.setDecorations(this.comes, comes);
    editor.setDecorations(this.reason, [attached(new Range(lineEnd, lineEnd), shown.why, 'why')]);
  }
}

/** A text after a position, which is not part of the document. */
function attached(range: Range, text: string, kind: 'new' | 'why'): DecorationOptions {
  const look =
    kind === 'new'
      ? { backgroundColor: new ThemeColor('diffEditor.insertedTextBackground') }
      : { color: new ThemeColor('editorCodeLens.foreground'), margin: '0 0 0 2em' };
  return { range, renderOptions: { after: { contentText: inOneLine(text), ...look } } };
}

/** The reason and the commands. The reason contains names from code, so it is not Markdown. */
function hoverOf(shown: Shown): MarkdownString {
  const links = Object.entries(COMMANDS).map(([title, command]) => `[${title}](command:${command})`);
  const hover = new MarkdownString('**dgls** ').appendText(shown.why);
  hover.appendMarkdown(`\n\n${links.join(' · ')}`);
  hover.isTrusted = { enabledCommands: Object.values(COMMANDS) };
  return hover;
}
