import assert from "node:assert/strict"
import { hookNames } from "@sluice/core/Plugin"
import { createSluice, s3 } from "@sluice/core/promise"
import { startS3 } from "../../faults/start-s3.ts"
import type { PluginUnderTest } from "../plugin.ts"
import type { Attended, HookName } from "./attend.ts"
import { contentOf, durableJournal, eventsOf, MiB, sameBytes, withPlugin } from "./Run.ts"

/** Two parts, also where a plugin makes less of it. */
const twoParts = 7 * MiB

const sizes = [0, 1, 65_537, 5 * MiB - 1, twoParts]

const changesBytes = ({ hooks }: Attended): boolean => hooks.has("body") || hooks.has("part")

/** The hooks that a plugin has in an upload in parts. */
const hooksOf = async (under: PluginUnderTest): Promise<ReadonlySet<HookName>> => {
  const { hooks } = await withPlugin(under, async ({ upload }) => void (await upload(contentOf(twoParts)).done()))
  return hooks
}

export const runs: Readonly<Record<string, (under: PluginUnderTest) => Promise<void>>> = {
  "it has one name, that tells whose it is": async ({ make }) => {
    const { name } = make()
    assert.match(name, /^[\w@.-]+(\/[\w.-]+)+$/)
    assert.equal(make().name, name)
  },

  "what is uploaded with it reads back as the source, whatever its size": async (under) => {
    await withPlugin(under, async ({ attended, upload, read, stored }) => {
      for (const size of sizes) {
        const body = contentOf(size)
        const object = await upload(body).done()
        sameBytes(await read(object.key), body)
        if (!changesBytes(attended)) sameBytes(await stored(object.key), body)
      }
      assert.equal(attended.count.opened, sizes.length, "it is opened once an upload")
    })
  },

  "it keeps nothing of the memory that it is lent: uploads at once do not mix": async (under) => {
    await withPlugin(under, async ({ upload, read }) => {
      const bodies = [1, 2].map((i) => contentOf(twoParts + i * 1_000))
      const objects = await Promise.all(bodies.map((body, i) => upload(body, `talks/${i}.bin`).done()))
      // A plugin may give both one key: then either stands there.
      const last = await read(objects[0]?.key ?? "")
      const keys = new Set(objects.map(({ key }) => key))
      if (keys.size === 1) assert.ok(bodies.some((body) => Buffer.compare(body, last) === 0))
      else for (const [i, { key }] of objects.entries()) sameBytes(await read(key), bodies[i] ?? last)
    })
  },

  "every attempt of a part sends the same bytes": async (under) => {
    await withPlugin(under, async ({ server, upload, read }) => {
      for (const action of [
        { type: "status", status: 500, code: "InternalError" },
        { type: "dropAfterCommit" },
        { type: "corrupt", byte: 7 }
      ] as const) {
        server.faults.add({ match: { op: "UploadPart", partNumber: 2 }, action })
        const body = contentOf(twoParts)
        const running = upload(body)
        const { key } = await running.done()
        assert.equal((await eventsOf(running)).filter(({ _tag }) => _tag === "Retrying").length, 1)
        sameBytes(await read(key), body)
      }
    })
  },

  "what changes bytes can read them, whole and in ranges; what it did not make, it leaves": async (under) => {
    await withPlugin(under, async ({ attended, server, upload, read }) => {
      const body = contentOf(twoParts)
      const { key } = await upload(body).done()
      if (!changesBytes(attended) && attended.plugin.read === undefined) return
      for (const [start, end] of [
        [0, 0],
        [1, 100_000],
        [5 * MiB - 1, 5 * MiB],
        [5 * MiB + 17, 5 * MiB + 1_017],
        [body.length - 1, body.length - 1]
      ] as const) {
        sameBytes(await read(key, { start, end }), body.subarray(start, end + 1))
      }
      const { endpoint, region, credentials } = server
      await using plain = createSluice({ store: s3({ bucket: "media", endpoint, region, credentials }) })
      await plain.upload({ key: "plain", body: body.subarray(0, 70_000) }).done()
      sameBytes(await read("plain"), body.subarray(0, 70_000))
    })
  },

  "on hears of success, failure and cancellation, and dies of none": async (under) => {
    await withPlugin(under, async ({ server, upload }) => {
      await upload(contentOf(twoParts)).done()
      const denied = { type: "status", status: 403, code: "AccessDenied" } as const
      for (const op of ["UploadPart", "PutObject"] as const) {
        server.faults.add({ match: { op }, action: denied })
        await assert.rejects(upload(contentOf(op === "PutObject" ? 100 : twoParts)).done(), /AccessDenied/)
      }
      server.faults.add({
        match: { op: "UploadPart" },
        action: { type: "stall", afterBytes: Number.POSITIVE_INFINITY }
      })
      const cancelled = upload(contentOf(twoParts))
      for await (const { _tag } of cancelled.events()) if (_tag === "UploadStarted") break
      await cancelled.abort()
    })
  },

  "an upload that is aborted at any of its hooks leaves nothing": async (under) => {
    for (const hook of await hooksOf(under)) {
      if (hook === "on" || hook === "deliver") continue
      for (const when of ["before", "after"] as const) {
        await withPlugin(
          under,
          async ({ attended, server, upload }) => {
            const running = upload(contentOf(twoParts))
            const ended = running.done().then(
              () => assert.fail(`it succeeded although its ${hook} hook did not return`),
              () => undefined
            )
            await Promise.race([attended.halted, ended])
            await running.abort()
            await ended
            assert.deepEqual(server.openUploads(), [], `aborted ${when} ${hook}`)
          },
          { halt: { hook, when } }
        )
      }
    }
  },

  "a resumed upload goes on with what it saved, and is the source": async (under) => {
    const journal = await durableJournal()
    await using server = await startS3({ buckets: ["media"] })
    const body = contentOf(13 * MiB)
    const first = await withPlugin(
      under,
      async ({ upload, sluice }) => {
        server.faults.add({
          match: { op: "UploadPart", partNumber: 2 },
          action: { type: "stall", afterBytes: Number.POSITIVE_INFINITY },
          times: Number.POSITIVE_INFINITY
        })
        let parts = 0
        for await (const event of upload(body).events()) {
          if (event._tag === "PartStored" && ++parts === 1) break
          if (event._tag === "UploadCompleted") break
        }
        // As if the process had ended.
        await sluice.dispose()
      },
      { journal, server }
    )
    server.faults.clear()
    if (!first.replayable) return
    await withPlugin(
      under,
      async ({ attended, sluice, read }) => {
        const [session] = await sluice.sessions()
        if (session === undefined || !session.resumable) return
        const { key } = await sluice.resume({ key: session.key }, { body }).done()
        assert.deepEqual(attended.resumed, [{ resumed: true, saved: first.saved.at(-1) }])
        sameBytes(await read(key), body)
        assert.deepEqual(server.openUploads(), [])
      },
      { journal, server }
    )
  },

  "it has no hook that does not exist, and a hook that changes bytes only with its inverse": async (under) => {
    const attended = await withPlugin(under, async ({ upload }) => void (await upload(contentOf(100)).done()))
    for (const hook of attended.hooks) assert.ok(hook === "open" || hookNames.includes(hook))
    if (attended.hooks.has("part")) assert.ok(attended.plugin.read, "a part hook without read: nobody can read it")
  }
}
