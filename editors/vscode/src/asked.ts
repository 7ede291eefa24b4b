/** A message for a user who asked for a suggestion and gets none. */

import { InlineCompletionTriggerKind, window } from 'vscode';
import type { Middleware } from 'vscode-languageclient/node';

const SHOWN_MS = 5000;

/** Passes suggestions on; if an explicit request gets none, the status bar says so. */
export const tellIfNone: Pick<Middleware, 'provideInlineCompletionItems'> = {
  provideInlineCompletionItems: async (document, position, context, token, next) => {
    const found = await next(document, position, context, token);
    const items = Array.isArray(found) ? found : (found?.items ?? []);
    const asked = context.triggerKind === InlineCompletionTriggerKind.Invoke;
    if (asked && items.length === 0 && !token.isCancellationRequested) {
      window.setStatusBarMessage('dgls: nothing fits here', SHOWN_MS);
    }
    return found;
  },
};
