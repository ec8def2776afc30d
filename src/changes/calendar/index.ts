export { CalendarError } from './cursor.ts';
export { nextElapses, type NextElapse } from './next.ts';
export { normalise, parseCalendar, type Calendar } from './parse.ts';
export { isZone, Zone } from './zone.ts';
