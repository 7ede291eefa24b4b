/** The slider for how much of a selection is noised before it is denoised. */

import { type Memento, type QuickPickItem, window } from 'vscode';
import { LEVELS, drawn, nearest, percentOf } from './levels';

const KEY = 'dgls.strength';
const USUAL = 60;

interface Row extends QuickPickItem {
  readonly percent: number;
}

/** The strength that the user chooses, 0 to 1; undefined if they cancel. */
export async function askStrength(memory: Memento): Promise<number | undefined> {
  const percent = await slider(memory.get<number>(KEY, USUAL));
  if (percent === undefined) {
    return undefined;
  }
  await memory.update(KEY, percent);
  return percent / 100;
}

/** Arrow keys move it, a typed number sets it. */
function slider(before: number): Promise<number | undefined> {
  const pick = window.createQuickPick<Row>();
  pick.title = 'How much of the selection may change?';
  pick.placeholder = 'Choose, or type a number from 1 to 100';
  const show = (rows: Row[], active: number): void => {
    pick.items = rows;
    pick.activeItems = rows.filter((each) => each.percent === active);
  };
  const usual = LEVELS.map(([percent, meaning]) => row(percent, meaning));
  show(usual, nearest(before));
  pick.onDidChangeValue((text) => {
    const typed = percentOf(text);
    if (typed === undefined) {
      show(usual, nearest(before));
    } else {
      show([row(typed, 'as typed')], typed);
    }
  });
  return new Promise((resolve) => {
    pick.onDidAccept(() => {
      resolve(pick.activeItems[0]?.percent);
      pick.hide();
    });
    pick.onDidHide(() => {
      resolve(undefined);
      pick.dispose();
    });
    pick.show();
  });
}

function row(percent: number, meaning: string): Row {
  return { percent, label: drawn(percent), description: meaning, alwaysShow: true };
}
