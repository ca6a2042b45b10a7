// Uploads in the browser: each dropped or chosen file is sent in its own request, with a progress bar. Without this script
// the form sends all files at once.
"use strict";

for (const form of document.querySelectorAll("form[data-upload]")) {
  const input = form.querySelector("input[type=file]");
  const button = form.querySelector("button");
  const list = document.getElementById("sent");
  const told = document.getElementById("progress");
  const limit = Number(form.dataset.limit) || 0;
  let busy = false;

  form.addEventListener("dragover", (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    if (event.dataTransfer.files.length) send([...event.dataTransfer.files]);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (input.files.length) send([...input.files]);
  });
  addEventListener("beforeunload", (event) => {
    if (busy) event.preventDefault();
  });

  async function send(files) {
    if (busy) return;
    busy = true;
    button.disabled = true;
    list.hidden = false;
    let added = 0;
    let refused = 0;
    for (const [n, file] of files.entries()) {
      told.textContent = "Sending " + (n + 1) + " of " + files.length + ": " + file.name;
      const ok = await sendOne(file, row(file));
      if (ok) added++;
      else refused++;
    }
    told.textContent = added + (added === 1 ? " file uploaded" : " files uploaded") + (refused ? ", " + refused + " refused" : "") + ".";
    button.disabled = false;
    input.value = "";
    busy = false;
  }

  function row(file) {
    const item = document.createElement("li");
    const head = document.createElement("p");
    const name = document.createElement("span");
    name.className = "file";
    name.textContent = file.name;
    const badge = document.createElement("span");
    badge.className = "badge";
    badge.textContent = "Sending";
    head.append(name, " ", badge);
    const bar = document.createElement("progress");
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", "Progress of " + file.name);
    const text = document.createElement("p");
    item.append(head, bar, text);
    list.append(item);
    return { item, badge, bar, text };
  }

  function finish(to, ok, text, link, warnings) {
    to.bar.remove();
    to.badge.className = ok ? "badge good" : "badge bad";
    to.badge.textContent = ok ? "Uploaded" : "Refused";
    to.text.textContent = text + " ";
    if (link) {
      const a = document.createElement("a");
      a.href = link;
      a.textContent = "View release";
      to.text.append(a);
    }
    for (const warning of warnings || []) {
      const p = document.createElement("p");
      p.className = "small";
      p.textContent = warning;
      to.item.append(p);
    }
    return ok;
  }

  function sendOne(file, to) {
    if (limit && file.size > limit) {
      return Promise.resolve(finish(to, false, "The file is larger than this index allows."));
    }
    return new Promise((done) => {
      const request = new XMLHttpRequest();
      request.open("POST", location.href);
      request.setRequestHeader("Accept", "application/json");
      request.upload.addEventListener("progress", (event) => {
        if (event.lengthComputable) to.bar.value = event.loaded / event.total;
      });
      request.upload.addEventListener("load", () => {
        to.badge.textContent = "Checking";
        to.bar.removeAttribute("value");
      });
      request.addEventListener("load", () => {
        let answer;
        try {
          answer = JSON.parse(request.responseText).results[0];
        } catch {
          const text = request.status === 429 ? "Too many uploads. Wait a minute and try again." : "The server refused the file (" + request.status + "). Reload the page and try again.";
          done(finish(to, false, text));
          return;
        }
        done(finish(to, answer.ok, answer.text, answer.link, answer.warnings));
      });
      request.addEventListener("error", () => done(finish(to, false, "The connection was lost and the file was discarded. Try again.")));
      const body = new FormData();
      body.append("content", file);
      request.send(body);
    });
  }
}
