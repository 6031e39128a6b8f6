// The page of a server.

import { start } from "./app.js";
import { byId } from "./dom.js";
import { NeedsKey, server, useKey } from "./server.js";

async function open() {
  try {
    await start(server);
    byId("key-form").hidden = true;
  } catch (error) {
    if (error instanceof NeedsKey) {
      byId("lede").textContent = "Enter the key that the server's owner gave you.";
      byId("key-form").hidden = false;
      byId("key").focus();
      return;
    }
    byId("lede").textContent = error instanceof Error ? error.message : String(error);
  }
}

byId("key-form").addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  useKey(byId("key").value);
  void open();
});
void open();
