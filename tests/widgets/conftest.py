"""The demos' JavaScript in Node, for tests that ask it what they ask Python."""

import json
import shutil
import subprocess
from contextlib import ExitStack

import pytest


class Node:
    """A Node process that runs the module the browser gets: one JSON question, one JSON answer."""

    def __init__(self, folder, demo):
        (folder / "demo.mjs").write_text(demo()._esm, encoding="utf-8")
        (folder / "ask.mjs").write_text(
            'import { createInterface } from "node:readline";\n'
            'import * as demo from "./demo.mjs";\n'
            "const kinds = { BigInt, Number };\n"
            "const read = (_, value) => {\n"
            "  for (const kind in kinds) if (value?.[kind]) return kinds[kind](value[kind]);\n"
            "  return value;\n"
            "};\n"
            "const write = (_, value) => typeof value === 'bigint' ? String(value) : value;\n"
            "for await (const line of createInterface({ input: process.stdin })) {\n"
            "  const [name, ...args] = JSON.parse(line, read);\n"
            "  console.log(JSON.stringify(demo[name](...args), write));\n"
            "}\n",
            encoding="utf-8",
        )
        self.process = subprocess.Popen(
            [shutil.which("node"), "ask.mjs"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def ask(self, name, *args):
        """Call an exported function; in what it returns, a BigInt is text.

        An argument {"BigInt": "12"} arrives as a BigInt, {"Number": "NaN"} as that number.
        """
        self.process.stdin.write(json.dumps([name, *args]) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=10)


@pytest.fixture(scope="module")
def start_node(tmp_path_factory):
    """Start a Node with a demo's module in it; it ends with the test module."""
    if shutil.which("node") is None:
        pytest.skip("no node on the PATH: install Node.js 18 or newer to run the demos' JavaScript")
    with ExitStack() as stack:

        def start(demo):
            node = Node(tmp_path_factory.mktemp("node"), demo)
            stack.callback(node.close)
            return node

        yield start
