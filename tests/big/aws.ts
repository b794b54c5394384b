/**
 * The foreign client: the AWS CLI at its pinned version, with settings of its own alone.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { servicesRequired } from "@sluice/testkit"
import type { Store } from "./store.ts"

/** Where scripts/install-tools.js puts it. One found on PATH could be any version, or none that works. */
const program = join(import.meta.dirname, "../../.tools/bin/aws")

/** What a suite that needs it is called, and whether it runs. */
export const awsSuite = (name: string) => {
  const skip = !existsSync(program) && !servicesRequired()
  return { skip, title: skip ? `${name} (skipped: no aws client; .ci/run installs it)` : name }
}

const start = (store: Store, args: ReadonlyArray<string>, home: string) => {
  if (!existsSync(program)) throw new Error("no aws client: run node scripts/install-tools.js aws")
  const env = { ...store.direct, PATH: process.env["PATH"], HOME: home, AWS_EC2_METADATA_DISABLED: "true" }
  const child = spawn(program, ["s3", ...args], { env, stdio: ["ignore", "pipe", "pipe"] })
  return { child, ended: succeeded(child, text(child.stderr)) }
}

const succeeded = async (child: ChildProcess, complaint: Promise<string>): Promise<void> => {
  const [code] = await once(child, "close")
  if (code !== 0) throw new Error(`aws ended with ${code}: ${await complaint}`)
}

/** `aws s3 …`; rejects with what it says when it fails. `home` is an empty directory: no profile, no settings. */
export const aws = async (store: Store, args: ReadonlyArray<string>, home: string): Promise<void> => {
  const { child, ended } = start(store, args, home)
  child.stdout.resume()
  await ended
}

/** SHA-256 of what `aws s3 cp` downloads. */
export const downloadedDigest = async (store: Store, key: string, home: string): Promise<string> => {
  const { child, ended } = start(store, ["cp", `s3://${store.bucket}/${key}`, "-"], home)
  const hash = createHash("sha256")
  const hashing = (async () => {
    for await (const chunk of child.stdout) hash.update(chunk)
  })()
  await Promise.all([ended, hashing])
  return hash.digest("hex")
}
