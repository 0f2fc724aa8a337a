// SPDX-License-Identifier: MIT
import { render } from "preact";
import { App } from "./app";
import { Connection } from "./connection";
import { findSaved, openSaved } from "./saved";
import { followAddress } from "./state";
import "./page.css";
import "./pictures.css";
import "./nova/nova.css";

const saved = findSaved();
if (saved) {
  openSaved(saved);
  render(<App connection={null} />, document.body);
} else {
  const connection = new Connection(new URLSearchParams(location.search).get("token") ?? "");
  followAddress();
  render(<App connection={connection} />, document.body);
  connection.start();
}
