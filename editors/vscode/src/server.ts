/** The server's life cycle: found, started, watched, restarted. */

import { type Disposable, type LogOutputChannel, commands, window, workspace } from 'vscode';
import {
  type ClientCapabilities,
  LanguageClient,
  RevealOutputChannelOn,
  State,
  type StaticFeature,
} from 'vscode-languageclient/node';
import { tellIfNone } from './asked';
import { type Launch, findServer } from './discovery';
import { tellHowToInstall } from './install';
import { InstructionWanted } from './instruct';
import { activeInterpreter } from './interpreter';
import { selectorOf } from './languages';
import type { Report } from './report';
import { SECTION, onlyOfServer } from './settings';
import type { StatusBar } from './statusBar';

const STATUS = 'dgls/status';
const SHOWN_HERE = { dglsStatus: true, dglsExplanation: true };

/** The context key for `when` clauses and the walkthrough. */
const RUNNING = 'dgls.running';

export class Server implements Disposable {
  private current: LanguageClient | undefined;
  private launch: Launch | undefined;
  /** Whether this server has run, so that its next start is a restart. */
  private hasRun = false;

  /** Starts and stops run one after the other, however fast they are requested. */
  private queue: Promise<void> = Promise.resolve();

  constructor(
    private readonly log: LogOutputChannel,
    private readonly bar: StatusBar,
    private readonly languages: readonly string[],
  ) {}

  /** The connection; undefined if the server does not run. */
  get client(): LanguageClient | undefined {
    return this.current?.isRunning() ? this.current : undefined;
  }

  /** Find the program and start it; a running one is stopped first. */
  restart(): Promise<void> {
    return this.inTurn(async () => {
      await this.end();
      await this.begin(await this.find());
    });
  }

  /** Restart if the program would now be different: another environment, another setting. */
  refresh(): Promise<void> {
    return this.inTurn(async () => {
      const launch = await this.find();
      if (JSON.stringify(launch) !== JSON.stringify(this.launch)) {
        await this.end();
        await this.begin(launch);
      }
    });
  }

  stop(): Promise<void> {
    return this.inTurn(() => this.end());
  }

  dispose(): void {
    void this.stop();
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    this.queue = this.queue.then(work).catch((error: unknown) => this.log.error(String(error)));
    return this.queue;
  }

  private async find(): Promise<Launch | undefined> {
    const document = window.activeTextEditor?.document.uri ?? workspace.workspaceFolders?.[0]?.uri;
    return findServer({
      setting: workspace.getConfiguration(SECTION).get<string[]>('server.command', []),
      interpreter: await activeInterpreter(document),
      folders: (workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath),
      path: process.env['PATH'] ?? '',
      isWindows: process.platform === 'win32',
    });
  }

  private async begin(launch: Launch | undefined): Promise<void> {
    this.launch = launch;
    this.hasRun = false;
    if (!launch) {
      this.bar.own('missing');
      void tellHowToInstall();
      return;
    }
    this.log.info(`starting ${launch.command} (from ${launch.from})`);
    this.bar.own('starting');
    const client = this.connect(launch);
    this.current = client;
    try {
      await client.start();
    } catch (error) {
      this.log.error(`${launch.command} does not start: ${String(error)}`);
      this.bar.own('stopped');
    }
  }

  private connect(launch: Launch): LanguageClient {
    const client = new LanguageClient(
      SECTION,
      'dgls',
      {
        command: launch.command,
        args: [...launch.args],
        // Python reads it before dgls: a shell's `PYTHONPATH=.` would import from the project.
        options: { env: { ...process.env, PYTHONPATH: '' } },
      },
      {
        documentSelector: selectorOf(this.languages),
        middleware: { workspace: onlyOfServer, ...tellIfNone },
        outputChannel: this.log,
        revealOutputChannelOn: RevealOutputChannelOn.Never,
      },
    );
    client.registerFeature(new ShownHere());
    client.registerFeature(new InstructionWanted());
    client.onNotification(STATUS, (report: Report) => this.bar.report(report));
    client.onDidChangeState(({ oldState, newState }) => {
      if (client === this.current) {
        this.changed(oldState, newState);
      }
    });
    return client;
  }

  private changed(before: State, now: State): void {
    void commands.executeCommand('setContext', RUNNING, now === State.Running);
    if (now === State.Running) {
      this.hasRun = true;
      this.bar.own('waiting');
    } else if (now === State.Starting && before !== State.Starting) {
      this.bar.own(this.hasRun ? 'restarting' : 'starting');
    } else if (now === State.Stopped) {
      this.bar.own('stopped');
    }
  }

  private async end(): Promise<void> {
    const client = this.current;
    this.current = undefined;
    this.launch = undefined;
    await commands.executeCommand('setContext', RUNNING, false);
    // A server that never started has nothing to stop and rejects.
    await client?.dispose().catch(() => undefined);
  }
}

/** Tells the server that this editor shows `dgls/status` and the answer of `dgls.why`. */
class ShownHere implements StaticFeature {
  fillClientCapabilities(capabilities: ClientCapabilities): void {
    capabilities.experimental = { ...capabilities.experimental, ...SHOWN_HERE };
  }

  initialize(): void {}

  getState(): { kind: 'static' } {
    return { kind: 'static' };
  }

  clear(): void {}
}
