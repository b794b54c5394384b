import * as Effect from "effect/Effect"
import { exitCode, type World } from "./Command.ts"

/** Runs to the exit code; interrupted when the user wants to stop, which is an exit code too. */
export const runEffect = <E>(effect: Effect.Effect<number, E>, { signal }: Pick<World, "signal">): Promise<number> =>
  Effect.runPromise(effect, { signal }).catch((error: unknown) => {
    if (signal.aborted) return exitCode.stopped
    throw error
  })
