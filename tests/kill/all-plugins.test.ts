import { execFile, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import * as FileJournal from "@sluice/core/FileJournal"
import { Janitor } from "@sluice/core/Janitor"
import { createSluice, s3 } from "@sluice/core/promise"
import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
import { compression } from "@sluice/plugins/compression"
import { clientSide } from "@sluice/plugins/encryption/client-side"
import { webhook } from "@sluice/plugins/events/webhook"
import { etag } from "@sluice/plugins/integrity/etag"
import { secretsScanner } from "@sluice/testkit"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Webhook } from "standardwebhooks"
import { afterAll, beforeAll, expect, it } from "vitest"
import { MiB } from "../engine/bytes.ts"
import { onEveryStore } from "../engine/target.ts"
import type { PluginWork } from "./work.ts"

const scriptOf = (name: string): string => new URL(`./${name}.ts`, import.meta.url).pathname

interface Message {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A receiver in a process of its own; `kill` is SIGKILL. */
const startReceiver = async (messages: Array<Message>, port = 0) => {
  const child = spawn(process.execPath, [scriptOf("receiver"), String(port)], { stdio: ["ignore", "pipe", "inherit"] })
  const lines = createInterface({ input: child.stdout })
  const [first] = await once(lines, "line")
  lines.on("line", (line: string) => messages.push(JSON.parse(line)))
  const closed = once(lines, "close")
  return {
    port: Number(first),
    kill: async (): Promise<void> => {
      child.kill("SIGKILL")
      await closed
    }
  }
}

const live = (work: PluginWork) =>
  new Promise<{ readonly signal: NodeJS.Signals | undefined; readonly output: string; readonly errors: string }>(
    (resolve) => {
      execFile(process.execPath, [scriptOf("all-plugins"), JSON.stringify(work)], (error, output, errors) =>
        resolve({ signal: error?.signal, output: output.trim().split("\n").at(-1) ?? "", errors })
      )
    }
  )

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-plugins-"))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

onEveryStore("an upload through compression, encryption, ETag proof and webhook", (target) => {
  it("is killed, resumed and read back identical; the receiver, killed too, hears of it under one id", {
    timeout: 120_000
  }, async () => {
    // Digits: compressed to less than a half, and still several parts.
    const plain = Buffer.from(randomBytes(24 * MiB).map((byte) => 48 + (byte % 10)))
    const file = join(directory, "digits.txt")
    await writeFile(file, plain)

    const messages: Array<Message> = []
    const receiver = await startReceiver(messages)
    const work: PluginWork = {
      store: target().store,
      journal: await mkdtemp(join(directory, "journal-")),
      file,
      key: "plugins/digits.txt",
      resume: false,
      secret: randomBytes(32).toString("hex"),
      webhookSecret: `whsec_${randomBytes(32).toString("base64")}`,
      url: `http://127.0.0.1:${receiver.port}/hook`
    }
    const plugins = [
      compression(),
      clientSide({ key: { id: "k", secret: Buffer.from(work.secret, "hex") } }),
      etag(),
      webhook({ url: work.url, secret: work.webhookSecret, allowPrivate: true })
    ]

    expect(await live({ ...work, dieAfterParts: 1 })).toMatchObject({ signal: "SIGKILL" })
    await receiver.kill()
    const second = await live({ ...work, resume: true })
    expect(second.output, second.errors).toMatch(/^stored [2-9] source$/)
    expect(messages).toEqual([])

    const back = await startReceiver(messages, receiver.port)
    const report = await Effect.runPromise(
      Effect.provide(
        Effect.flatMap(Janitor, (janitor) => janitor.sweep()),
        // Who ran the upload is known to be dead: its deliveries are not waited for.
        Janitor.layer({ plugins, retryWithinMs: 1 }).pipe(
          Layer.provide([S3ObjectStore.layer(work.store), FileJournal.layer(work.journal)])
        )
      )
    )
    await back.kill()
    expect(report.counts).toMatchObject({ delivered: 1, owed: 0, left: 0 })
    expect(messages.length).toBeGreaterThan(0)
    expect(new Set(messages.map(({ headers }) => headers["webhook-id"])).size).toBe(1)
    for (const { body, headers } of messages) {
      expect(new Webhook(work.webhookSecret).verify(body, headers)).toMatchObject({
        type: "upload.completed",
        data: { key: work.key, annotations: { user: "ada" } }
      })
    }

    await using sluice = createSluice({ store: s3(work.store), plugins })
    const { proof, stream } = await sluice.read({ key: work.key })
    expect(Buffer.from(await new Response(stream).arrayBuffer()).equals(plain)).toBe(true)
    expect(proof()).toBe("source")
    await target().assertNothingLeft()
    // Neither key is written down anywhere.
    const scanner = secretsScanner({ key: work.secret, webhook: work.webhookSecret.slice(6) })
    await scanner.assertNoneInDirectory(work.journal)
    scanner.assertNone(second.errors, "what the process printed")
  })
})
