// The page, alive: fetches the parts that changed, tells ages, runs a chain, and says when it cannot know any more.
"use strict";

const TOKEN = "prober-token"; // in this tab's memory only
const WAITS = [1, 2, 4, 8, 15]; // seconds between two tries to connect
const SILENT_SECONDS = 45; // a stream says every 15 seconds that it is there
const SHOWN_SECONDS = 120; // the steps of a run that was asked for stay so long
const EVERYTHING = Symbol("everything"), MOST_ASKED = 50; // chains at once
const QUIET_SECONDS = 60; // a long view on show is drawn anew so often

const trust = window.trustedTypes?.createPolicy("prober", { createHTML: (html) => html }) ?? { createHTML: (html) => html };
const main = document.querySelector("main");
const byId = (id) => document.getElementById(id);
const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

// ── asking ──────────────────────────────────────────────────────────────────────────────────────────────────────────

class Refused extends Error {}

/** Fetch a path with the token, if there is one. Throws Refused where another token is needed. */
async function ask(path, options = {}) {
  const token = sessionStorage.getItem(TOKEN);
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  const answer = await fetch(path, { ...options, headers, cache: "no-store", signal: options.signal ?? AbortSignal.timeout(20_000) });
  if (answer.status === 401 || answer.status === 403) throw new Refused((await problem(answer)).detail);
  return answer;
}

async function problem(answer) {
  try {
    return await answer.json();
  } catch {
    return { detail: `the prober answered ${answer.status}` };
  }
}

/** Ask the reader for a token; whether one was given. */
function askForToken(why) {
  const dialog = byId("ask");
  byId("ask-why").textContent = why;
  byId("token").value = "";
  if (!dialog.open) dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => {
      const given = dialog.returnValue === "ok" && byId("token").value.trim();
      if (given) sessionStorage.setItem(TOKEN, given);
      byId("token").value = "";
      done(Boolean(given));
    }, { once: true });
  });
}

/** Do something that may need a token, and ask for one as often as it takes. */
async function withToken(doing) {
  for (;;) {
    try {
      return await doing();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      sessionStorage.removeItem(TOKEN);
      if (!(await askForToken(error.message))) return null;
    }
  }
}

// ── putting parts in place ──────────────────────────────────────────────────────────────────────────────────────────

/** Put each part of `html` where the part of that id is, and keep what the reader has opened, drawn and focused. */
function place(html) {
  for (const part of partsOf(html)) {
    const old = byId(part.id);
    if (old) exchange(old, part);
  }
  tick();
}

/** The same for all parts there are: chains come and go with the config. */
function placeAll(html) {
  const parts = partsOf(html), kept = new Set(parts.map((part) => part.id));
  for (const old of main.querySelectorAll("[data-part]")) if (!kept.has(old.id)) old.remove();
  for (const part of parts) {
    const old = byId(part.id);
    if (old) exchange(old, part);
    main.append(byId(part.id) ?? part);
  }
  tick();
}

function partsOf(html) {
  const parsed = new DOMParser().parseFromString(trust.createHTML(html), "text/html");
  return [...parsed.querySelectorAll("[data-part]")].map((part) => document.adoptNode(part));
}

const REACHED = "a, button, summary, [tabindex]"; // by the Tab key

function exchange(old, part) {
  if (old.isEqualNode(part)) return;
  const active = document.activeElement, place = [...old.querySelectorAll(REACHED)].indexOf(active);
  const scrolled = new Map(); // what is not in the document does not scroll
  keepState(old, part, scrolled);
  old.replaceWith(part);
  for (const [wide, left] of scrolled) wide.scrollLeft = left;
  if (place < 0) return;
  const reached = [...part.querySelectorAll(REACHED)]; // what was added before it moves it on
  (reached.find((each) => each === active || each.isEqualNode(active)) ?? reached[place])?.focus({ preventScroll: true });
}

