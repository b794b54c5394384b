/**
 * Uploads by the command line that are stopped in the middle, and what is asked of them afterwards.
 */
import { readdir, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { ListMultipartUploadsCommand, ListPartsCommand } from "@aws-sdk/client-s3"
import { expect, onTestFinished } from "vitest"
import { MiB, pattern, sha256 } from "../engine/bytes.ts"
import { download, type Target } from "../engine/target.ts"
import { freshKey } from "../engine/trial.ts"
import { type Ended, environmentOf, run, scannerOf, start, tempDirectory } from "./sluice-process.ts"

export const part = 5 * MiB
export const parts = 7
export const bytes = pattern((parts - 1) * part + 12_345)

/** Slow enough that an upload is still in the middle when the test acts; parts come one by one. */
export const slowly = ["--part-size", "5MiB", "--concurrency", "1", "--bandwidth", "10MiB/s"]

/** The line on standard error that goes on with an upload, as arguments of `sluice`. */
export const resumeLineOf = ({ err }: Ended): ReadonlyArray<string> => {
  const line = /^sluice: kept; go on with: sluice (resume [0-9a-f]{40}.*)$/m.exec(err)?.[1]
  if (line === undefined) throw new Error(`no resume line in: ${err}`)
  return line.split(" ")
}

export const idOf = (ended: Ended): string => resumeLineOf(ended)[1] ?? ""

export const jsonLines = (out: string): ReadonlyArray<Record<string, unknown>> =>
  out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))

export const partsOf = (ended: Ended, tag: "PartStored" | "PartVerified"): ReadonlyArray<unknown> =>
  jsonLines(ended.out).flatMap((event) => (event["_tag"] === tag ? [event["partNumber"]] : []))

/** How many parts the store has of an upload that is under way. */
export const storedParts = async ({ bucket: Bucket, client }: Target, Key: string): Promise<number> => {
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: Key }))
  const UploadId = Uploads[0]?.UploadId
  if (UploadId === undefined) return 0
  return (await client.send(new ListPartsCommand({ Bucket, Key, UploadId }))).Parts?.length ?? 0
}

/** A file, a key for it, a journal of its own, and `sluice` with what it must know of the store. */
export const setup = async (target: Target) => {
  const directory = await tempDirectory()
  const file = join(directory, "big.bin")
  await writeFile(file, bytes)
  // A time that every file system keeps exactly: a test may set it again.
  await utimes(file, 1_000_000_000, 1_000_000_000)
  const journal = join(directory, "state", "journal")
  const key = freshKey("cli")
  const env: Readonly<Record<string, string>> = { ...environmentOf(target.store), SLUICE_JOURNAL: journal }
  onTestFinished(() => scannerOf(env).assertNoneInDirectory(join(directory, "state")))
  const destination = `s3://${target.bucket}/${key}`

  const upload = (...flags: ReadonlyArray<string>) =>
    start(["upload", ...slowly, ...flags, file, destination], { env, cwd: directory })
  /** An upload with two parts stored, and no more than two on their way. */
  const halfWay = async (...flags: ReadonlyArray<string>) => {
    const process = upload(...flags)
    await expect.poll(() => storedParts(target, key), { interval: 20 }).toBeGreaterThanOrEqual(2)
    return process
  }
  const interrupted = async (...flags: ReadonlyArray<string>): Promise<Ended> => {
    const { child, ended } = await halfWay(...flags)
    child.kill("SIGINT")
    return await ended
  }
  const sluice = (...args: ReadonlyArray<string>) => run(args, { env, cwd: directory })
  const identical = async () => {
    expect(sha256((await download(target, key)) ?? new Uint8Array())).toBe(sha256(bytes))
    expect(await readdir(journal)).toEqual([])
    await target.assertNothingLeft()
  }
  return { directory, file, journal, key, env, destination, upload, halfWay, interrupted, sluice, identical }
}
