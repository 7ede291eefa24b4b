/** The settings under "dgls" that are for the server. */

import type { Middleware } from 'vscode-languageclient/node';

export const SECTION = 'dgls';

/** The extension's own sections, which the server would report as unknown. */
const OWN = new Set(['server', 'trace']);

/** The settings under "dgls" without those of the extension. */
export function ofServer(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  return Object.fromEntries(Object.entries(value).filter(([name]) => !OWN.has(name)));
}

/** Keeps the extension's own settings out of the answers to `workspace/configuration`. */
export const onlyOfServer: NonNullable<Middleware['workspace']> = {
  configuration: async (params, token, next) => {
    const values = await next(params, token);
    if (!Array.isArray(values)) {
      return values;
    }
    return values.map((value, index) =>
      params.items[index]?.section === SECTION ? ofServer(value) : value,
    );
  },
};
