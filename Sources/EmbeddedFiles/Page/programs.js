// The request behind the derivation, as programs that run as they stand.

const programs = {
  curl: (address, body, hasToken) => `curl -s ${address} -H 'Content-Type: application/json' \\
${hasToken ? `  -H "Authorization: Bearer $TOKEN" \\\n` : ""}  -d '${body}'`,

  Python: (address, body, hasToken) => `import json${hasToken ? ", os" : ""}
from urllib.request import Request, urlopen

body = ${body}
request = Request("${address}", json.dumps(body).encode(), {"Content-Type": "application/json"})
${hasToken ? `request.add_header("Authorization", "Bearer " + os.environ["TOKEN"])
` : ""}answer = json.load(urlopen(request))
print(answer["loss"], answer["derivation"]["gradient"])`,

  JavaScript: (address, body, hasToken) => `const response = await fetch("${address}", {
  method: "POST",
  headers: { "Content-Type": "application/json"${hasToken ? ", Authorization: `Bearer ${process.env.TOKEN}`" : ""} },
  body: JSON.stringify(${body}),
});
const answer = await response.json();
console.log(answer.loss, answer.derivation.gradient);`,

  R: (address, body, hasToken) => `library(httr2)

answer <- request("${address}") |>
${hasToken ? `  req_auth_bearer_token(Sys.getenv("TOKEN")) |>
` : ""}  req_body_raw('${body}', type = "application/json") |>
  req_perform() |>
  resp_body_json()
print(answer$loss, digits = 17)
print(unlist(answer$derivation$gradient), digits = 17)`,
};

const addressOf = path => new URL(path, document.baseURI).href;

function drawProgram() {
  byId("code").textContent = programs[state.language](addressOf("gradient"), latest.asked, token !== "");
  byId("raw").textContent = latest.text;
}

/** Browsers lend the clipboard only to pages from https or from this machine; elsewhere the text is marked. */
async function copy(text, name, element) {
  const said = byId("copied");
  try {
    await navigator.clipboard.writeText(text);
    said.textContent = `The ${name} is copied.`;
  } catch {
    said.textContent = element === said ? text : `The ${name} is marked; copy it with the keyboard.`;
    getSelection().selectAllChildren(element);
  }
}

function listenToPrograms() {
  byId("languages").append(...Object.keys(programs).map(name => choice("language", name, name)));
  byId("languages").addEventListener("input", ({ target }) => {
    state.language = target.value;
    saveFragment();
    if (latest) drawProgram();
  });
  byId("copy").addEventListener("click", () => copy(byId("code").textContent, "program", byId("code")));
  byId("link").addEventListener("click", () => copy(addressOf(fragment(state)), "link", byId("copied")));
  byId("here").textContent = addressOf("./");
}
