import { createHook } from "node:async_hooks"

/** Timers that were started since, still run, and would keep the process alive. */
export const watchTimers = (): { readonly running: () => number; readonly stop: () => void } => {
  const timers = new Map<number, object>()
  const hook = createHook({
    init: (id, type, _, resource) => {
      if (type === "Timeout") timers.set(id, resource)
    },
    destroy: (id) => void timers.delete(id)
  }).enable()
  return {
    running: () =>
      [...timers.values()].filter(
        (timer) => !("hasRef" in timer) || typeof timer.hasRef !== "function" || timer.hasRef() === true
      ).length,
    stop: () => void hook.disable()
  }
}
