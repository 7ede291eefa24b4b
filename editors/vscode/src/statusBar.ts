/** The item in the status bar. */

import {
  type Disposable,
  MarkdownString,
  StatusBarAlignment,
  type StatusBarItem,
  ThemeColor,
  window,
} from 'vscode';
import { type Label, type OwnState, type Report, labelOf, ownLabel } from './report';

const BACKGROUND = {
  none: undefined,
  warning: new ThemeColor('statusBarItem.warningBackground'),
  error: new ThemeColor('statusBarItem.errorBackground'),
};

export class StatusBar implements Disposable {
  private readonly item: StatusBarItem;
  private label: Label = ownLabel('starting');

  constructor() {
    this.item = window.createStatusBarItem('dgls.status', StatusBarAlignment.Right, 90);
    this.item.name = 'dgls';
    this.item.command = 'dgls.menu';
    this.draw();
    this.item.show();
  }

  /** The present state in words. */
  get detail(): string {
    return this.label.detail;
  }

  /** Show the server's report. */
  report(report: Report): void {
    this.label = labelOf(report);
    this.draw();
  }

  /** Show the extension's own state. */
  own(state: OwnState): void {
    this.label = ownLabel(state);
    this.draw();
  }

  dispose(): void {
    this.item.dispose();
  }

  private draw(): void {
    const { text, detail, severity } = this.label;
    this.item.text = text;
    this.item.backgroundColor = BACKGROUND[severity];
    // The server's text may contain a file name, so it is shown as plain text, not Markdown.
    this.item.tooltip = new MarkdownString().appendMarkdown('**dgls**\n\n').appendText(detail);
    this.item.accessibilityInformation = { label: `dgls: ${detail}` };
  }
}