function keepState(old, part, scrolled) {
  for (const details of old.querySelectorAll("details[id]")) {
    const again = part.querySelector(`#${CSS.escape(details.id)}`);
    if (again) again.open = details.open;
  }
  for (const wide of old.querySelectorAll(".wide[aria-label]")) {
    const again = wide.scrollLeft && part.querySelector(`.wide[aria-label="${CSS.escape(wide.getAttribute("aria-label"))}"]`);
    if (again) scrolled.set(again, wide.scrollLeft);
  }
  const drawn = old.querySelector("[data-history]");
  if (drawn?.dataset.drawn) part.querySelector("[data-history]")?.replaceWith(drawn);
  const steps = old.querySelector(".live-steps:not([hidden])");
  if (steps && !(Number(steps.dataset.over) < Date.now() - SHOWN_SECONDS * 1000)) part.querySelector(".live-steps")?.replaceWith(steps);
}

async function refresh(path, put = place) {
  const answer = await ask(path);
  if (answer.ok) put(await answer.text());
}

// ── ages ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const UNITS = [[86_400, "day"], [3_600, "hour"], [60, "minute"], [1, "second"]];

function distance(seconds) {
  const [length, unit] = UNITS.find(([each]) => Math.abs(seconds) >= each) ?? [1, "second"];
  const count = Math.floor(Math.abs(seconds) / length);
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** Each moment in the reader's own time, and how long ago it is. */
function tick() {
  const now = Date.now() + skew;
  for (const time of main.querySelectorAll("time[datetime]")) {
    if (time.closest(".revisions")) continue;
    const at = Date.parse(time.dateTime);
    const day = new Date(at).toDateString() === new Date(now).toDateString() ? {} : { day: "numeric", month: "short" };
    const clock = new Date(at).toLocaleString(undefined, { ...day, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
    const away = (now - at) / 1000;
    time.title = time.dateTime;
    const words = `${clock} (${away < 0 ? `in ${distance(away)}` : `${distance(away)} ago`})`;
    if (time.textContent !== words) time.textContent = words;
  }
  for (const card of main.querySelectorAll("[data-stale-at]:not(.stale)")) {
    if (Date.parse(card.dataset.staleAt) > now) continue;
    card.classList.add("stale");
    card.querySelector(".stale-note").hidden = false;
    card.querySelector("h2 .mark").textContent = "?";
  }
  sumUp();
}

/** The head of the page says of cards what they say. */
function sumUp() {
  const summary = byId("summary"), isStale = main.querySelector(".card.stale") !== null;
  if (!summary) return;
  document.title = `${lostSince || isStale ? "?" : summary.dataset.mark} ${summary.dataset.environment} · prober`;
  if (!isStale) return;
  for (const count of summary.querySelectorAll("[data-state]")) {
    const { state } = count.dataset;
    const cards = main.querySelectorAll(state === "stale" ? ".card.stale" : `.card.${state}:not(.stale)`).length;
    count.hidden = !cards;
    count.querySelector(".number").textContent = String(cards);
  }
}

let skew = 0; // the prober's clock less ours, in milliseconds

function learnSkew(answer) {
  const told = Date.parse(answer.headers.get("date") ?? "");
  if (told && Math.abs(told - Date.now()) > 2_000) skew = told - Date.now();
}

// ── live ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The events of a stream, one by one (WHATWG HTML §9.2.6); by fetch, since EventSource can show no token. */
async function* eventsOf(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await Promise.race([reader.read(), sleep(SILENT_SECONDS).then(() => ({ done: true }))]);
    if (done) return void reader.cancel();
    const blocks = (rest + value).split(/\r?\n\r?\n/);
    rest = blocks.pop();
    for (const block of blocks) {
      const lines = block.split(/\r?\n/);
      const kind = lines.find((line) => line.startsWith("event:"))?.slice(6).trim();
      const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5)).join("\n");
      if (kind && data) yield { kind, told: JSON.parse(data) };
    }
  }
}

let lostSince = null;

