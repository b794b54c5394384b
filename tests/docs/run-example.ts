import { execFile } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { type FaultyS3Server, startS3 } from "@sluice/testkit"
import type { Block } from "./blocks.ts"
import { type Snippets, writeSnippets } from "./snippets.ts"

/** What the examples find around them: a bucket, keys in the environment, and the files that they name. */
export interface Stage extends AsyncDisposable {
  readonly server: FaultyS3Server
  readonly snippets: Snippets
  readonly directory: string
  readonly env: Readonly<Record<string, string>>
  /** Runs the example as a program of its own; answers with what it prints, rejects when it fails. */
  readonly run: (example: Block) => Promise<string>
}

/** A directory, and a store with the bucket and the region that the pages name. */
export const openStage = async (
  examples: ReadonlyArray<Block>,
  files: Readonly<Record<string, Uint8Array>>
): Promise<Stage> => {
  const server = await startS3({ buckets: ["media"], region: "eu-west-1" })
  const directory = await mkdtemp(join(tmpdir(), "sluice-docs-"))
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(directory, name), bytes)
  const snippets = writeSnippets(examples)
  const env = {
    AWS_ENDPOINT_URL_S3: server.endpoint,
    AWS_REGION: server.region,
    AWS_ACCESS_KEY_ID: server.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.credentials.secretAccessKey
  }
  return {
    server,
    snippets,
    directory,
    env,
    run: async (example) =>
      (await promisify(execFile)(process.execPath, [snippets.pathOf(example)], { cwd: directory, env })).stdout,
    [Symbol.asyncDispose]: async () => {
      snippets[Symbol.dispose]()
      await rm(directory, { recursive: true, force: true })
      await server.close()
    }
  }
}
