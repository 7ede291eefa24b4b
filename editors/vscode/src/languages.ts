/** The documents that dgls completes. */

import type { DocumentSelector } from 'vscode-languageclient/node';

const EVENT = 'onLanguage:';

/** Files, buffers without a name, and the cells of notebooks. */
const SCHEMES = ['file', 'untitled', 'vscode-notebook-cell'];

/** The languages whose documents wake the extension, by the manifest: the one list of them. */
export function languagesOf(manifest: { activationEvents: readonly string[] }): string[] {
  return manifest.activationEvents
    .filter((event) => event.startsWith(EVENT))
    .map((event) => event.slice(EVENT.length));
}

/** What the server is told of. */
export function selectorOf(languages: readonly string[]): DocumentSelector {
  return languages.flatMap((language) => SCHEMES.map((scheme) => ({ language, scheme })));
}
