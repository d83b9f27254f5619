// Lines to paste: with the address by which this page was reached, and a button to copy each.

const address = new URL("./", location).href.replaceAll("'", "%27");
for (const span of document.querySelectorAll(".address")) span.textContent = address;

for (const command of document.querySelectorAll(".command")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    const code = command.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch { // an address without TLS: select it instead
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  command.append(button);
}
