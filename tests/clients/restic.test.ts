import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startS3 } from "@sluice/testkit"
import { describe, expect, it } from "vitest"
import { clientTitle, run, toolPath } from "./run.ts"

const { skip, title } = clientTitle("restic")

describe.skipIf(skip)(`foreign client: ${title}`, { timeout: 120_000 }, () => {
  it("keeps a repository: backup, check of every byte, restore, forget and prune", async () => {
    await using server = await startS3({ buckets: ["backups"] })
    const directory = await mkdtemp(join(tmpdir(), "sluice-restic-"))
    const restic = (...args: ReadonlyArray<string>) =>
      run(toolPath("restic"), args, {
        env: {
          HOME: directory,
          RESTIC_REPOSITORY: `s3:${server.endpoint}/backups/repository`,
          RESTIC_PASSWORD: "of this test",
          RESTIC_CACHE_DIR: join(directory, "cache"),
          AWS_ACCESS_KEY_ID: server.credentials.accessKeyId,
          AWS_SECRET_ACCESS_KEY: server.credentials.secretAccessKey,
          AWS_DEFAULT_REGION: server.region
        }
      })
    try {
      const source = join(import.meta.dirname)
      await restic("init")
      await restic("backup", source)
      expect(await restic("check", "--read-data")).toContain("no errors were found")
      await restic("restore", "latest", "--target", join(directory, "restored"))
      const restored = await readFile(join(directory, "restored", source, "restic.test.ts"))
      expect(restored.equals(await readFile(join(source, "restic.test.ts")))).toBe(true)
      await restic("backup", join(source, "run.ts"))
      await restic("forget", "--keep-last", "1", "--group-by", "", "--prune")
      expect(await restic("check", "--read-data")).toContain("no errors were found")
      expect(server.openUploads()).toEqual([])
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })
})
