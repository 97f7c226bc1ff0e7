// What the page asks the service for. The paths are the page's own origin: nginx passes them on.

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, { headers: { "Content-Type": "application/json" }, ...options });
  } catch {
    throw new Error("the service does not answer; try again in a moment");
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.error ?? `the service answered ${answer.status}`);
  return body;
}

export const list = () => ask("/books");

export function save({ id, title, author, year, about }) {
  const body = JSON.stringify({ title, author, year, about });
  return ask(`/books/${encodeURIComponent(id)}`, { method: "PUT", body });
}
