// Signing in with a key, if the server requires one: a dialog over the current view.

import { field, h } from "./dom.js";
import { onUnauthorized, pause, post, read, remove } from "./server.js";
import { explain } from "./words.js";

let asking = null;

export function beginSession() {
  onUnauthorized(() => {
    asking ??= askForKey().finally(() => { asking = null; });
    return asking;
  });
  const button = document.getElementById("sign-out");
  button.addEventListener("click", async () => {
    await remove("session");
    location.reload();
  });
  offerToSignOut();
}

async function offerToSignOut() {
  try {
    const { owner, requires_key } = await read("session");
    document.getElementById("sign-out").hidden = !requires_key || owner === null;
  } catch {
    await pause(2000);
    offerToSignOut();
  }
}

function askForKey() {
  return new Promise((resolve) => {
    const key = h("input", { type: "password", autocomplete: "current-password", required: true });
    const keyField = field("Key", key, { id: "session-key", help: "You sign in once; this browser then remembers you for 30 days." });
    const form = h("form", { onsubmit: async (event) => {
      event.preventDefault();
      try {
        await post("session", { key: key.value });
        dialog.close(); // the focus goes back to where it was
        dialog.remove(); // before the event of its closing could open it again
        offerToSignOut();
        resolve();
      } catch (problem) {
        keyField.fault(explain(problem));
        key.select();
      }
    } }, h("h2", { id: "session-title" }, "Sign in"),
      h("p", { class: "quiet" }, "This server is shared. Enter the key that whoever runs it gave you."),
      keyField, h("button", { class: "primary" }, "Sign in"));
    const open = () => { dialog.showModal(); key.focus(); };
    // Nothing can be done without a key, and a second Escape closes a dialog whatever its page says.
    const dialog = h("dialog", { "aria-labelledby": "session-title", oncancel: (event) => event.preventDefault(), onclose: () => dialog.isConnected && open() }, form);
    document.body.append(dialog);
    open();
  });
}
