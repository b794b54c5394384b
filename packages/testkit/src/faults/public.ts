/** Faults on demand, without the reader of written rules: that one loads Schema. */

export {
  type RecordingProxy,
  type RecordingProxyOptions,
  recordingProxy,
  type SeenUpload
} from "../recording-proxy.ts"
export { type FaultClock, type ManualClock, manualClock, realClock } from "./FaultClock.ts"
export {
  type ActiveFault,
  type FaultHit,
  FaultInjector,
  type FaultInjectorOptions
} from "./FaultInjector.ts"
export type {
  ByteFault,
  ConnectionFault,
  FaultAction,
  FaultMatch,
  FaultPhase,
  FaultRule,
  RequestFault
} from "./FaultRule.ts"
export { type FaultProxy, type FaultProxyOptions, faultProxy } from "./fault-proxy.ts"
export { type FaultPreset, faultPresets, presetFor } from "./presets.ts"
export type { ProxyTraffic } from "./tcp-proxy.ts"
