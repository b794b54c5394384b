/**
 * Written by scripts/embed-page.js from page.html; change that one.
 *
 * @module
 */

export const scriptHash = "sha256-+LlvHO0nZoEUqIxDWX8oG9ZS1A5prOx/oayDa0my2n0="
export const styleHash = "sha256-xzi16J54XAxiWgoUsX1Z84qLZoxa7Ph4OZICQqaFkmE="

export const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Sluice</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='8' fill='%230b7285'/%3E%3Cpath d='M16 6v11m0 0-5-5m5 5 5-5' fill='none' stroke='%23fff' stroke-width='2.6' stroke-linecap='round' stroke-linejoin='round'/%3E%3Cpath d='M6 23c3.3 0 3.3 2.4 6.7 2.4S16 23 19.3 23s3.3 2.4 6.7 2.4' fill='none' stroke='%2399e9f2' stroke-width='2.6' stroke-linecap='round'/%3E%3C/svg%3E">
<style>
:root {
  color-scheme: light dark;
  --ground: light-dark(#f4f7f8, #0e1416);
  --surface: light-dark(#ffffff, #161e21);
  --raised: light-dark(#eef3f4, #1e282c);
  --line: light-dark(#d7e0e3, #2b383d);
  --text: light-dark(#10201f, #e6eef0);
  --quiet: light-dark(#55676b, #93a6ab);
  --accent: light-dark(#0b7285, #3bc9db);
  --on-accent: light-dark(#ffffff, #06262c);
  --good: light-dark(#2b7a3f, #69db7c);
  --bad: light-dark(#b42318, #ff8787);
  --radius: 14px;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; background: var(--ground); color: var(--text); }
main { max-width: 46rem; margin: 0 auto; padding: clamp(1.25rem, 5vw, 3.5rem) 1.25rem 3rem; }
header { display: flex; align-items: center; gap: .75rem; margin-bottom: 1.5rem; }
header svg { width: 2.25rem; height: 2.25rem; flex: none; }
h1 { margin: 0; font-size: 1.35rem; font-weight: 650; letter-spacing: -.01em; line-height: 1.2; }
header p { margin: 0; color: var(--quiet); font-size: .9rem; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }

.drop {
  display: grid; justify-items: center; gap: .35rem; padding: clamp(2rem, 7vw, 3.5rem) 1rem; text-align: center;
  background: var(--surface); border: 2px dashed var(--line); border-radius: var(--radius); cursor: pointer;
}
.drop:hover, .over .drop { border-color: var(--accent); }
.over .drop { background: color-mix(in srgb, var(--accent) 10%, var(--surface)); }
.drop:has(:focus-visible) { outline: 3px solid var(--accent); outline-offset: 2px; }
main:has(.item) .drop { padding-block: 1.5rem; }
.drop svg { width: 2.5rem; height: 2.5rem; color: var(--accent); }
.drop strong { font-size: 1.1rem; font-weight: 600; }
.drop span { color: var(--quiet); font-size: .9rem; }
.drop u { color: var(--accent); text-underline-offset: 3px; }
.drop input { position: absolute; width: 1px; height: 1px; opacity: 0; }

.list { list-style: none; margin: 1.25rem 0 0; padding: 0; display: grid; gap: .625rem; }
.item {
  display: grid; grid-template-columns: minmax(0, 1fr) auto; align-items: center; gap: .1rem 1rem;
  padding: .875rem 1rem; background: var(--surface); border: 1px solid var(--line); border-radius: var(--radius);
}
.name { font-weight: 550; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.actions { display: flex; gap: .5rem; grid-row: span 2; }
.status { color: var(--quiet); font-size: .875rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.item[data-state="done"] .status b { color: var(--good); font-weight: 600; }
.item[data-state="failed"] .status, .item[data-state="exists"] .status { color: var(--bad); }
progress {
  grid-column: 1 / -1; appearance: none; width: 100%; height: .375rem; margin-top: .5rem; border: 0; border-radius: 99px;
  overflow: hidden; background: var(--raised); color: var(--accent);
}
progress::-webkit-progress-bar { background: var(--raised); }
progress::-webkit-progress-value { background: var(--accent); border-radius: 99px; }
progress::-moz-progress-bar { background: var(--accent); border-radius: 99px; }
@keyframes breathe { to { opacity: .45; } }

button, .button {
  font: inherit; font-size: .875rem; font-weight: 550; line-height: 1; padding: .55rem .8rem; min-height: 2.25rem;
  align-items: center; border-radius: 9px; border: 1px solid var(--line); cursor: pointer;
  background: var(--raised); color: var(--text); text-decoration: none; white-space: nowrap;
}
button:not([hidden]), .button:not([hidden]) { display: inline-flex; }
button:hover, .button:hover { border-color: var(--accent); }
.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }

footer { margin-top: 2rem; color: var(--quiet); font-size: .875rem; }
footer p { margin: 0 0 .4rem; }
code {
  display: block; padding: .7rem .9rem; background: var(--surface); border: 1px solid var(--line); border-radius: 10px;
  color: var(--text); font: .8125rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  overflow-wrap: anywhere;
}
dialog {
  width: min(26rem, calc(100vw - 2rem)); padding: 1.5rem; border: 1px solid var(--line); border-radius: var(--radius);
  background: var(--surface); color: var(--text); box-shadow: 0 20px 60px rgb(0 0 0 / .35);
}
dialog::backdrop { background: rgb(0 0 0 / .45); }
dialog h2 { margin: 0 0 .25rem; font-size: 1.1rem; }
dialog p { margin: 0 0 1rem; color: var(--quiet); font-size: .9rem; }
dialog label { display: block; font-size: .875rem; font-weight: 550; }
.field {
  width: 100%; margin-top: .35rem; padding: .6rem .7rem; font: inherit; color: inherit; background: var(--ground);
  border: 1px solid var(--line); border-radius: 9px;
}
dialog .error { margin: .5rem 0 0; color: var(--bad); }
dialog .actions { margin-top: 1.1rem; justify-content: flex-end; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (prefers-reduced-motion: no-preference) {
  .drop { transition: border-color .15s, background-color .15s; }
  progress::-webkit-progress-value { transition: width .2s linear; }
  .item[data-state="storing"] progress { animation: breathe 1.2s ease-in-out infinite alternate; }
}
@media (max-width: 32rem) { .item > .actions { order: 1; grid-row: auto; grid-column: 1 / -1; margin-top: .6rem; } }
</style>
</head>
<body>
<main>
  <header>
    <svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" fill="#0b7285"/><path d="M16 6v11m0 0-5-5m5 5 5-5" fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round"/><path d="M6 23c3.3 0 3.3 2.4 6.7 2.400S16 23 19.3 23s3.3 2.4 6.7 2.4" fill="none" stroke="#99e9f2" stroke-width="2.6" stroke-linecap="round"/></svg>
    <div>
      <h1>Sluice</h1>
      <p>A file counts as stored when the store holds exactly its bytes.</p>
    </div>
  </header>

  <label class="drop">
    <input type="file" multiple id="files">
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="M12 16V4m0 0L7.5 8.500M12 4l4.5 4.5"/><path d="M4 15v3a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-3"/></svg>
    <strong>Drop files here</strong>
    <span>or <u>choose them</u>, as many and as big as you like</span>
  </label>

  <ul class="list" id="list" aria-label="Uploads"></ul>
  <div class="unseen" role="status" id="said"></div>

  <footer>
    <p>The same from a terminal:</p>
    <code id="curl"></code>
  </footer>
</main>

<dialog id="login" aria-labelledby="login-title">
  <form method="dialog">
    <h2 id="login-title">This server asks for its token</h2>
    <p>It is the value of SLUICE_TOKEN. Your uploads continue as soon as it is right.</p>
    <input type="text" autocomplete="username" value="sluice" aria-label="User" readonly hidden>
    <label>Token <input type="password" id="token" class="field" autocomplete="current-password" required></label>
    <p class="error" id="login-error" role="alert" hidden></p>
    <div class="actions">
      <button type="button" id="login-cancel">Cancel</button>
      <button type="submit" class="primary">Continue</button>
    </div>
  </form>
</dialog>

<template id="item">
  <li class="item">
    <div class="name"></div>
    <div class="actions">
      <button type="button" class="cancel">Cancel</button>
      <button type="button" class="retry">Retry</button>
      <button type="button" class="replace">Replace</button>
      <a class="button primary download" href="objects/" download>Download</a>
    </div>
    <div class="status"></div>
    <progress max="100"></progress>
  </li>
</template>

<script type="module">
const atOnce = 3
const byId = (id) => document.getElementById(id)

// ── words ──
const size = (bytes) => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"]
  let unit = 0
  for (; bytes >= 1024 && unit < units.length - 1; unit++) bytes /= 1024
  return \`\${unit === 0 ? bytes : bytes.toFixed(bytes < 10 ? 2 : bytes < 100 ? 1 : 0)} \${units[unit]}\`
}
const time = (seconds) => {
  if (seconds < 60) return \`\${Math.max(1, Math.round(seconds))} s\`
  const minutes = Math.round(seconds / 60)
  return minutes < 60 ? \`\${minutes} min\` : \`\${Math.floor(minutes / 60)} h \${minutes % 60} min\`
}
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (text.endsWith(".") ? "" : ".")
const say = (text) => { byId("said").textContent = text }
const pathOf = (name) => \`objects/\${name.split("/").map(encodeURIComponent).join("/")}\`

// ── one upload: waiting → sending → storing → done, or exists, failed, cancelled ──
class Item {
  constructor(file, name) {
    this.file = file
    this.name = name
    this.path = pathOf(name)
    this.replace = false
    this.node = byId("item").content.cloneNode(true).firstElementChild
    this.part = (selector) => this.node.querySelector(selector)
    this.part(".name").textContent = name
    this.part(".name").title = name
    this.part("progress").setAttribute("aria-label", \`Progress of \${name}\`)
    for (const action of ["cancel", "retry", "replace", "download"]) {
      this.part(\`.\${action}\`).setAttribute("aria-label", \`\${this.part(\`.\${action}\`).textContent} \${name}\`)
    }
    this.part(".download").href = this.path
    this.part(".cancel").onclick = () => this.cancel()
    this.part(".retry").onclick = () => this.wait()
    this.part(".replace").onclick = () => { this.replace = true; this.wait() }
    byId("list").prepend(this.node)
  }

  show(state, text, percent) {
    const running = state === "waiting" || state === "sending" || state === "storing"
    const hadFocus = this.part(".actions").contains(document.activeElement)
    this.state = state
    this.node.dataset.state = state
    this.part(".cancel").hidden = !running
    this.part(".retry").hidden = state !== "failed" && state !== "cancelled"
    this.part(".replace").hidden = state !== "exists"
    this.part(".download").hidden = state !== "done"
    this.part("progress").hidden = !running
    if (percent !== undefined) this.part("progress").value = percent
    this.part(".status").textContent = text
    // A button that vanishes under the keyboard hands the focus to the one that replaced it.
    if (hadFocus && document.activeElement === document.body) this.part(".actions > :not([hidden])")?.focus()
  }

  wait() {
    this.show("waiting", \`Waiting · \${size(this.file.size)}\`, 0)
    next()
  }

  async run() {
    this.show("sending", \`Starting · \${size(this.file.size)}\`, 0)
    this.control = new AbortController()
    try {
      if (!this.replace && (await this.exists())) {
        this.show("exists", "An object of this name is already there.")
        return say(\`\${this.name} is already there\`)
      }
      this.done(await this.send())
    } catch (error) {
      if (this.control.signal.aborted) this.show("cancelled", "Cancelled. Nothing of it was kept.")
      else if (error.token) needToken(this)
      else this.fail(error.message)
    }
  }

  async exists() {
    let response
    try {
      response = await fetch(this.path, { method: "HEAD", signal: this.control.signal })
    } catch {
      throw new Error("the server cannot be reached; check that it runs, then retry")
    }
    if (response.status === 401) throw { token: true }
    return response.ok
  }

  send() {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest()
      const meter = new Meter(this.file.size)
      request.open("PUT", this.path)
      request.responseType = "text"
      request.upload.onprogress = ({ loaded }) => {
        if (this.state === "sending") this.show("sending", meter.read(loaded, performance.now()), meter.percent)
      }
      request.upload.onload = () => this.show("storing", "Sent · waiting for the store’s proof", 100)
      request.onload = () => {
        const answer = parse(request.responseText)
        if (request.status === 201) resolve(answer)
        else if (request.status === 401) reject({ token: true })
        else reject(new Error(answer.detail ?? \`the server answered \${request.status}\`))
      }
      request.onerror = () => reject(new Error("the connection broke; nothing was kept, retry sends the file again"))
      request.onabort = () => reject(new Error("cancelled"))
      this.control.signal.addEventListener("abort", () => request.abort())
      request.send(this.file)
    })
  }

  done(stored) {
    this.show("done", "")
    const word = document.createElement("b")
    word.textContent = "Stored"
    const proof = stored.proof === "source" ? \` · identical, crc32 \${stored.crc32}\` : ""
    this.part(".status").replaceChildren(word, \` · \${size(stored.size)}\${proof}\`)
    say(\`\${this.name} is stored\`)
  }

  fail(message) {
    this.show("failed", sentence(message))
    say(\`\${this.name} failed: \${message}\`)
  }

  cancel() {
    if (this.state === "waiting") this.show("cancelled", "Cancelled.")
    else this.control.abort()
    say(\`\${this.name} cancelled\`)
  }
}

/** Speed as a moving average over about three seconds. */
class Meter {
  constructor(total) {
    this.total = total
    this.percent = 0
    this.speed = 0
  }
  read(sent, now) {
    const elapsed = now - (this.at ?? now)
    if (elapsed > 0) {
      const current = ((sent - this.sent) / elapsed) * 1000
      const weight = this.speed === 0 ? 1 : 1 - Math.exp(-elapsed / 3000)
      this.speed += weight * (current - this.speed)
    }
    this.at = now
    this.sent = sent
    // A hundred is a promise: it is only shown once the store has answered.
    this.percent = this.total === 0 ? 0 : Math.min(99, Math.floor((sent / this.total) * 100))
    const words = [\`\${this.percent} %\`, \`\${size(sent)} of \${size(this.total)}\`]
    if (this.speed > 0) words.push(\`\${size(this.speed)}/s\`, \`\${time((this.total - sent) / this.speed)} left\`)
    return words.join(" · ")
  }
}

const parse = (text) => {
  try { return JSON.parse(text) } catch { return {} }
}

// ── the queue ──
const items = []
let paused = false
const next = () => {
  if (paused) return
  const running = items.filter(({ state }) => state === "sending" || state === "storing").length
  for (const item of items.filter(({ state }) => state === "waiting").slice(0, Math.max(0, atOnce - running))) {
    item.run().finally(next)
  }
}
const add = (file, name = file.name) => {
  const item = new Item(file, name)
  items.push(item)
  item.wait()
}

// ── the token ──
const login = byId("login")
const needToken = (item) => {
  paused = true
  showCurl('-H "Authorization: Bearer $SLUICE_TOKEN" ')
  item.show("waiting", "Waiting for the token", 0)
  if (!login.open) {
    byId("login-error").hidden = true
    login.showModal()
  }
}
const refuse = (text) => {
  byId("login-error").textContent = text
  byId("login-error").hidden = false
  byId("token").select()
}
login.querySelector("form").onsubmit = async (event) => {
  event.preventDefault()
  try {
    const response = await fetch("login", { method: "POST", body: byId("token").value })
    if (!response.ok) return refuse(response.status === 401 ? "That is not the token." : \`The server answered \${response.status}.\`)
  } catch {
    return refuse("The server cannot be reached.")
  }
  byId("token").value = ""
  login.close("in")
}
byId("login-cancel").onclick = () => login.close("cancel")
login.onclose = () => {
  paused = false
  if (login.returnValue === "in") return next()
  for (const item of items) if (item.state === "waiting") item.fail("the server asks for its token")
}
login.oncancel = () => { login.returnValue = "cancel" }

// ── dropping and choosing ──
byId("files").onchange = ({ target }) => {
  for (const file of target.files) add(file)
  target.value = ""
}
const walk = async (entry, folder) => {
  if (entry.isFile) return entry.file((file) => add(file, folder + file.name))
  const reader = entry.createReader()
  const read = () => new Promise((resolve, reject) => reader.readEntries(resolve, reject))
  for (let batch = await read(); batch.length > 0; batch = await read()) {
    for (const child of batch) await walk(child, \`\${folder + entry.name}/\`)
  }
}
let depth = 0
const over = (change) => {
  depth = Math.max(0, depth + change)
  document.body.classList.toggle("over", depth > 0)
}
addEventListener("dragenter", () => over(1))
addEventListener("dragleave", () => over(-1))
addEventListener("dragover", (event) => event.preventDefault())
addEventListener("drop", (event) => {
  event.preventDefault()
  over(-depth)
  // Entries and files are gone after the first await: take all of them now.
  const dropped = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile())
  for (const entry of dropped) {
    if (entry instanceof File) add(entry)
    else if (entry) walk(entry, "")
  }
})
addEventListener("beforeunload", (event) => {
  if (items.some(({ state }) => state === "waiting" || state === "sending" || state === "storing")) event.preventDefault()
})

const showCurl = (header) => {
  byId("curl").textContent = \`curl -T big.bin \${header}\${new URL("objects/big.bin", location.href).href}\`
}
showCurl("")
</script>
</body>
</html>
`
