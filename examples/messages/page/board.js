"use strict";

const form = document.getElementById("form");
const list = document.getElementById("messages");
const empty = document.getElementById("empty");
const more = document.getElementById("more");
const status = document.getElementById("status");
const PAGE = 50; // how many the server gives at once

function say(text, isError = false) {
  status.textContent = text;
  status.classList.toggle("error", isError);
}

// The answer's JSON, or an Error whose message a visitor can read.
async function ask(address, options) {
  let answer;
  try {
    answer = await fetch(address, { signal: AbortSignal.timeout(30000), ...options });
  } catch {
    throw new Error("The server cannot be reached.");
  }
  const body = await answer.json().catch(() => null);
  if (!answer.ok || body === null) {
    throw new Error("The server says: " + (body?.error ?? "error " + answer.status));
  }
  return body;
}

function item(message) {
  const element = document.createElement("li");
  element.dataset.id = message.id;
  const text = document.createElement("p");
  text.dir = "auto";
  text.textContent = message.text; // as text: a message is never markup
  element.append(text);
  if (message.picture) {
    const picture = document.createElement("img");
    picture.src = message.picture;
    picture.alt = "The picture of this message";
    picture.loading = "lazy";
    element.append(picture);
  }
  const posted = document.createElement("time");
  posted.dateTime = message.posted;
  posted.textContent = new Date(message.posted).toLocaleString();
  element.append(posted);
  return element;
}

async function load(before) {
  const messages = await ask("/messages" + (before ? "?before=" + before : ""));
  list.append(...messages.map(item));
  more.hidden = messages.length < PAGE;
  empty.hidden = list.children.length > 0;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  const data = new FormData(form);
  if (!data.get("picture")?.size) {
    data.delete("picture");
  }
  button.disabled = true;
  say("Posting …");
  try {
    list.prepend(item(await ask("/messages", { method: "POST", body: data })));
    empty.hidden = true;
    form.reset();
    say("Posted.");
  } catch (problem) {
    say(problem.message, true);
  } finally {
    button.disabled = false;
  }
});

more.addEventListener("click", () => {
  load(list.lastElementChild?.dataset.id).catch((problem) => say(problem.message, true));
});

load().catch((problem) => say(problem.message, true));
