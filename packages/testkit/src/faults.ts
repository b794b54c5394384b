export * from "./faults/public.ts"
export { parseFaultRule, readFaultRule } from "./faults/read-rule.ts"