function connected(isIt) {
  const live = byId("live"), banner = byId("connection");
  live.dataset.state = isIt ? "on" : "off";
  live.querySelector(".word").textContent = isIt ? "live" : "not live";
  lostSince = isIt ? null : (lostSince ?? new Date());
  banner.hidden = isIt;
  if (!isIt) banner.textContent = `The prober has not been heard since ${lostSince.toLocaleTimeString()}: what you see may be over. Trying again.`;
  tick();
}

/** Listen for ever; whenever a run ends, fetch its card, and whenever somebody pauses something, all of them. */
async function listen() {
  for (let tries = 0; ; tries += 1) {
    try {
      const answer = await ask("/api/v1/events?brief=true", { signal: new AbortController().signal });
      if (!answer.ok) throw new Error(String(answer.status));
      learnSkew(answer);
      await refresh("/page/body", placeAll); // after it listens: what ends between the two would be missed
      connected(true);
      tries = 0;
      for await (const event of eventsOf(answer)) heard(event);
    } catch (error) {
      if (error instanceof Refused) {
        if ((await withToken(() => ask("/page/summary"))) === null) return shut();
      }
    }
    connected(false);
    await sleep(WAITS[Math.min(tries, WAITS.length - 1)] * (0.75 + Math.random() / 2));
  }
}

/** Nobody is asked twice who does not want to show a token. */
function shut() {
  connected(false);
  byId("connection").textContent = "Reading takes a token here. Load the page anew to be asked for it again.";
}

const changed = new Set(); // chains of which a run ended
let fetching = null;

function heard({ kind, told }) {
  if (kind !== "report" && kind !== "dropped" && kind !== "paused") return;
  changed.add(kind === "report" ? told.chain : EVERYTHING);
  fetching ??= fetchChanged().catch(() => {}).finally(() => { fetching = null; }); // a prober that is gone is missed by listen()
}

/** What ends together is fetched together, and not by all viewers at once: the more chains, the longer that may wait. */
async function fetchChanged() {
  while (changed.size) {
    await sleep(Math.random() / 2 * Math.max(1, main.querySelectorAll("article").length / 5));
    const chains = [...changed];
    changed.clear();
    if (chains.includes(EVERYTHING) || chains.length > MOST_ASKED) await refresh("/page/body", placeAll);
    else await refresh(`/page/summary?${new URLSearchParams(chains.map((chain) => ["chain", chain]))}`);
  }
}

// ── the long view ───────────────────────────────────────────────────────────────────────────────────────────────────

async function draw(box) {
  const { span } = box.dataset;
  box.setAttribute("aria-busy", "true");
  try {
    const answer = await ask(`${box.dataset.history}?span=${span}`);
    if (!answer.ok) throw new Error((await problem(answer)).detail);
    const text = await answer.text();
    if (span !== box.dataset.span) return; // another was chosen meanwhile, and may have been drawn already
    const drawn = new DOMParser().parseFromString(trust.createHTML(text), "text/html");
    const hadFocus = box.contains(document.activeElement);
    box.replaceChildren(...[...drawn.body.childNodes].map((node) => document.adoptNode(node)));
    box.dataset.drawn = String(Date.now());
    if (hadFocus) box.querySelector('[aria-pressed="true"]')?.focus({ preventScroll: true });
  } catch (error) {
    if (!(error instanceof Refused)) box.textContent = `It cannot be drawn now: ${error.message}.`;
  } finally {
    box.removeAttribute("aria-busy");
  }
}

function drawWhatIsOpen() {
  for (const box of main.querySelectorAll("details[open] > [data-history]")) {
    const age = Date.now() - Number(box.dataset.drawn ?? 0);
    const seen = box.getBoundingClientRect();
    const isIdle = !box.hasAttribute("aria-busy") && !box.contains(document.activeElement);
    if (isIdle && age > QUIET_SECONDS * 1000 && seen.top < innerHeight && seen.bottom > 0) draw(box);
  }
}

