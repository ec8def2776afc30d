export { ChangeWindows, type WindowsOptions } from './windows.ts';
export type { Interval } from './occurrences.ts';
