/** The server's state in the status bar. Knows no VS Code. */

/** The parameters of the notification `dgls/status`; docs/configuration.md describes them. */
export interface Report {
  readonly state: 'loading' | 'ready' | 'slow' | 'off' | 'failed';
  readonly message?: string;
  readonly percent?: number;
  readonly model?: string;
  readonly device?: string;
  readonly p50_ms?: number;
  /** All of it in one line. */
  readonly line?: string;
  /** Why nothing was suggested at the cursor just now. */
  readonly quiet?: string;
  /** What the user asked for and waits for. */
  readonly doing?: string;
}

/** The extension's own state, while no server reports. */
export type OwnState = 'starting' | 'waiting' | 'missing' | 'stopped' | 'restarting';

/** The text in the status bar, and the details in its tooltip. */
export interface Label {
  readonly text: string;
  readonly detail: string;
  readonly severity: 'none' | 'warning' | 'error';
}

/** The label of a report. */
export function labelOf(report: Report): Label {
  const detail = report.line ?? report.message ?? '';
  if (report.doing) {
    return label('$(loading~spin) dgls', detail);
  }
  switch (report.state) {
    case 'loading':
      return label(`$(loading~spin) dgls ${report.percent ?? 0} %`, detail);
    case 'ready':
      return label(report.quiet ? '$(dash) dgls' : '$(check) dgls', detail);
    case 'slow':
      return label('$(watch) dgls', detail);
    case 'off':
      return label('$(circle-slash) dgls', detail);
    case 'failed':
      return label('$(error) dgls', detail, 'error');
  }
}

/** The label of the extension's own state. */
export function ownLabel(state: OwnState): Label {
  switch (state) {
    case 'starting':
      return label('$(loading~spin) dgls', 'the server is starting');
    case 'waiting':
      return label('$(check) dgls', 'the model will load when it is first needed');
    case 'restarting':
      return label('$(sync~spin) dgls', 'the server ended and is restarting');
    case 'missing':
      return label('$(warning) dgls', 'the server is not installed', 'warning');
    case 'stopped':
      return label('$(error) dgls', 'the server is not running; restart it from the menu', 'error');
  }
}

function label(text: string, detail: string, severity: Label['severity'] = 'none'): Label {
  return { text, detail, severity };
}
