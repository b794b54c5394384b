import { randomBytes } from "node:crypto"
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import type { Plugin } from "@sluice/core/Plugin"
import { s3 } from "@sluice/core/promise"
import { type S3Server, startS3 } from "@sluice/testkit"
import { pluginSuite } from "@sluice/testkit/conformance/plugin"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { compression } from "./compression/index.ts"
import { clientSide } from "./encryption/client-side/index.ts"
import { sseS3 } from "./encryption/sse-s3/index.ts"
import { webhook } from "./events/webhook/index.ts"
import { etag } from "./integrity/etag/index.ts"
import { keyLayout } from "./key-layout/index.ts"
import { mirror } from "./mirror/index.ts"

const secret = randomBytes(32)

const receiver = createServer((request, response) => {
  request.on("end", () => response.end()).resume()
})
let port = 0
let second: S3Server
beforeAll(async () => {
  second = await startS3({ buckets: ["copies"] })
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve))
  const address = receiver.address()
  if (typeof address === "object" && address !== null) port = address.port
})
afterAll(async () => {
  await second.close()
  await new Promise((resolve) => receiver.close(resolve))
})

/** One line a plugin: as its users make it. */
const plugins: Readonly<Record<string, () => Plugin>> = {
  "./compression": () => compression(),
  "./encryption/client-side": () => clientSide({ key: { id: "k1", secret } }),
  "./encryption/sse-s3": sseS3,
  "./events/webhook": () =>
    webhook({
      url: `http://127.0.0.1:${port}`,
      secret: `whsec_${secret.toString("base64")}`,
      allowPrivate: true
    }),
  "./integrity/etag": etag,
  "./key-layout": () => keyLayout({ user: ({ annotations }) => annotations["user"] ?? "" }),
  "./mirror": () => {
    const { credentials, endpoint, region } = second
    return mirror({ to: s3({ bucket: "copies", endpoint, region, credentials }) })
  }
}

it("every plugin of this package is held to what plugins promise", () => {
  const { exports } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"))
  expect(Object.keys(plugins)).toEqual(
    Object.keys(exports)
      .filter((path) => path !== "./package.json")
      .sort()
  )
})

describe.each(Object.entries(plugins))("%s", (_, make) => {
  for (const { name, run } of pluginSuite({ make, annotations: { user: "ada" } })) it(name, run)
})
