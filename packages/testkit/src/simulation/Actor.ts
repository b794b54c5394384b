import * as Context from "effect/Context"

/** Who does something in a simulated world: a run of an upload, a sweep, a cancel. Its fibers inherit it. */
export const Actor = Context.Reference<string>("@sluice/testkit/simulation/Actor", { defaultValue: () => "nobody" })
