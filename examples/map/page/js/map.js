"use strict";

const SVG = "http://www.w3.org/2000/svg";

// The coast from Malibu to San Diego, north to south, as longitude and latitude; the land lies to the east of it.
const COAST = [
  [-118.8, 34.01], [-118.51, 34.02], [-118.4, 33.84], [-118.415, 33.745], [-118.293, 33.705], [-118.25, 33.745],
  [-118.2, 33.768], [-118.165, 33.762], [-118.13, 33.751], [-118.108, 33.738], [-118.075, 33.716], [-118.045, 33.69],
  [-118.006, 33.656], [-117.96, 33.63], [-117.93, 33.607], [-117.9, 33.598], [-117.88, 33.592], [-117.866, 33.587],
  [-117.842, 33.571], [-117.815, 33.553], [-117.788, 33.542], [-117.775, 33.527], [-117.755, 33.509], [-117.742, 33.489],
  [-117.722, 33.472], [-117.714, 33.459], [-117.698, 33.456], [-117.686, 33.461], [-117.66, 33.446], [-117.622, 33.418],
  [-117.595, 33.386], [-117.56, 33.368], [-117.39, 33.2], [-117.25, 32.85],
];
const EAST = -117.5;
const NORTH = 33.8;
const SOUTH = 33.35;
const WEST = -118.25;
const WIDTH = 1000;
// A degree of longitude is shorter than one of latitude, the more so the further north.
const HEIGHT = (WIDTH * (NORTH - SOUTH)) / ((EAST - WEST) * Math.cos((((NORTH + SOUTH) / 2) * Math.PI) / 180));

const $ = (id) => document.getElementById(id);
const map = $("map");
let places = [];
let chosen = null; // the id of the place that is shown
let edited = null; // the place in the form; null for a new one

const x = (longitude) => ((longitude - WEST) / (EAST - WEST)) * WIDTH;
const y = (latitude) => ((NORTH - latitude) / (NORTH - SOUTH)) * HEIGHT;

function say(text, isError = false) {
  $("message").textContent = text;
  $("message").classList.toggle("error", isError);
}

// The answer's JSON, or an Error whose message a visitor can read.
async function ask(path, method = "GET", sent = undefined) {
  const options = { method, signal: AbortSignal.timeout(10000) };
  if (sent !== undefined) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(sent);
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The server cannot be reached.");
  }
  const body = await answer.json().catch(() => null);
  if (!answer.ok || body === null) {
    throw new Error("The server says: " + (body?.error ?? "error " + answer.status));
  }
  return body;
}

function element(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
}

function draw() {
  map.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  map.replaceChildren();
  const corners = [[EAST + 2, COAST.at(-1)[1]], [EAST + 2, NORTH + 2], [COAST[0][0], NORTH + 2]];
  const points = [...COAST, ...corners];
  element("polygon", { class: "land", points: points.map(([lon, lat]) => `${x(lon)},${y(lat)}`).join(" ") }, map);
  const words = $("search").value.trim().toLowerCase();
  for (const place of places) {
    const mark = element("g", { class: `place ${place.kind}`, role: "button", tabindex: 0 }, map);
    mark.dataset.id = place.id;
    mark.classList.toggle("chosen", place.id === chosen);
    mark.classList.toggle("dimmed", !matches(place, words));
    mark.setAttribute("aria-label", place.name);
    mark.setAttribute("transform", `translate(${x(place.longitude)} ${y(place.latitude)})`);
    element("circle", { r: 9 }, mark);
    element("text", { x: 14, y: 5 }, mark).textContent = place.name;
    mark.addEventListener("click", (event) => {
      if ($("place-form").hidden) {
        event.stopPropagation();
        choose(place.id);
      }
    });
    mark.addEventListener("keydown", (event) => {
      if (event.key === "Enter") choose(place.id);
    });
  }
  const [longitude, latitude] = [$("longitude").valueAsNumber, $("latitude").valueAsNumber];
  if (!$("place-form").hidden && Number.isFinite(longitude) && Number.isFinite(latitude)) {
    element("circle", { class: "new", r: 12, cx: x(longitude), cy: y(latitude) }, map);
  }
}

