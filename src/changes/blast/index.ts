export { blastRadius, keptRadius, readsFor } from './blast.ts';
export { proposeCategory } from './category.ts';
export { reachRaises } from './raises.ts';
export { calledGuests, touchedObjects } from './touched.ts';
