import type { Stage } from "../Plugin.ts"

/** Byte-changing hooks run by stage, whatever their order in the list; `read` goes the other way. */
export const stageOrder: Readonly<Record<Stage, number>> = { observe: 0, compress: 1, encrypt: 2 }
