import { recordingProxy, startS3 } from "../src/index.ts"
import { s3Behaviour } from "./s3-behaviour.ts"

// The proxy changes nothing that a client can see: signatures, 100-continue, framing, ranges, errors.
s3Behaviour(
  "embedded",
  async () => {
    const server = await startS3({ idempotentComplete: true, kmsKeys: new Map([["sluice", "enabled"]]) })
    const proxy = await recordingProxy(server.endpoint)
    const close = async () => {
      await proxy.close()
      await server.close()
    }
    const { region, credentials } = server
    return { endpoint: proxy.endpoint, region, credentials, close }
  },
  { title: "embedded, through the recording proxy", skip: false }
)
