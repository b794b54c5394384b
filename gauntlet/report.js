/**
 * The tables: for the terminal, for docs/gauntlet.md, and in few letters for the readme.
 *
 * @module
 */

/** @typedef {import("./judge.js").Verdict} Verdict */
/** @typedef {import("./lines.js").Line} Line */
/** @typedef {import("./rivals.js").Rival} Rival */
/** @typedef {(rival: Rival, line: Line) => { verdict: Verdict, message: string } | undefined} Cells */

/**
 * @typedef {object} Run
 * @property {ReadonlyArray<Rival>} rivals
 * @property {ReadonlyArray<Line>} lines
 * @property {Cells} cell undefined where it was not run
 * @property {string} date
 * @property {string} machine
 * @property {string} command
 * @property {number} seconds
 */

const signs = { pass: "✓", partial: "○", fail: "✗", none: "–" }

/** How many rivals the readme has room for: the servers stand in docs/gauntlet.md. */
const readmeColumns = 8

/** @param {string} text */
const escaped = (text) => text.replaceAll("|", "\\|").replaceAll("\n", " ")

/** @param {ReadonlyArray<ReadonlyArray<string>>} rows the first is the head */
const markdown = ([head = [], ...rows]) =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map(escaped).join(" | ")} |`).join("\n")

/**
 * @param {Run} run
 * @param {"word" | "short"} length
 * @param {ReadonlyArray<Rival>} rivals
 */
const table = ({ lines, cell }, length, rivals) =>
  markdown([
    ["", ...rivals.map(({ name }) => name)],
    ...lines.map((line) => [
      `${line.number}. ${line.title}`,
      ...rivals.map((rival) => {
        const verdict = cell(rival, line)?.verdict
        return verdict === undefined ? "not run" : `${signs[verdict.mark]} ${verdict[length]}`
      })
    ])
  ])

/** @param {Run} run */
const score = ({ rivals, lines, cell }) =>
  markdown([
    ["", ...Object.values(signs)],
    ...rivals.map((rival) => [
      rival.name,
      ...Object.keys(signs).map(
        (mark) => `${lines.filter((line) => cell(rival, line)?.verdict.mark === mark).length || ""}`
      )
    ])
  ])

/** The one for the terminal: a line and a rival a row. @param {Run} run */
export const toText = ({ rivals, lines, cell }) =>
  lines
    .flatMap((line) => [
      `\n${line.number}. ${line.title}`,
      ...rivals.map((rival) => {
        const { verdict, message = "" } = cell(rival, line) ?? {}
        const said =
          verdict === undefined || message === "" || verdict.mark === "pass" ? "" : `  (${message.slice(0, 120)})`
        return `   ${verdict === undefined ? " " : signs[verdict.mark]} ${rival.name.padEnd(12)} ${verdict?.word ?? "not run"}${said}`
      })
    ])
    .join("\n")

/** The one for the readme. @param {Run} run */
export const toReadme = (run) =>
  `${table(run, "short", run.rivals.slice(0, readmeColumns))}

✓ does what the line asks for · ○ honest, leaves nothing, but does not get there · ✗ is not true, loses bytes, leaves
something or hangs · – has no such option. Every cell was measured on ${run.date} by \`${run.command}\`; what each line
does, and the words in full: [docs/gauntlet.md](docs/gauntlet.md).`

/** @param {Run} run */
export const toDocument = (run) => `# The gauntlet

<!-- Written by \`${run.command}\`: change gauntlet/, not this file. -->

Twelve lines of trouble, the same for Sluice and for every rival that installs here. Every cell was measured in one run,
ours included, on ${run.date} (${run.machine}; ${Math.round(run.seconds)} s). A line that a rival wins stays in.

\`\`\`sh
npm run gauntlet                                           # all of it; installs the rivals' pinned versions into .tools
npm run gauntlet -- --only sluice,lib-storage --lines 1,4  # some of it; nothing is written
\`\`\`

${table(run, "word", run.rivals)}

## How to read it

- ✓ does what the line asks for.
- ○ is honest and leaves nothing, but does not get there: it gives up, begins anew, says that it is over before it is, or
  takes more memory.
- ✗ says what is not true, loses bytes, leaves an upload in the store that nobody ends (its parts are paid for until then),
  never says how it ends, or hangs until it is killed.
- – has no option for it, refuses to try, or was not put to the test.

${score(run)}

"Left 1 upload" counts multipart uploads that are open when the process has ended: where a client could go on with one
later, and does in line 8, it still counts in the lines that ask for nothing to be left. Times are those of this machine
under the load named above, and long where that is more than its cores; no verdict hangs on them, unless something hangs.

## Who, and how

Each is a process of its own on a store of its own: the testkit's embedded server, with the line's fault. A hang or a
crash of it is a result. Everything is at its defaults, but for parts of 8 MiB where one can choose (the part sizes that
they would take differ, and line 2 would strike some and not others); the object has 33 MiB.

${markdown([["", "Version", "Used as"], ...run.rivals.map(({ name, version, about }) => [name, version(), about])])}

## The lines

${run.lines.map(({ number, title, what }) => `${number}. **${title}.** ${what}`).join("\n")}

## What they said

The errors of the cells that are not ✓.

${markdown([
  ["Line", "", "Verdict", "Its error"],
  ...run.lines.flatMap((line) =>
    run.rivals.flatMap((rival) => {
      const { verdict, message = "" } = run.cell(rival, line) ?? {}
      return verdict === undefined || verdict.mark === "pass" || message === ""
        ? []
        : [[`${line.number}`, rival.name, `${signs[verdict.mark]} ${verdict.word}`, toProse(message)]]
    })
  )
])}
`

/** Paths, ports and ids of this run are nobody's business. @param {string} message */
const toProse = (message) =>
  message
    .replaceAll(/\/tmp\/[^\s"]*/g, "FILE")
    .replaceAll(/127\.0\.0\.1:\d+/g, "STORE")
    .replaceAll(/\b[\w+-]{32,}\b/g, "ID")
    .slice(0, 200)

const marker = { begin: "<!-- gauntlet -->", end: "<!-- /gauntlet -->" }

/**
 * The readme with the table between its markers; unchanged if it has none.
 *
 * @param {string} readme
 * @param {Run} run
 */
export const withTable = (readme, run) => {
  const [begin, end] = [readme.indexOf(marker.begin), readme.indexOf(marker.end)]
  if (begin === -1 || end < begin) return readme
  return `${readme.slice(0, begin + marker.begin.length)}\n${toReadme(run)}\n${readme.slice(end)}`
}
