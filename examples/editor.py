"""An editor in forty lines: starts the language server and shows what it suggests.

python examples/editor.py
"""

import itertools
import json
import subprocess
import sys

TEXT = "def square_area(side):\n    return "
URI = "file:///example/shapes.py"

server = subprocess.Popen(
    [sys.executable, "-m", "dgls", "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
)
numbers = itertools.count(1)


def send(method, params, **more):
    body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more}).encode()
    server.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    server.stdin.flush()


def ask(method, params):
    number = next(numbers)
    send(method, params, id=number)
    while True:
        length = 0
        while line := server.stdout.readline().strip():
            length = int(line.split(b":")[1]) if line.lower().startswith(b"content-l") else length
        message = json.loads(server.stdout.read(length))
        if message.get("id") == number and "method" not in message:
            return message["result"]


capabilities = {"textDocument": {"inlineCompletion": {}}}
ask("initialize", {"processId": None, "rootUri": None, "capabilities": capabilities})
send("initialized", {})
document = {"uri": URI, "languageId": "python", "version": 1, "text": TEXT}
send("textDocument/didOpen", {"textDocument": document})
place = {"textDocument": {"uri": URI}, "position": {"line": 1, "character": 11}}
for item in ask("textDocument/inlineCompletion", {**place, "context": {"triggerKind": 1}}) or []:
    print(TEXT + item["insertText"])
ask("shutdown", None)
send("exit", None)