// ── run now ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const MARKS = { pass: "✓", fail: "✗", blind: "◌", skip: "–" };

async function runNow({ dataset: { run: chain } }) {
  if (!sessionStorage.getItem(TOKEN) && !(await askForToken("Running a chain takes a token that may."))) return;
  const button = main.querySelector(`button[data-run="${CSS.escape(chain)}"]`); // the card may be another by now
  if (!button) return;
  button.disabled = true;
  const list = button.closest("article").querySelector(".live-steps");
  list.replaceChildren();
  delete list.dataset.over;
  list.hidden = false;
  say(list, "skip", "asked for; its steps appear as they end");
  try {
    const answer = await withToken(() => ask(`/api/v1/chains/${chain}/runs`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ reason: "asked for on the page" }),
    }));
    if (answer === null) list.hidden = true;
    else if (!answer.ok) say(list, "fail", (await problem(answer)).detail);
    else await follow((await answer.json()).id, list);
  } catch (error) {
    say(list, "fail", `the prober does not answer: ${error.message}`);
  } finally {
    list.dataset.over = String(Date.now());
    for (const each of main.querySelectorAll(`button[data-run="${CSS.escape(chain)}"]`)) each.disabled = false;
  }
}

async function follow(id, list) {
  const answer = await ask(`/api/v1/runs/${id}/events`, { signal: AbortSignal.timeout(300_000) });
  if (!answer.ok) return say(list, "fail", (await problem(answer)).detail);
  for await (const { kind, told } of eventsOf(answer)) {
    if (kind === "step") say(list, told.verdict, `${told.name} (${told.service}): ${told.detail}`);
    if (kind === "report") say(list, told.run.verdict === "pass" ? "pass" : told.run.verdict === "fail" ? "fail" : "skip", `over: ${told.diagnosis.summary}`);
    if (kind === "end") return undefined;
  }
  return undefined;
}

function say(list, verdict, text) {
  const item = document.createElement("li"), mark = document.createElement("span");
  item.className = verdict;
  mark.className = "mark";
  mark.textContent = MARKS[verdict] ?? "–";
  mark.setAttribute("role", "img");
  mark.setAttribute("aria-label", verdict);
  item.append(mark, ` ${text}`);
  list.append(item);
}

// ── what is clicked ─────────────────────────────────────────────────────────────────────────────────────────────────

async function copy(button) {
  const pre = button.parentElement.querySelector("pre");
  try {
    await navigator.clipboard.writeText(pre.textContent);
    button.textContent = "Copied";
  } catch { // by plain http from another machine there is no clipboard
    getSelection().selectAllChildren(pre);
    button.textContent = "Selected";
  }
  await sleep(2);
  button.textContent = "Copy";
}

/** Where reading takes a token a link cannot show it: the evidence is fetched, and shown as text. */
async function showEvidence(link) {
  const path = new URL(link.getAttribute("href"), location.href);
  const answer = await withToken(() => ask(`${path.pathname}${path.search}`, { headers: { Accept: "text/plain" } }));
  if (answer === null) return;
  const dialog = byId("text");
  dialog.querySelector("pre").textContent = answer.ok ? await answer.text() : (await problem(answer)).detail;
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button"), link = event.target.closest("a[data-evidence], a[data-text]");
  if (button?.dataset.run !== undefined) runNow(button);
  else if (button?.dataset.copy !== undefined) copy(button);
  else if (button?.dataset.span) {
    const box = button.closest("[data-history]");
    box.dataset.span = button.dataset.span;
    draw(box);
  } else if (link && (main.dataset.locked !== undefined || link.dataset.text !== undefined)) {
    event.preventDefault();
    showEvidence(link);
  }
});

document.addEventListener("toggle", drawWhatIsOpen, true);
document.addEventListener("scroll", drawWhatIsOpen, { passive: true });
setInterval(tick, 1000);
setInterval(drawWhatIsOpen, 5000);
tick();
drawWhatIsOpen();
listen();
