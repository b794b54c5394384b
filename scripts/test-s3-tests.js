#!/usr/bin/env node
/**
 * Runs the multipart and checksum cases of two foreign suites against the embedded server, and writes which pass into
 * docs/s3-tests.md: versitygw's own, which its binary brings (tools.json), and ceph/s3-tests, of which
 * SLUICE_S3_TESTS names a checkout. Ends with 1 when a case fails that the page says passes.
 *
 *   SLUICE_S3_TESTS=/path/to/s3-tests node scripts/test-s3-tests.js
 */
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { startS3 } from "@sluice/testkit"
import { cephConfiguration } from "./lib/ceph-s3-tests.js"
import { installTool, toolPath, tools } from "./lib/tools.js"

const root = join(import.meta.dirname, "..")
const page = join(root, "docs/s3-tests.md")
const begin = "<!-- written by npm run test:s3-tests -->"
const end = "<!-- end -->"

/**
 * Why cases fail, by what their name and complaint fit; the first that fits is told.
 *
 * @typedef {{ name: string, passed: boolean, output: string }} Result
 * @type {Array<{ fits: string, why: string }>}
 */
const explained = JSON.parse(readFileSync(join(import.meta.dirname, "s3-tests-explained.json"), "utf8"))

const other = { accessKeyId: "other", secretAccessKey: "othersecret" }
const start = () =>
  startS3({
    idempotentComplete: true,
    defaultChecksum: true,
    allowInsecureSseC: true,
    kmsKeys: new Map([["sluice", "enabled"]]),
    principals: [{ credentials: other, allow: [{ operations: ["*"], resources: ["*"] }] }]
  })

/** @param {string} command @param {string[]} args @param {{ env?: Record<string, string>, cwd?: string }} [options] */
async function run(command, args, { env = {}, cwd = tmpdir() } = {}) {
  const child = spawn(command, args, {
    cwd,
    // Nothing of ours: a profile or a bundle of certificates would change what is tested.
    env: { PATH: process.env["PATH"] ?? "", HOME: tmpdir(), ...env },
    stdio: ["ignore", "pipe", "pipe"]
  })
  const code = new Promise((resolve) => child.on("close", resolve))
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { code: await code, output: out + err }
}

const ours =
  /^(CreateMultipartUpload|UploadPart|UploadPartCopy|ListParts|ListMultipartUploads|AbortMultipartUpload|CompleteMultipartUpload|SignedStreaming\w*|UnsignedStreaming?\w*)_|^(?!PostObject|PublicBucket).*checksum/i

/** Each case against a server of its own, two at a time. @returns {Promise<Result[]>} */
async function versitygw() {
  console.log(installTool("versitygw"))
  const { output } = await run(toolPath("versitygw"), ["test", "--help"])
  const names = [...output.matchAll(/^ {3}(\w+_\w+) +Runs /gm)]
    .map(([, name = ""]) => name)
    .filter((name) => ours.test(name))
  /** @type {Result[]} */
  const results = []
  const waiting = names.sort()
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      await using server = await start()
      const { accessKeyId, secretAccessKey } = server.credentials
      const where = ["-a", accessKeyId, "-s", secretAccessKey, "-e", server.endpoint]
      const { code, output } = await run(toolPath("versitygw"), ["test", ...where, name])
      const said = output.replace(/^.*(RUN|PASS).*$/gm, "").trim()
      results.push({ name, passed: code === 0 && !output.includes("FAIL"), output: said })
    }
  }
  await Promise.all([work(), work()])
  return results
}

