/** The documents that dgls completes. */

import type { DocumentSelector } from 'vscode-languageclient/node';

const EVENT = 'onLanguage:';

/** Files, unsaved buffers, and notebook cells. */
const SCHEMES = ['file', 'untitled', 'vscode-notebook-cell'];

/** The languages that activate the extension, from the manifest, which has the only list. */
export function languagesOf(manifest: { activationEvents: readonly string[] }): string[] {
  return manifest.activationEvents
    .filter((event) => event.startsWith(EVENT))
    .map((event) => event.slice(EVENT.length));
}

/** The documents that the server is told of. */
export function selectorOf(languages: readonly string[]): DocumentSelector {
  return languages.flatMap((language) => SCHEMES.map((scheme) => ({ language, scheme })));
}
