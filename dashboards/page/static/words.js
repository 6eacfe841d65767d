// The few texts that scripts write, in the page's language: <body data-words='{"live": …}'>.
const words = JSON.parse(document.body.dataset.words || "{}");

export function word(name, value = "") {
  return (words[name] ?? name).replace("{}", value);
}
