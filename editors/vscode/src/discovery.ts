/** Where the server's program is: the first of several places that has it. */

import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

/** How the server is started: a program and its arguments, and who named it. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly from: string;
}

/** What discovery looks at. `interpreter` is the Python of the active environment. */
export interface Places {
  readonly setting: readonly string[];
  readonly interpreter: string | undefined;
  readonly folders: readonly string[];
  readonly path: string;
  readonly isWindows: boolean;
}

const VERB = 'lsp';

/**
 * The way to start the server, undefined where no place has it.
 *
 * A setting is taken at its word: a program that is not there is an error that the user wants to
 * hear of, not a reason to start another one.
 */
export function findServer(
  places: Places,
  isProgram: (path: string) => boolean = isExecutable,
): Launch | undefined {
  const [program, ...args] = places.setting;
  if (program) {
    return { command: withHome(program), args: [...args, VERB], from: 'dgls.server.command' };
  }
  for (const [folder, from] of candidates(places)) {
    const command = join(folder, places.isWindows ? 'dgls.exe' : 'dgls');
    if (isProgram(command)) {
      return { command, args: [VERB], from };
    }
  }
  return undefined;
}

/** The folders that may hold the program, best first, each with what it is. */
function* candidates(places: Places): Generator<[string, string]> {
  const programs = places.isWindows ? 'Scripts' : 'bin';
  if (places.interpreter) {
    yield [dirname(places.interpreter), 'the active Python environment'];
  }
  for (const folder of places.folders) {
    for (const name of ['.venv', 'venv']) {
      yield [join(folder, name, programs), `${name} of the workspace`];
    }
  }
  for (const folder of places.path.split(delimiter).filter(Boolean)) {
    yield [folder, 'the PATH'];
  }
  // Where pipx and uv put programs; a PATH that a desktop gives often lacks it.
  yield [join(homedir(), '.local', 'bin'), '~/.local/bin'];
}

function withHome(program: string): string {
  return program.replace(/^~(?=[/\\])/, homedir());
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
