/**
 * TLS before a sink, in a process of its own: `node tls-front.js PORT KEY CERTIFICATE` passes what it decrypts on to the
 * port and prints its own. It ends with its standard input.
 */
import { readFileSync } from "node:fs"
import { connect } from "node:net"
import { createServer } from "node:tls"

const [port, key = "", certificate = ""] = process.argv.slice(2)

const server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (client) => {
  const sink = connect(Number(port), "127.0.0.1")
  client.pipe(sink).pipe(client)
  client.on("error", () => sink.destroy())
  sink.on("error", () => client.destroy())
})
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  if (address !== null && typeof address === "object") console.log(address.port)
})
process.stdin.resume().once("end", () => process.exit())
