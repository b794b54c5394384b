import { isAbsolute, join, resolve } from "node:path"
import type { Environment } from "./Config.ts"

/**
 * Where uploads are kept: as named, else `SLUICE_JOURNAL`, else the place where the system keeps a user's state.
 * Pure.
 */
export const journalDirectory = (
  named: string | undefined,
  env: Environment,
  { home, platform }: { readonly home: string; readonly platform: NodeJS.Platform }
): string => {
  const given = [named, env["SLUICE_JOURNAL"]].find((path) => path !== undefined && path !== "")
  return given === undefined ? join(stateDirectory(env, home, platform), "sluice", "journal") : resolve(given)
}

const stateDirectory = (env: Environment, home: string, platform: NodeJS.Platform): string => {
  if (platform === "win32") return env["LOCALAPPDATA"] ?? join(home, "AppData", "Local")
  const named = env["XDG_STATE_HOME"]
  // One that is not absolute is to be ignored (XDG Base Directory Specification, "Basics").
  return named !== undefined && isAbsolute(named) ? named : join(home, ".local", "state")
}
