/** The Python environment chosen in the Python extension, if that is installed. */

import { PythonExtension } from '@vscode/python-extension';
import { type Disposable, type Uri, extensions } from 'vscode';

const EXTENSION = 'ms-python.python';

/** The path of the active environment's interpreter; undefined if unknown. */
export async function activeInterpreter(resource: Uri | undefined): Promise<string | undefined> {
  const environments = (await pythonExtension())?.environments;
  if (!environments) {
    return undefined;
  }
  const path = environments.getActiveEnvironmentPath(resource);
  const environment = await environments.resolveEnvironment(path);
  return environment?.executable.uri?.fsPath;
}

/** Calls back when the user chooses another environment. */
export async function onOtherInterpreter(callback: () => void): Promise<Disposable | undefined> {
  return (await pythonExtension())?.environments.onDidChangeActiveEnvironmentPath(callback);
}

/** The extension's interface; undefined if it is missing or does not start. */
async function pythonExtension(): Promise<PythonExtension | undefined> {
  if (!extensions.getExtension(EXTENSION)) {
    return undefined;
  }
  try {
    return await PythonExtension.api();
  } catch {
    return undefined;
  }
}
