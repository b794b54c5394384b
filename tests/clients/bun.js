/** Bun's own S3 client, one verb a run: bun.js put FILE KEY, get KEY FILE, list PREFIX, remove KEY. */
import { file, S3Client, write } from "bun"

const { ENDPOINT: endpoint, BUCKET: bucket } = process.env
const s3 = new S3Client({ endpoint, bucket, retry: 0 })
const [verb, first = "", second = ""] = process.argv.slice(2)

if (verb === "put") {
  const writer = s3.file(second).writer({ partSize: 5 * 2 ** 20, queueSize: 2, retry: 0 })
  for await (const chunk of file(first).stream()) {
    writer.write(chunk)
    await writer.flush()
  }
  await writer.end()
} else if (verb === "get") await write(second, s3.file(first))
else if (verb === "list") {
  const { contents = [] } = await s3.list({ prefix: first })
  for (const { key } of contents) console.log(key)
} else if (verb === "remove") await s3.delete(first)
else if (verb === "copy") await s3.write(second, s3.file(first))
else throw new Error(`no verb ${verb}`)
