// Starts `mpcc lsp` and speaks with it; everything else is the server's.
"use strict";

const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

async function start() {
  const command = vscode.workspace.getConfiguration("mpcc").get("command", "mpcc");
  client = new LanguageClient(
    "mpcc",
    "mpcc",
    { command, args: ["lsp"] },
    { documentSelector: [{ scheme: "file", language: "mpc" }, { scheme: "untitled", language: "mpc" }] }
  );
  try {
    await client.start();
  } catch (e) {
    vscode.window.showErrorMessage(`mpcc: \`${command} lsp\` does not start: ${e.message}. See the setting mpcc.command.`);
  }
}

async function stop() {
  const old = client;
  client = undefined;
  if (old) {
    await old.stop();
  }
}

exports.activate = async (context) => {
  const restart = async () => {
    await stop();
    await start();
  };
  context.subscriptions.push(
    vscode.commands.registerCommand("mpcc.restart", restart),
    vscode.workspace.onDidChangeConfiguration(async (e) => {
      if (e.affectsConfiguration("mpcc.command")) {
        await restart();
      }
    })
  );
  await start();
};

exports.deactivate = stop;
