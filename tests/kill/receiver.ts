/**
 * A receiver of webhooks in a process of its own: says its port, then writes down every message, and answers 204.
 *
 * Run by `node receiver.ts PORT`; 0 takes a free one.
 */
import { createServer } from "node:http"

const server = createServer(async (request, response) => {
  let body = ""
  for await (const chunk of request) body += chunk
  process.stdout.write(`${JSON.stringify({ headers: request.headers, body })}\n`, () => response.writeHead(204).end())
})
server.listen(Number(process.argv[2]), "127.0.0.1", () => {
  const address = server.address()
  process.stdout.write(`${typeof address === "object" ? address?.port : ""}\n`)
})