/** @param {string} checkout @returns {Promise<Result[]>} */
async function ceph(checkout) {
  console.log(installTool("s3-tests"))
  await using server = await start()
  const directory = mkdtempSync(join(tmpdir(), "sluice-s3-tests-"))
  try {
    const configuration = join(directory, "s3-tests.conf")
    writeFileSync(configuration, cephConfiguration(server, other))
    const args = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-rA", "--tb=line", "-k", "multipart or checksum"]
    const { output } = await run(toolPath("s3-tests"), [...args, "s3tests/functional/test_s3.py"], {
      cwd: checkout,
      env: { S3TEST_CONF: configuration, PYTHONDONTWRITEBYTECODE: "1", COLUMNS: "400" }
    })
    const lines = [...output.matchAll(/^(PASSED|FAILED|ERROR) \S+::(\w+)(.*)$/gm)]
    if (lines.length === 0) throw new Error(`pytest ran no case: ${output.slice(-2000)}`)
    return lines.map(([, outcome, name = "", why = ""]) => ({
      name,
      passed: outcome === "PASSED",
      output: why.replace(/^ - /, "")
    }))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/**
 * What a failing case is about: the first explanation that its name or its complaint fits, else its complaint.
 *
 * @param {Result} result
 */
function why({ name, output }) {
  const complaint = plain(output)
  const known = explained.find(({ fits }) => new RegExp(fits).test(`${name}: ${complaint}`))
  return (
    known?.why ??
    `Open: ${complaint
      .split("\n")[0]
      ?.replace(/^FAIL \w+: /, "")
      .slice(0, 200)}`
  )
}

/** Without colours, hours, and what changes from run to run. @param {string} output */
const plain = (output) =>
  output
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
    .replace(/\u001b\[\d+m/g, "")
    .replace(/^.*( WARN |DEPRECATED).*\n/gm, "")
    .replace(/, RequestID: \w+, HostID: \w+/g, "")
    .replaceAll("|", "\\|")
    .trim()

/** @param {string} heading @param {Result[]} results */
function chapter(heading, results) {
  const passing = results.filter(({ passed }) => passed).map(({ name }) => name)
  const failing = Map.groupBy(
    results.filter(({ passed }) => !passed),
    why
  )
  const lost = passedBefore(heading).filter((name) => !passing.includes(name))
  for (const name of lost) console.log(`✗ ${heading}: ${name} passed before`)
  if (lost.length > 0) process.exitCode = 1
  console.log(`${heading}: ${passing.length} of ${results.length} pass`)
  const rows = [...failing].sort(([, a], [, b]) => b.length - a.length)
  return [
    `### ${heading}`,
    `${passing.length} of ${results.length} pass:`,
    names(passing),
    `| ${results.length - passing.length} do not | Why |\n|---|---|`
  ]
    .join("\n\n")
    .concat(...rows.map(([reason, cases]) => `\n| ${names(cases.map(({ name }) => name))} | ${reason} |`))
}

/** @param {string[]} cases */
const names = (cases) => cases.map((name) => `\`${name}\``).join(" · ")

/** The cases that the page says pass. @param {string} heading @returns {string[]} */
function passedBefore(heading) {
  const at = written.indexOf(`### ${heading}\n`)
  if (at < 0) return []
  const [list = ""] = written.slice(at).split("\n| ", 1)
  return [...list.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name)
}

const written = readFileSync(page, "utf8")
const [from, to] = [written.indexOf(begin), written.indexOf(end)]
if (from < 0 || to < from) throw new Error(`docs/s3-tests.md has no ${begin} and ${end}`)

const checkout = process.env["SLUICE_S3_TESTS"]
const chapters = [chapter(`versitygw ${tools["versitygw"]?.version}`, await versitygw())]
if (checkout === undefined) console.log("ceph/s3-tests is left out: SLUICE_S3_TESTS names no checkout.")
else if (!existsSync(join(checkout, "s3tests"))) throw new Error(`${checkout} is no checkout of ceph/s3-tests`)
else chapters.push(chapter("ceph/s3-tests", await ceph(checkout)))

if (chapters.length === 2 && process.exitCode === undefined) {
  writeFileSync(page, `${written.slice(0, from)}${begin}\n\n${chapters.join("\n\n")}\n\n${written.slice(to)}`)
  console.log("docs/s3-tests.md says so.")
}
