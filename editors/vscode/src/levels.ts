/** The levels of the slider for how much of a selection may change, in percent. */

/** The levels, and the effect of each on the selection. */
export const LEVELS: ReadonlyArray<readonly [number, string]> = [
  [20, 'touch it up'],
  [40, 'repair it'],
  [60, 'rework it'],
  [80, 'keep little of it'],
  [100, 'write it from scratch'],
];

const CELLS = 10;

/** The percentage in a text; undefined if it has none from 1 to 100. */
export function percentOf(text: string): number | undefined {
  const found = /^\s*(\d{1,3})\s*%?\s*$/.exec(text);
  const percent = Number(found?.[1] ?? 0);
  return percent >= 1 && percent <= 100 ? percent : undefined;
}

/** The level nearest to a percentage. */
export function nearest(percent: number): number {
  const distance = (level: number): number => Math.abs(level - percent);
  return LEVELS.map(([level]) => level).reduce((best, level) =>
    distance(level) < distance(best) ? level : best,
  );
}

/** A percentage drawn as a slider. */
export function drawn(percent: number): string {
  const filled = Math.round((percent / 100) * CELLS);
  return `${'█'.repeat(filled)}${'░'.repeat(CELLS - filled)} ${percent} %`;
}
