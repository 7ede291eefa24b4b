/** Where the server's program is: the first of several places that has it. */

import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

/** How the server is started: a program, its arguments, and the source of both. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly from: string;
}

/** The inputs of discovery. `interpreter` is the Python of the active environment. */
export interface Places {
  readonly setting: readonly string[];
  readonly interpreter: string | undefined;
  readonly folders: readonly string[];
  readonly path: string;
  readonly isWindows: boolean;
}

const VERB = 'lsp';

/**
 * How to start the server; undefined if no place has it.
 *
 * A setting is used as it is: a missing program is an error that the user should see, not a reason
 * to start another one.
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

/** The folders that may have the program, best first, each with a description. */
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
  // Where pipx and uv put programs; a desktop's PATH often lacks it.
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
