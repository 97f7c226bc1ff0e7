"use strict";

// The deployment fills in the address that visitors use (stackctl.yaml, `fill`).
let address = "//${IP_ADDRESS}/names";

const list = document.getElementById("names");
const count = document.getElementById("count");
const empty = document.getElementById("empty");
const form = document.getElementById("form");
const input = document.getElementById("name");
const button = form.querySelector("button");
const message = document.getElementById("message");

function say(text, isError = false) {
  message.textContent = text;
  message.classList.toggle("error", isError);
}

// The answer's JSON, or an Error whose message a visitor can read.
async function ask(options) {
  let answer;
  try {
    answer = await fetch(address, { signal: AbortSignal.timeout(20000), ...options });
  } catch {
    throw new Error("The server cannot be reached.");
  }
  const body = await answer.json().catch(() => null);
  if (!answer.ok || body === null) {
    throw new Error("The server says: " + (body?.error ?? "error " + answer.status));
  }
  return body;
}

function show(names) {
  list.replaceChildren(
    ...names.map((name) => {
      const item = document.createElement("li");
      item.dir = "auto";
      item.textContent = name; // as text: a name is never markup
      return item;
    }),
  );
  count.textContent = names.length || "";
  empty.hidden = names.length > 0;
}

async function load() {
  show(await ask());
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = input.value.trim();
  if (!name) {
    say("Type a name first.", true);
    return;
  }
  button.disabled = true;
  try {
    const added = await ask({
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name }),
    });
    input.value = "";
    say("Added " + added.name + ".");
    await load();
    list.lastElementChild?.scrollIntoView({ block: "nearest" });
  } catch (problem) {
    say(problem.message, true);
  } finally {
    button.disabled = false;
    input.focus();
  }
});

// Opened under another name of the same host, the page may not ask the first address; its own always answers.
load()
  .catch(() => {
    address = "/names";
    return load();
  })
  .catch((problem) => say(problem.message, true));
