export { type FaultClock, type ManualClock, manualClock, realClock } from "./faults/FaultClock.ts"
export {
  type ActiveFault,
  type FaultHit,
  FaultInjector,
  type FaultInjectorOptions
} from "./faults/FaultInjector.ts"
export type {
  ByteFault,
  ConnectionFault,
  FaultAction,
  FaultMatch,
  FaultPhase,
  FaultRule,
  RequestFault
} from "./faults/FaultRule.ts"
export { type FaultProxy, type FaultProxyOptions, faultProxy } from "./faults/fault-proxy.ts"
export { type FaultPreset, faultPresets, presetFor } from "./faults/presets.ts"
export { parseFaultRule, readFaultRule } from "./faults/read-rule.ts"
export type { ProxyTraffic } from "./faults/tcp-proxy.ts"
export {
  type RecordingProxy,
  type RecordingProxyOptions,
  recordingProxy,
  type SeenUpload
} from "./recording-proxy.ts"
