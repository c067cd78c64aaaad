"""`make student`: a copy of the course to hand out, without solutions and instructor's notes.

dist/student gets the wheel, constraints.txt and a README with two commands. The wheel is the
ordinary one less what is left out; its version ends in "+student", so that neither is taken for
the other. Nothing is written when a solution is found in it, wherever that is.
"""

import ast
import base64
import csv
import hashlib
import html
import importlib
import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from fedlab.exercises import Exercise
from fedlab.grading.edits import is_answer

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
LEFT_OUT = re.compile(
    r"fedlab/exercises/solutions/|fedlab/shipped/lessons/instructor\.md$|.*\.ipynb_checkpoints/"
)
_WORK = (ast.Call, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Subscript)


def ordinary_wheel(folder: Path) -> Path:
    """Build the repository's wheel in a folder."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def student_wheel(wheel: Path, folder: Path) -> Path:
    """Write a wheel without what is left out, in `folder`."""
    name, version, *tags = wheel.stem.split("-")
    own = f"{version}+student"
    before, after = (f"{name}-{number}.dist-info/" for number in (version, own))
    target, rows = folder / ("-".join([name, own, *tags]) + ".whl"), []
    with zipfile.ZipFile(wheel) as whole, zipfile.ZipFile(target, "w") as copy:
        for entry in whole.infolist():
            if LEFT_OUT.match(entry.filename) or entry.filename == f"{before}RECORD":
                continue
            content = whole.read(entry)
            if entry.filename == f"{before}METADATA":
                content = content.replace(
                    f"\nVersion: {version}\n".encode(), f"\nVersion: {own}\n".encode(), 1
                )
            entry.filename = entry.filename.replace(before, after, 1)
            copy.writestr(entry, content, zipfile.ZIP_DEFLATED)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            rows.append([entry.filename, f"sha256={digest.decode()}", len(content)])
        record = io.StringIO()
        csv.writer(record, lineterminator="\n").writerows([*rows, [f"{after}RECORD", "", ""]])
        copy.writestr(f"{after}RECORD", record.getvalue(), zipfile.ZIP_DEFLATED)
    return target


def leaks(wheel: Path) -> list[str]:
    """Where in a wheel a solution stands, or an answer; a sentence each.

    A file gives a solution away with the expression that is its result, or with more than half of
    the lines that lead to it. White space, brackets and quotes do not hide it.
    """
    with zipfile.ZipFile(wheel) as archive:
        found = [
            f"{name}: it is to be left out" for name in archive.namelist() if LEFT_OUT.match(name)
        ]
        texts = {name: text_of(name, archive.read(name)) for name in archive.namelist()}
        for name in (one for one in texts if one.endswith(".ipynb")):
            found += [f"{name}: {what}" for what in answers(json.loads(archive.read(name)))]
    squeezed = {name: _squeezed(text) for name, text in texts.items()}
    for exercise in exercises():
        results, steps = telling(exercise)
        for name, text in squeezed.items():
            held = sum(_stands(step, text) for step in steps)
            if any(_stands(one, text) for one in results) or 2 * held > len(steps) > 0:
                found.append(f"{name}: the solution of {exercise.name}")
    return found


def answers(notebook: dict) -> Iterator[str]:
    """What in a notebook's code cells answers an exercise, or shows a solution."""
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code":
            continue
        if ".solution(" in source:
            yield f"a cell shows a solution: {source.splitlines()[0]}"
        shown = [one.get("data", {}).get("text/plain", "Not attempted") for one in cell["outputs"]]
        if ".check(" in source and not (
            is_answer(source) and all("".join(text).startswith("Not attempted") for text in shown)
        ):
            yield f"an answer is filled in: {source.splitlines()[-1]}"


def exercises() -> list[Exercise]:
    """Every exercise of the course."""
    names = sorted(path.stem for path in (ROOT / "fedlab/exercises").glob("lesson_*.py"))
    modules = [importlib.import_module(f"fedlab.exercises.{name}") for name in names]
    return [exercise for module in modules for exercise in module.ALL]


def telling(exercise: Exercise) -> tuple[list[str], list[str]]:
    """The expressions that are a solution's results, and the lines that lead to them."""
    results, steps = [], []
    for node in ast.walk(ast.parse(exercise.solution_source())):
        match node:
            case ast.Return(value=value) | ast.Assign(targets=[ast.Name("answer")], value=value):
                parts = [value] if not isinstance(value, ast.Tuple) else value.elts
                results += [part for part in parts if _computes(part)]
            case ast.For() | ast.While() | ast.If() | ast.With():
                bare = {**vars(node), "body": [ast.Pass()], "orelse": []}
                steps.append(type(node)(**bare))
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.Expr():
                steps.append(node)
    return [_code(node) for node in results], [_code(node) for node in steps if _computes(node)]


def text_of(name: str, content: bytes) -> str:
    """What can be read in a file: of a notebook the cells and their outputs; of a picture none."""
    if name.endswith((".png", ".jpg")):
        return ""
    text = content.decode("utf-8", "replace")
    if not name.endswith(".ipynb"):
        return text
    pieces = []
    for cell in json.loads(text)["cells"]:
        pieces.append("".join(cell["source"]))
        for output in cell.get("outputs", []):
            shown = {"text": output.get("text", "")} | output.get("data", {})
            pieces += [
                html.unescape("".join(value) if isinstance(value, list) else str(value))
                for kind, value in shown.items()
                if not kind.startswith("image/p")
            ]
    return "\n".join(pieces)


def build(folder: Path) -> Path:
    """Fill a folder with what students get; the wheel. Raises ValueError on a leak."""
    with tempfile.TemporaryDirectory() as workshop:
        wheel = student_wheel(ordinary_wheel(Path(workshop)), Path(workshop))
        if found := leaks(wheel):
            raise ValueError("\n".join(["nothing is handed out, for it holds:", *found]))
        folder.mkdir(parents=True, exist_ok=True)
        for older in folder.glob("fedlab_course-*+student-*.whl"):
            older.unlink()
        shutil.copy(wheel, folder)
    shutil.copy(ROOT / "constraints.txt", folder)
    words = (HERE / "README.md").read_text("utf-8").replace("WHEEL", wheel.name)
    (folder / "README.md").write_text(words, "utf-8", newline="\n")
    return folder / wheel.name


def _computes(node: ast.AST) -> bool:
    return isinstance(node, ast.AugAssign) or any(isinstance(n, _WORK) for n in ast.walk(node))


def _code(node: ast.AST) -> str:
    return _squeezed(re.sub(r"\s*pass$", "", ast.unparse(node)))


def _squeezed(text: str) -> str:
    return re.sub(r"(?<=\d)_(?=\d)", "", re.sub(r"[\s()\"'\\]", "", text))


def _stands(piece: str, text: str) -> bool:
    """Whether it is in a squeezed text, and not as a part of longer numbers."""
    ends = rf"(?<![\d.]){re.escape(piece)}(?!\d)" if piece[0].isdigit() else re.escape(piece)
    return piece in text and re.search(ends, text) is not None


def main() -> int:
    """Build it into dist/student; the exit status."""
    folder = ROOT / "dist" / "student"
    try:
        build(folder)
    except ValueError as error:
        print(f"make student: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"make student: no wheel:\n{error.stderr.decode()}", file=sys.stderr)
        return 1
    for path in sorted(folder.iterdir()):
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
