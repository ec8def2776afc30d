export { NotRead } from './core/errors.ts';
export type { SimRequest, SimResponse } from './core/dispatch.ts';
export type { Fault } from './faults.ts';
export type { Objects } from './state/objects.ts';
export { Simulator, type SimCall, type SimulatorOptions } from './simulator.ts';
export { WORLDS } from './worlds/load.ts';
export { captureTime } from './state/capture.ts';
