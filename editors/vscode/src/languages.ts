/** The documents that dgls completes; a test holds the list to the server's own. */

import type { DocumentSelector } from 'vscode-languageclient/node';

/** Language identifiers of VS Code. `activationEvents` in package.json has the same. */
export const LANGUAGES: readonly string[] = ['python'];

/** Files, buffers without a name, and the cells of notebooks. */
const SCHEMES = ['file', 'untitled', 'vscode-notebook-cell'];

export const SELECTOR: DocumentSelector = LANGUAGES.flatMap((language) =>
  SCHEMES.map((scheme) => ({ language, scheme })),
);
