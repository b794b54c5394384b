import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** A fresh directory, there until `remove`. */
export const makeDirectory = async () => {
  const path = await mkdtemp(join(tmpdir(), "sluice-big-"))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}