const matches = (place, words) => `${place.name} ${place.note}`.toLowerCase().includes(words);

function list() {
  const words = $("search").value.trim().toLowerCase();
  const found = places.filter((place) => matches(place, words));
  $("found").replaceChildren(
    ...found.map((place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = place.name; // as text: a name is never markup
      button.setAttribute("aria-current", place.id === chosen);
      button.addEventListener("click", () => choose(place.id));
      const item = document.createElement("li");
      item.append(button);
      return item;
    }),
  );
  $("names").replaceChildren(...places.map((place) => new Option(place.name, place.name)));
  return found;
}

async function choose(id) {
  chosen = id;
  const place = places.find((place) => place.id === id);
  $("place").hidden = !place;
  list();
  draw();
  if (!place) return;
  $("place-name").textContent = place.name;
  $("place-kind").textContent = `${place.kind}, ${place.latitude.toFixed(4)}, ${place.longitude.toFixed(4)}`;
  $("place-note").textContent = place.note;
  $("sightings").replaceChildren();
  await attempt(async () => {
    const seen = await ask(`/sightings?place=${id}`);
    if (chosen !== id) return;
    const lines = seen.map((one) => `${one.day}: ${one.count} × ${one.species}`);
    $("sightings").replaceChildren(
      ...lines.map((line) => {
        const item = document.createElement("li");
        item.textContent = line;
        return item;
      }),
    );
  });
}

async function load() {
  places = await ask("/places");
  list();
  draw();
}

async function attempt(work) {
  try {
    await work();
  } catch (problem) {
    say(problem.message, true);
  }
}

function openForm(place) {
  edited = place;
  $("place-form-title").textContent = place ? `Edit ${place.name}` : "A new place";
  for (const name of ["name", "kind", "latitude", "longitude", "note"]) {
    $(name).value = place?.[name] ?? (name === "kind" ? "beach" : "");
  }
  $("place-form").hidden = false;
  map.classList.add("placing");
  say("");
  draw();
  $("name").focus();
}

function closeForm() {
  $("place-form").hidden = true;
  map.classList.remove("placing");
  draw();
}

map.addEventListener("click", (event) => {
  if ($("place-form").hidden) return;
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(map.getScreenCTM().inverse());
  $("longitude").value = (WEST + (at.x / WIDTH) * (EAST - WEST)).toFixed(4);
  $("latitude").value = (NORTH - (at.y / HEIGHT) * (NORTH - SOUTH)).toFixed(4);
  draw();
});

$("search").addEventListener("input", () => {
  list();
  draw();
});

$("search-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const [first] = list();
  if (first) choose(first.id);
  say(first ? "" : "There is no such place.", !first);
});

$("place-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  await attempt(async () => {
    const sent = { name: $("name").value, kind: $("kind").value, note: $("note").value };
    for (const name of ["latitude", "longitude"]) sent[name] = $(name).valueAsNumber;
    const saved = edited ? await ask(`/places/${edited.id}`, "PUT", sent) : await ask("/places", "POST", sent);
    closeForm();
    $("search").value = "";
    await load();
    await choose(saved.id);
    say(`Saved ${saved.name}.`);
  });
});

$("sighting-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  await attempt(async () => {
    const now = new Date();
    const day = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, "0"));
    const sent = { place: chosen, species: $("species").value, count: $("count").valueAsNumber, day: day.join("-") };
    await ask("/sightings", "POST", sent);
    $("species").value = "";
    await choose(chosen);
  });
});

$("new").addEventListener("click", () => openForm(null));
$("edit").addEventListener("click", () => openForm(places.find((place) => place.id === chosen)));
$("cancel").addEventListener("click", closeForm);

attempt(load);
