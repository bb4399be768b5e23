/** Puts the page together. */
import { render } from "preact";
import { Shell } from "./shell";
import { go } from "./state";
import "uplot/dist/uPlot.min.css";
import "./style.css";

const root = document.getElementById("app");
if (root) {
  root.replaceChildren();
  root.addEventListener("click", go);
  render(<Shell />, root);
}
